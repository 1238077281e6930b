import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hubLayer } from '../../../src/build/layer-content.ts';
import { ReadBackShards } from '../../../src/build/read-back-shards.ts';
import { layerMismatch } from '../../../src/build/verify-layer.ts';
import { gitBlobSha1 } from '../../../src/huggingface/tree.ts';
import { sha256Hex } from '../../../src/image/hash.ts';
import { planLayers } from '../../../src/image/layer-plan.ts';
import { tarHeader } from '../../../src/image/tar.ts';
import { FakeHub } from '../../support/image/fake-hub.ts';
import { hubFile } from '../../support/policy/input.ts';

const CONTENT = {
  'config.json': Buffer.from('{"a":1}'),
  'model.safetensors': Buffer.alloc(1500, 7),
  empty: Buffer.alloc(0),
};
const FILES = Object.entries(CONTENT).map(([path, bytes]) =>
  hubFile(path, {
    size: bytes.length,
    ...(path.endsWith('tensors') ? { sha256: sha256Hex(bytes) } : { oid: gitBlobSha1(bytes.toString()) }),
  }),
);

async function layer(at: number) {
  const plan = planLayers({ files: FILES, folder: 'models/tiny', baseLayers: 1, layerMaxBytes: 1e9 });
  const planned = plan.ok ? plan.layers[at] : undefined;
  if (planned === undefined) throw new Error('no layer');
  const hub = new FakeHub({}, CONTENT);
  const content = hubLayer(planned, hub, { id: 'acme/tiny', revision: 'a'.repeat(40) }, null);
  return { planned, bytes: Buffer.concat(await Array.fromAsync(content.open(new AbortController().signal))) };
}

async function* inChunks(bytes: Uint8Array, size: number) {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

describe('layerMismatch', () => {
  it.each([0, 1])('accepts layer %i as we write it, in chunks of any size', async (at) => {
    const { planned, bytes } = await layer(at);
    for (const size of [1, 7, 511, 512, 513, 1e6]) {
      expect(await layerMismatch(planned, inChunks(bytes, size), new ReadBackShards())).toBeNull();
    }
  });

  it('refuses a layer in which any single byte is another', async () => {
    const { planned, bytes } = await layer(1);
    await fc.assert(
      fc.asyncProperty(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 }), async (at, change) => {
        const other = Buffer.from(bytes);
        other[at] = (other[at] ?? 0) ^ change;
        expect(await layerMismatch(planned, inChunks(other, 512), new ReadBackShards())).not.toBeNull();
      }),
    );
  });

  it('refuses one that is shorter, longer, or has one more file', async () => {
    const { planned, bytes } = await layer(1);
    const cases: [Uint8Array, RegExp][] = [
      [bytes.subarray(0, -512), /ends before the end of the archive/],
      [bytes.subarray(0, 700), /ends before models\/tiny\/model\.safetensors/],
      [new Uint8Array(), /ends before the header/],
      [Buffer.concat([bytes, Buffer.alloc(512)]), /goes on after its end/],
      [
        Buffer.concat([
          bytes.subarray(0, -1024),
          tarHeader({ path: 'etc/passwd', size: 0, mode: 0o644 }),
          Buffer.alloc(1024),
        ]),
        /the end of the archive is another/,
      ],
    ];
    for (const [other, why] of cases)
      expect(await layerMismatch(planned, inChunks(other, 100), new ReadBackShards())).toMatch(why);
  });
});
