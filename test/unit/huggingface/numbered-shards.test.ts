import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { numberedShards } from '../../../src/huggingface/numbered-shards.ts';

const INDEX = 'model.safetensors.index.json';
const files = (...paths: string[]) =>
  paths.map((path) => ({ path, size: 1, sha256: null, oid: '0'.repeat(40), security: null }));
const shard = (number: number, of: number, width = 5) =>
  `model-${String(number).padStart(5, '0')}-of-${String(of).padStart(width, '0')}.safetensors`;
const shards = (count: number, width = 5) => Array.from({ length: count }, (_, at) => shard(at + 1, count, width));

describe('numberedShards', () => {
  it('tells the shards of a complete set, in order, whatever else is there', () => {
    const others = fc.subarray([
      'README.md',
      INDEX,
      'original/x.safetensors',
      'pytorch_model.bin',
      'sub/model.safetensors',
    ]);
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 300 }), fc.constantFrom(5, 6), others, (count, width, rest) => {
        const expected = shards(count, width);
        expect(numberedShards(INDEX, files(...rest, ...expected.toReversed()))).toEqual(expected);
      }),
    );
  });

  it('tells nothing when one shard is missing, doubled, renumbered or joined by another', () => {
    const count = fc.integer({ min: 2, max: 40 });
    fc.assert(
      fc.property(count, fc.nat(), fc.integer({ min: 0, max: 99 }), (total, at, number) => {
        const all = shards(total);
        const without = all.filter((_, index) => index !== at % total);
        expect(numberedShards(INDEX, files(...without))).toBeNull();
        expect(numberedShards(INDEX, files(...all, 'consolidated.safetensors'))).toBeNull();
        expect(numberedShards(INDEX, files(...all, shard(number, total + 1)))).toBeNull();
        const renumbered = [...without, shard(number, total)];
        fc.pre(number !== (at % total) + 1);
        expect(numberedShards(INDEX, files(...renumbered))).toBeNull();
      }),
    );
  });

  it.each([
    ['numbers from 0', ['model-00000-of-00002.safetensors', 'model-00001-of-00002.safetensors', shard(2, 2)]],
    [
      'as many numbers as it says, but from 0',
      ['model-00000-of-00002.safetensors', 'model-00001-of-00002.safetensors'],
    ],
    ['shards of another name', ['other-00001-of-00001.safetensors']],
    ['one file', ['model.safetensors']],
    ['totals that differ', [shard(1, 2), 'model-00002-of-000002.safetensors']],
    ['nothing', []],
  ])('tells nothing of %s', (_, paths) => {
    expect(numberedShards(INDEX, files(...paths))).toBeNull();
  });

  it.each(['sub/model.safetensors.index.json', 'model.bin.index.json', 'model.fp16.safetensors.index.json'])(
    'tells nothing of %s',
    (index) => {
      expect(numberedShards(index, files(shard(1, 1)))).toBeNull();
    },
  );
});
