import { describe, expect, it } from 'vitest';
import type { AssembleContext } from '../../../src/build/assemble.ts';
import { Transfer } from '../../../src/build/transfer.ts';
import type { BuildProgress } from '../../../src/build/types.ts';
import { type ErrorCode, PublisherError } from '../../../src/errors.ts';
import type { PlannedLayer } from '../../../src/image/layer-plan.ts';
import { blobOf } from '../../../src/registry/content.ts';
import { digestOf } from '../../../src/registry/digest.ts';
import { OCI_LAYER } from '../../../src/registry/media-types.ts';
import { formatReference, parseReference } from '../../../src/registry/reference.ts';
import type { BlobContent, Descriptor, Digest } from '../../../src/registry/types.ts';
import { LayersInMemory } from '../../support/build/layers-in-memory.ts';
import { hastyClock } from '../../support/clock/hasty-clock.ts';
import { FakeHub } from '../../support/image/fake-hub.ts';
import { MemoryTarget } from '../../support/image/memory-target.ts';
import { hubFile } from '../../support/policy/input.ts';

const BYTES = Buffer.from('weights');
const DIGEST = digestOf(BYTES);
const LAYER: Descriptor = { mediaType: OCI_LAYER, digest: DIGEST, size: BYTES.length };

function setup(targets: [MemoryTarget, ...MemoryTarget[]] = [new MemoryTarget('one.example/a')]) {
  const others = new Map<string, MemoryTarget>();
  const memory = new LayersInMemory();
  const progress: BuildProgress[] = [];
  const source = new MemoryTarget('base.example/base');
  const context: AssembleContext = {
    hub: new FakeHub(),
    base: { source, reference: parseReference('base.example/base:v1') },
    targets,
    memory,
    open(reference) {
      const other = others.get(formatReference(reference));
      if (other === undefined) throw new PublisherError('refused', 'not yours');
      return other;
    },
    entrypoint: new Uint8Array(),
    licenses: async () => [],
    clock: hastyClock,
    onProgress: (told) => progress.push(told),
  };
  return {
    context,
    source,
    known: memory.known,
    places: memory.noted,
    others,
    progress,
    transfer: new Transfer(context, BYTES.length),
  };
}

const planned = (key: string): PlannedLayer => {
  const entry = { path: 'models/tiny/w.bin', size: BYTES.length, mode: 0o644 } as const;
  return {
    kind: 'weights',
    key,
    size: BYTES.length,
    entries: [{ entry, source: { kind: 'file', file: hubFile('w.bin', { size: BYTES.length }) } }],
  };
};

/** Content of which the first `failures` attempts end early with an error. */
function failing(failures: number, code: ErrorCode = 'download-truncated') {
  let opened = 0;
  const content = (digest: Digest | null): BlobContent => ({
    mediaType: OCI_LAYER,
    size: BYTES.length,
    digest,
    async *open() {
      opened += 1;
      yield BYTES.subarray(0, 3);
      if (opened <= failures) throw new PublisherError(code, `attempt ${opened} failed`);
      yield BYTES.subarray(3);
    },
  });
  return { content, opened: () => opened };
}

describe('a layer of the base', () => {
  it('that is there is left alone', async () => {
    const target = new MemoryTarget('one.example/a');
    await target.write(blobOf(BYTES, OCI_LAYER));
    const { transfer } = setup([target]);
    await transfer.baseLayer(LAYER);
    expect(transfer).toMatchObject({ uploaded: 0, reused: BYTES.length });
    expect(target.calls.slice(1)).toEqual([`has ${DIGEST}`]);
  });

  it('is mounted from its own registry', async () => {
    const source = new MemoryTarget('base.example/base');
    await source.write(blobOf(BYTES, OCI_LAYER));
    const target = new MemoryTarget('base.example/mine', source.storage);
    const { transfer } = setup([target]);
    await transfer.baseLayer(LAYER);
    expect(target.calls).toEqual([`has ${DIGEST}`, `mount ${DIGEST}`]);
    expect(transfer).toMatchObject({ uploaded: 0, reused: BYTES.length });
  });

  it('is read once from elsewhere, and handed on from target to target', async () => {
    const targets = [new MemoryTarget('one.example/a'), new MemoryTarget('two.example/a')] as const;
    const { transfer, source } = setup([...targets]);
    await source.write(blobOf(BYTES, OCI_LAYER));
    await transfer.baseLayer(LAYER);
    expect(source.calls.filter((call) => call.startsWith('blob'))).toHaveLength(1);
    for (const target of targets) expect(await target.has(LAYER)).toBe(true);
    expect(transfer).toMatchObject({ uploaded: 2 * BYTES.length, reused: 0 });
  });

  it('that the base lacks is a failure, not a hole', async () => {
    await expect(setup().transfer.baseLayer(LAYER)).rejects.toMatchObject({ code: 'registry-not-found' });
  });
});

describe('a layer from the Hub', () => {
  it('is streamed once for all targets, and remembered', async () => {
    const targets = [new MemoryTarget('one.example/a'), new MemoryTarget('two.example/a')] as const;
    const { transfer, known } = setup([...targets]);
    const { content, opened } = failing(0);
    expect(await transfer.weightLayer(planned('key'), content)).toEqual(LAYER);
    expect(opened()).toBe(1);
    expect(known.get('key')).toMatchObject({ digest: DIGEST, size: BYTES.length });
    for (const target of targets) expect(await target.has(LAYER)).toBe(true);
  });

  it('that is remembered and there moves nothing', async () => {
    const { transfer, known, context } = setup();
    known.set('key', { digest: DIGEST, size: BYTES.length });
    await context.targets[0].write(blobOf(BYTES, OCI_LAYER));
    const { content, opened } = failing(0);
    expect(await transfer.weightLayer(planned('key'), content)).toEqual(LAYER);
    expect(opened()).toBe(0);
    expect(transfer).toMatchObject({ uploaded: 0, reused: BYTES.length });
  });

  it('that is remembered but gone is streamed again, and must come out the same', async () => {
    const { transfer, known } = setup();
    known.set('key', { digest: DIGEST, size: BYTES.length });
    const { content, opened } = failing(0);
    expect(await transfer.weightLayer(planned('key'), content)).toEqual(LAYER);
    expect(opened()).toBe(1);
    known.set('other', { digest: digestOf(Buffer.from('x')), size: BYTES.length });
    await expect(transfer.weightLayer(planned('other'), content)).rejects.toMatchObject({ code: 'download-corrupt' });
  });

  it('that only a later target has is copied from there, without the Hub', async () => {
    const targets = [new MemoryTarget('one.example/a'), new MemoryTarget('two.example/a')] as const;
    await targets[1].write(blobOf(BYTES, OCI_LAYER));
    const { transfer, known } = setup([...targets]);
    known.set('key', { digest: DIGEST, size: BYTES.length });
    const { content, opened } = failing(0);
    await transfer.weightLayer(planned('key'), content);
    expect(opened()).toBe(0);
    expect(await targets[0].has(LAYER)).toBe(true);
  });

  it('is mounted from where the ledger knows it in the same registry, if that is ours', async () => {
    const { transfer, known, places, others, context } = setup();
    const [target] = context.targets;
    if (!(target instanceof MemoryTarget)) throw new Error('no memory');
    const elsewhere = new MemoryTarget('one.example/b', target.storage);
    await elsewhere.write(blobOf(BYTES, OCI_LAYER));
    known.set('key', { digest: DIGEST, size: BYTES.length });
    places.set(DIGEST, ['one.example/b']);
    const { content, opened } = failing(0);
    await transfer.weightLayer(planned('key'), content);
    expect(opened()).toBe(1);

    others.set('one.example/b', elsewhere);
    const again = setup([new MemoryTarget('one.example/c', target.storage)]);
    again.known.set('key', { digest: DIGEST, size: BYTES.length });
    again.places.set(DIGEST, ['one.example/b']);
    again.others.set('one.example/b', elsewhere);
    await again.transfer.weightLayer(planned('key'), content);
    expect(opened()).toBe(1);
    expect(again.transfer).toMatchObject({ uploaded: 0, reused: BYTES.length });
  });

  it('is copied from another registry the ledger knows, before the Hub is asked', async () => {
    const { transfer, known, places, others } = setup();
    const elsewhere = new MemoryTarget('two.example/b');
    const empty = new MemoryTarget('three.example/b');
    await elsewhere.write(blobOf(BYTES, OCI_LAYER));
    known.set('key', { digest: DIGEST, size: BYTES.length });
    places.set(DIGEST, ['three.example/b', 'two.example/b']);
    others.set('two.example/b', elsewhere).set('three.example/b', empty);
    const { content, opened } = failing(0);
    await transfer.weightLayer(planned('key'), content);
    expect(opened()).toBe(0);
    expect(transfer).toMatchObject({ uploaded: BYTES.length, notes: [] });
  });

  it('reaches a target that failed from one that did not', async () => {
    const bad = new MemoryTarget('two.example/a');
    const write = bad.write.bind(bad);
    let failures = 0;
    bad.write = async (content, options) => {
      if (failures++ === 0) throw new PublisherError('registry-unavailable', 'session lost');
      return write(content, options);
    };
    const { transfer } = setup([new MemoryTarget('one.example/a'), bad]);
    const { content, opened } = failing(0);
    await transfer.weightLayer(planned('key'), content);
    expect(opened()).toBe(1);
    expect(await bad.has(LAYER)).toBe(true);
  });

  it('is tried again when its download breaks, and the bytes are counted once', async () => {
    const { transfer, progress } = setup();
    const { content, opened } = failing(2);
    await transfer.weightLayer(planned('key'), content);
    expect(opened()).toBe(3);
    expect(progress.at(-1)).toMatchObject({ bytesDone: BYTES.length, bytesTotal: BYTES.length, lanes: [] });
    expect(transfer.uploaded).toBe(BYTES.length);
  });

  it.each<[ErrorCode, number]>([
    ['download-truncated', 3],
    ['download-corrupt', 3],
    ['hub-unavailable', 3],
    ['hub-gated', 1],
    ['hub-not-found', 1],
    ['cancelled', 1],
  ])('that fails with %s is tried %i times, and never remembered', async (code, attempts) => {
    const { transfer, known, context } = setup();
    const { content, opened } = failing(99, code);
    await expect(transfer.weightLayer(planned('key'), content)).rejects.toMatchObject({
      code,
      message: `attempt ${attempts} failed`,
    });
    expect(opened()).toBe(attempts);
    expect(known.size).toBe(0);
    expect(await context.targets[0].has(LAYER)).toBe(false);
  });
});

describe('a blob of ours', () => {
  it('is written where it is lacking', async () => {
    const targets = [new MemoryTarget('one.example/a'), new MemoryTarget('two.example/a')] as const;
    const blob = blobOf(BYTES, OCI_LAYER);
    await targets[1].write(blob);
    const { transfer } = setup([...targets]);
    await transfer.ownBlob(blob);
    expect(transfer).toMatchObject({ uploaded: BYTES.length, reused: BYTES.length });
    expect(targets[1].calls.filter((call) => call.startsWith('write'))).toHaveLength(1);
  });
});
