import { describe, expect, it } from 'vitest';
import { ShardMemory } from '../../../src/build/shard-memory.ts';
import { chainsOf } from '../../../src/build/weight-layers.ts';
import type { LayerSource, PlannedLayer } from '../../../src/image/layer-plan.ts';
import type { SplitFile } from '../../../src/image/safetensors/types.ts';
import { LayersInMemory } from '../../support/build/layers-in-memory.ts';
import { digest } from '../../support/image/inputs.ts';
import { hubFile } from '../../support/policy/input.ts';

function split(path: string, count: number): SplitFile {
  const part = { header: new Uint8Array(), begin: 0, end: 0, size: 0, tensors: [] };
  const parts = Array.from({ length: count }, (_, at) => ({ ...part, path: `${path}-${at + 1}` }));
  return { file: hubFile(path), head: new Uint8Array(), parts };
}

function layer(key: string, ...sources: LayerSource[]): PlannedLayer {
  const entry = { path: `m/${key}`, size: 0, mode: 0o644 } as const;
  return { kind: 'weights', key, size: 0, entries: sources.map((source) => ({ entry, source })) };
}

const A = split('a', 3);
const B = split('b', 2);
const part = (of: SplitFile, index: number): LayerSource => ({ kind: 'part', split: of, index });
const plain = layer('plain', { kind: 'file', file: hubFile('x') });

describe('layers that move one after the other', () => {
  it('are those with shards of one file, also where one holds shards of two', () => {
    const [a1, b1, a2b2, a3] = [
      layer('a1', part(A, 0)),
      layer('b1', part(B, 0)),
      layer('a2b2', part(A, 1), part(B, 1)),
      layer('a3', part(A, 2)),
    ];
    const keys = (layers: PlannedLayer[]) => chainsOf(layers).map((chain) => chain.map(({ key }) => key));
    expect(keys([plain, a1, b1, a3])).toEqual([['plain'], ['b1'], ['a1', 'a3']]);
    expect(keys([a1, plain, b1, a2b2, a3])).toEqual([['plain'], ['a1', 'b1', 'a2b2', 'a3']]);
  });
});

describe('the memory of layers with shards', () => {
  function memories() {
    const inner = new LayersInMemory();
    const both = layer('both', part(A, 0), part(A, 1));
    return { known: inner.known, both, memory: new ShardMemory(inner, [plain, both]) };
  }
  const written = { digest: digest('1'), size: 5 };

  it('is told once they are verified, with the hashes of the shards', async () => {
    const { known, both, memory } = memories();
    await memory.remember('plain', 'm/plain', written);
    await memory.remember('both', 'm/both', written);
    expect([...known.keys()]).toEqual(['plain']);
    await expect(memory.release([both])).rejects.toMatchObject({ code: 'internal' });
    memory.hashes.set('a-1', 'x').set('a-2', 'y');
    await memory.release([plain, both]);
    expect(known.get('both')).toEqual({
      ...written,
      files: [
        { path: 'a-1', sha256: 'x' },
        { path: 'a-2', sha256: 'y' },
      ],
    });
  });

  it('knows only layers of whose shards it has every hash', async () => {
    const { known, memory } = memories();
    known.set('both', { ...written, files: [{ path: 'a-1', sha256: 'x' }] });
    expect(await memory.find('both', 'm/both')).toBeNull();
    known.set('both', { ...written, files: ['a-1', 'a-2'].map((path) => ({ path, sha256: `of ${path}` })) });
    expect(await memory.find('both', 'm/both')).toMatchObject(written);
    expect([...memory.hashes]).toEqual([
      ['a-1', 'of a-1'],
      ['a-2', 'of a-2'],
    ]);
  });
});
