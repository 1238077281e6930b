import { setImmediate as turn } from 'node:timers/promises';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { tee } from '../../../src/build/tee.ts';
import { PublisherError } from '../../../src/errors.ts';
import { digestOf } from '../../../src/registry/digest.ts';
import { OCI_LAYER } from '../../../src/registry/media-types.ts';
import type { BlobContent } from '../../../src/registry/types.ts';

const KiB = 1024;
const never = new AbortController().signal;

function content(chunks: readonly Uint8Array[], ends: { error?: unknown; size?: number } = {}) {
  let opened = 0;
  let given = 0;
  let closed = false;
  const blob: BlobContent = {
    mediaType: OCI_LAYER,
    size: ends.size ?? chunks.reduce((sum, { length }) => sum + length, 0),
    digest: null,
    async *open() {
      opened += 1;
      try {
        for (const chunk of chunks) {
          given += chunk.length;
          yield chunk;
        }
        if (ends.error !== undefined) throw ends.error;
      } finally {
        closed = true;
      }
    },
  };
  return { blob, opened: () => opened, given: () => given, closed: () => closed };
}

const read = async ({ content: { open } }: ReturnType<typeof tee>[number], pauses = 0, signal = never) => {
  const parts: Uint8Array[] = [];
  for await (const chunk of open(signal)) {
    parts.push(chunk);
    for (let pause = 0; pause < pauses; pause += 1) await turn();
  }
  return Buffer.concat(parts);
};

describe('tee', () => {
  it('gives every reader the whole content, read and hashed once, whatever their pace', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.uint8Array({ minLength: 1, maxLength: 50 }), { maxLength: 20 }),
        fc.array(fc.nat(3), { minLength: 1, maxLength: 4 }),
        async (chunks, paces) => {
          const source = content(chunks);
          const branches = tee(source.blob, paces.length);
          const all = await Promise.all(branches.map((branch, at) => read(branch, paces[at])));
          const whole = Buffer.concat(chunks);
          for (const bytes of all) expect(bytes.equals(whole)).toBe(true);
          for (const branch of branches) expect(branch.content.verified?.()).toBe(digestOf(whole));
          expect(source.opened()).toBe(1);
        },
      ),
      { numRuns: 50 },
    );
  });

  it('lets nobody run far ahead', async () => {
    const source = content(Array.from({ length: 64 }, () => new Uint8Array(256 * KiB)));
    const [fast, slow] = tee(source.blob, 2);
    if (fast === undefined || slow === undefined) throw new Error('no branches');
    const ahead = read(fast);
    for (let wait = 0; wait < 200; wait += 1) await turn();
    expect(source.given()).toBeLessThanOrEqual(1280 * KiB);
    await Promise.all([ahead, read(slow)]);
  });

  it('does not wait for a reader that left, before or after it began', async () => {
    const chunks = Array.from({ length: 64 }, () => new Uint8Array(256 * KiB));
    const [stays, never1, leaves] = tee(content(chunks).blob, 3);
    if (stays === undefined || never1 === undefined || leaves === undefined) throw new Error('no branches');
    never1.leave();
    const partly = (async () => {
      for await (const _ of leaves.content.open(never)) break;
    })();
    expect((await read(stays)).length).toBe(64 * 256 * KiB);
    await partly;
  });

  it('closes the content when all have left', async () => {
    const source = content(Array.from({ length: 64 }, () => new Uint8Array(256 * KiB)));
    const branches = tee(source.blob, 2);
    await Promise.all(
      branches.map(async (branch) => {
        for await (const _ of branch.content.open(never)) break;
      }),
    );
    for (let wait = 0; wait < 50; wait += 1) await turn();
    expect(source.closed()).toBe(true);
    expect(source.given()).toBeLessThan(64 * 256 * KiB);
  });

  it("tells every reader of the content's own failure, and of a content that is not what it was said to be", async () => {
    const failure = new PublisherError('download-corrupt', 'other bytes');
    for (const [source, code] of [
      [content([Buffer.from('ab')], { error: failure }), 'download-corrupt'],
      [content([Buffer.from('ab')], { size: 3 }), 'download-truncated'],
      [content([Buffer.from('ab')], { size: 1 }), 'download-corrupt'],
    ] as const) {
      for (const branch of tee(source.blob, 2).map((one) => read(one))) {
        await expect(branch).rejects.toMatchObject({ code });
      }
    }
    const declared = { ...content([Buffer.from('ab')]).blob, digest: digestOf(Buffer.from('cd')) };
    const branches = tee(declared, 2).map((one) => read(one));
    for (const branch of branches) await expect(branch).rejects.toMatchObject({ code: 'download-corrupt' });
  });

  it('cannot be read twice by one reader, and stops for one whose signal aborts', async () => {
    const [first, second] = tee(content([Buffer.from('ab')]).blob, 2);
    if (first === undefined || second === undefined) throw new Error('no branches');
    const stop = new AbortController();
    const stopped = read(second, 0, stop.signal);
    stop.abort(new Error('stop'));
    await expect(stopped).rejects.toThrow('stop');
    await read(first);
    await expect(read(first)).rejects.toMatchObject({ code: 'registry-unavailable', retryable: false });
  });
});
