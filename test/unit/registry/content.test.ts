import { describe, expect, it } from 'vitest';
import { Feed } from '../../../src/registry/content.ts';
import { digestOf } from '../../../src/registry/digest.ts';
import { OCI_LAYER } from '../../../src/registry/media-types.ts';
import type { BlobContent } from '../../../src/registry/types.ts';

const bytes = Buffer.from('one two three ');
const digest = digestOf(bytes);

function content(options: Partial<BlobContent> = {}): BlobContent {
  return {
    mediaType: OCI_LAYER,
    size: bytes.byteLength,
    digest: null,
    async *open() {
      yield bytes.subarray(0, 4);
      yield bytes.subarray(4, 8);
      yield bytes.subarray(8);
    },
    ...options,
  };
}

async function readAll(feed: Feed): Promise<string> {
  return String(Buffer.concat(await Array.fromAsync(feed.chunks())));
}

describe('a feed', () => {
  it('gives every byte, the digest, and true counts', async () => {
    let seen = 0;
    const feed = new Feed(content(), { onBytes: (count) => (seen += count) });
    expect(await readAll(feed)).toBe('one two three ');
    expect(feed.descriptor).toEqual({ mediaType: OCI_LAYER, digest, size: 14 });
    expect([feed.verified, feed.complete, seen]).toEqual([true, true, 14]);
    feed.rewind();
    feed.rewind();
    expect(seen).toBe(0);
  });

  it('keeps the last chunk until all is verified and the digest was told', async () => {
    const order: string[] = [];
    const feed = new Feed(content({ digest }), { onDigest: (told) => void order.push(told.digest) });
    for await (const chunk of feed.chunks()) order.push(String(chunk));
    expect(order).toEqual(['one ', 'two ', digest, 'three ']);
  });

  it.each([
    ['other bytes than declared', { digest: digestOf(Buffer.from('other')) }, 'download-corrupt'],
    ['fewer bytes than declared', { size: 20 }, 'download-truncated'],
    ['more bytes than declared', { size: 9 }, 'download-corrupt'],
  ])('never gives the last chunk of %s, nor tells a digest', async (_what, options, code) => {
    const given: string[] = [];
    let told = 0;
    const feed = new Feed(content(options), { onDigest: () => void told++ });
    const read = async () => {
      for await (const chunk of feed.chunks()) given.push(String(chunk));
    };
    await expect(read()).rejects.toMatchObject({ code });
    expect(given).not.toContain('three ');
    expect(feed.failure?.error).toMatchObject({ code });
    expect([told, feed.verified]).toEqual([0, false]);
  });

  it('takes the word of content that hashes itself, once it has ended', async () => {
    let asked = 0;
    const other = digestOf(Buffer.from('its own'));
    const verified = () => {
      asked++;
      return other;
    };
    const feed = new Feed(content({ verified }), {});
    expect(() => feed.digest).toThrow();
    await readAll(feed);
    expect([asked, feed.digest]).toEqual([1, other]);
    await expect(readAll(new Feed(content({ verified, digest }), {}))).rejects.toMatchObject({
      code: 'download-corrupt',
    });
    await expect(readAll(new Feed(content({ verified, size: 20 }), {}))).rejects.toMatchObject({
      code: 'download-truncated',
    });
  });

  it('fails with what is thrown where the digest is told', async () => {
    const thrown = new Error('the ledger is gone');
    const feed = new Feed(content(), { onDigest: () => Promise.reject(thrown) });
    await expect(readAll(feed)).rejects.toBe(thrown);
    expect(feed.failure).toEqual({ error: thrown });
  });

  it('gives and tells nothing more once it is stopped', async () => {
    let told = 0;
    const feed = new Feed(content(), { onDigest: () => void told++ });
    const chunks = feed.chunks();
    await chunks.next();
    feed.stop();
    expect((await chunks.next()).done).toBe(true);
    expect([told, feed.failure, feed.verified]).toEqual([0, null, false]);
  });
});
