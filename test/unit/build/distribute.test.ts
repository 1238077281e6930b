import { expect, it } from 'vitest';
import { distribute } from '../../../src/build/distribute.ts';
import { PublisherError } from '../../../src/errors.ts';
import { blobOf } from '../../../src/registry/content.ts';
import { OCI_LAYER } from '../../../src/registry/media-types.ts';
import type { ImageTarget } from '../../../src/registry/types.ts';
import { MemoryTarget } from '../../support/image/memory-target.ts';

const content = blobOf(Buffer.from('weights'), OCI_LAYER);
const descriptor = { mediaType: OCI_LAYER, digest: content.digest, size: content.size };

function setUp() {
  const targets = [new MemoryTarget('one.example/a'), new MemoryTarget('two.example/a')] as const;
  const stop = new AbortController();
  return { targets, stop };
}

it('is done when all have the blob, even if the signal comes right then', async () => {
  const { targets, stop } = setUp();
  const write = async (target: ImageTarget) => {
    const written = await target.write(content);
    stop.abort();
    return written;
  };
  const done = distribute(content, targets, write, stop.signal);
  await expect(done).resolves.toEqual({ descriptor, written: targets[0], failed: [] });
});

it('names those that failed and one that did not; with the signal they are a failure of all', async () => {
  const { targets, stop } = setUp();
  const lost = new PublisherError('registry-unavailable', 'session lost');
  const write = (abort: boolean) =>
    distribute(
      content,
      targets,
      async (target, branch) => {
        if (target !== targets[0]) return target.write(branch);
        if (abort) stop.abort();
        throw lost;
      },
      stop.signal,
    );
  expect(await write(false)).toEqual({ descriptor, written: targets[1], failed: [targets[0]] });
  await expect(write(true)).rejects.toBe(lost);
});
