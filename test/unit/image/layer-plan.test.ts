import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { HubFile } from '../../../src/huggingface/types.ts';
import { type LayerPlanInput, MAX_LAYERS, OWN_LAYERS, planLayers } from '../../../src/image/layer-plan.ts';
import { tarArchive } from '../../../src/image/tar.ts';

const FOLDER = 'models/tiny';
const file = (path: string, size: number, content = 'c'): HubFile => ({
  path,
  size,
  sha256: content.repeat(64),
  oid: 'b'.repeat(40),
  security: null,
});
const shard = (number: number, of: number, size: number, content?: string) =>
  file(`model-${String(number).padStart(5, '0')}-of-${String(of).padStart(5, '0')}.safetensors`, size, content);
const shards = (count: number, size: number) => Array.from({ length: count }, (_, at) => shard(at + 1, count, size));
const SMALL = [file('config.json', 700), file('tokenizer/vocab.json', 100)];

const plan = (files: HubFile[], extra: Partial<LayerPlanInput> = {}) =>
  planLayers({ files, folder: FOLDER, baseLayers: 12, layerMaxBytes: 10e9, ...extra });

function layersOf(files: HubFile[], extra: Partial<LayerPlanInput> = {}) {
  const result = plan(files, extra);
  if (!result.ok) throw new Error(result.message);
  return result.layers;
}

const paths = ({ entries }: { entries: { entry: { path: string } }[] }) => entries.map(({ entry }) => entry.path);

/** Fewest consecutive groups within the limit, by trying all. */
function fewest(sizes: number[], limit: number, sum = 0): number {
  const [first, ...rest] = sizes;
  if (first === undefined) return sum > 0 ? 1 : 0;
  const apart = sum > 0 ? 1 + fewest(rest, limit, first) : Number.POSITIVE_INFINITY;
  return sum + first <= limit ? Math.min(apart, fewest(rest, limit, sum + first)) : apart;
}

const anyFiles = fc.uniqueArray(
  fc.record({
    name: fc.stringMatching(/^[a-z]{1,4}(\/[a-z]{1,4}){0,2}$/),
    extension: fc.constantFrom('.json', '.safetensors', '.txt', '.gguf'),
    size: fc.oneof(fc.nat(5000), fc.nat(3_000_000_000)),
  }),
  { selector: ({ name, extension }) => name + extension, maxLength: 160 },
);

describe('planLayers', () => {
  it('puts every file into exactly one layer, never over either limit, or says why it cannot', () => {
    fc.assert(
      fc.property(anyFiles, fc.nat(130), fc.integer({ min: 10_000, max: 20e9 }), (all, baseLayers, layerMaxBytes) => {
        const files = all.map(({ name, extension, size }) => file(name + extension, size));
        const result = plan(files, { baseLayers, layerMaxBytes });
        if (!result.ok) {
          expect(['layer-too-large', 'too-many-layers']).toContain(result.code);
          return;
        }
        const { layers } = result;
        const placed = layers.flatMap(({ entries }) =>
          entries.flatMap(({ source }) => (source.kind === 'file' ? source.file : [])),
        );
        expect(placed.map(({ path }) => path).sort()).toEqual(files.map(({ path }) => path).sort());
        expect(baseLayers + OWN_LAYERS + layers.length).toBeLessThanOrEqual(MAX_LAYERS);
        for (const { size } of layers) expect(size).toBeLessThanOrEqual(layerMaxBytes);
      }),
    );
  });

  it('does not depend on the order in which the files are listed', () => {
    const files = [...SMALL, ...shards(5, 1e9)];
    fc.assert(
      fc.property(fc.shuffledSubarray(files, { minLength: files.length }), (shuffled) => {
        expect(layersOf(shuffled)).toEqual(layersOf(files));
      }),
      { numRuns: 20 },
    );
  });

  it('gives each weight file a layer of its own above one layer of small files', () => {
    const layers = layersOf([...shards(2, 4e9), ...SMALL]);
    expect(layers.map(({ kind, ...layer }) => [kind, paths(layer)])).toEqual([
      [
        'small-files',
        ['models/tiny/', 'models/tiny/tokenizer/', 'models/tiny/config.json', 'models/tiny/tokenizer/vocab.json'],
      ],
      ['weights', ['models/tiny/model-00001-of-00002.safetensors']],
      ['weights', ['models/tiny/model-00002-of-00002.safetensors']],
    ]);
  });

  it('counts as weights also a large file of another name', () => {
    expect(layersOf([file('tokenizer.json', 64 * 1024 * 1024), ...SMALL]).map(({ kind }) => kind)).toEqual([
      'small-files',
      'weights',
    ]);
  });

  it('has no directories in weight layers', () => {
    const [small, weights] = layersOf([file('sub/model.safetensors', 5), file('sub/x/config.json', 5)]);
    expect(small && paths(small)).toEqual([
      'models/tiny/',
      'models/tiny/sub/',
      'models/tiny/sub/x/',
      'models/tiny/sub/x/config.json',
    ]);
    expect(weights && paths(weights)).toEqual(['models/tiny/sub/model.safetensors']);
    expect(small?.entries.map(({ entry }) => entry.mode)).toEqual([0o755, 0o755, 0o755, 0o644]);
  });

  it('foretells the size of a layer', () => {
    for (const { entries, size } of layersOf([...SMALL, ...shards(2, 3000)])) {
      const archive = tarArchive(entries.map(({ entry }) => ({ entry, content: new Uint8Array(entry.size) })));
      expect(archive.length).toBe(size);
    }
  });

  it('has a folder for the model even without small files', () => {
    expect(layersOf(shards(1, 10)).map(paths)[0]).toEqual(['models/tiny/']);
  });

  it('is stable: one changed shard is one changed layer', () => {
    for (const count of [3, 160]) {
      const before = shards(count, 1e9);
      const after = before.map((each, at) => (at === 1 ? { ...each, sha256: 'd'.repeat(64) } : each));
      const keys = layersOf([...SMALL, ...before]).map(({ key }) => key);
      const changed = layersOf([...SMALL, ...after]).filter(({ key }) => !keys.includes(key));
      expect(changed).toHaveLength(1);
    }
  });

  it('names a layer by path, size and content: any of them makes another key', () => {
    const keyOf = (files: HubFile[], folder = FOLDER) => layersOf(files, { folder }).at(-1)?.key;
    const one = shard(1, 1, 10);
    const keys = [
      keyOf([one]),
      keyOf([{ ...one, path: `x/${one.path}` }]),
      keyOf([{ ...one, size: 11 }]),
      keyOf([{ ...one, sha256: 'd'.repeat(64) }]),
      keyOf([{ ...one, sha256: null }]),
      keyOf([one], 'data/tiny'),
    ];
    expect(new Set(keys).size).toBe(keys.length);
    expect(keyOf([{ ...one, security: 'safe' }])).toBe(keys[0]);
  });

  it('fits 163 shards of 4.3 GB beside a real base, two to a layer', () => {
    const layers = layersOf([...SMALL, ...shards(163, 4.3e9)], { baseLayers: 30 });
    const counts = layers.slice(1).map(({ entries }) => entries.length);
    expect(counts).toEqual([...Array.from({ length: 81 }, () => 2), 1]);
  });

  it('packs by size where even groups would be too large', () => {
    const files = [...shards(2, 6e9), ...Array.from({ length: 8 }, (_, at) => file(`z${at}.gguf`, 1e9))];
    const layers = layersOf(files, { baseLayers: MAX_LAYERS - OWN_LAYERS - 1 - 4 });
    expect(layers.slice(1).map(({ entries }) => entries.length)).toEqual([1, 4, 5].filter((count) => count > 0));
  });

  it('is stable for shards of any size: one that changes, keeping its size, changes one layer', () => {
    const sizes = fc.array(fc.integer({ min: 1, max: 4_000_000_000 }), { minLength: 1, maxLength: 140 });
    fc.assert(
      fc.property(sizes, fc.nat(), fc.integer({ min: 30, max: 100 }), (all, which, baseLayers) => {
        const files = all.map((size, at) => shard(at + 1, all.length, size));
        const before = plan([...SMALL, ...files], { baseLayers });
        if (!before.ok) return;
        const changed = files.map((each, at) =>
          at === which % files.length ? { ...each, sha256: 'd'.repeat(64) } : each,
        );
        const keys = new Set(before.layers.map(({ key }) => key));
        const after = layersOf([...SMALL, ...changed], { baseLayers });
        expect(after.map(paths)).toEqual(before.layers.map(paths));
        expect(after.filter(({ key }) => !keys.has(key))).toHaveLength(1);
      }),
    );
  });

  it('finds a packing in order of path wherever there is one', () => {
    const sizes = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 12 });
    fc.assert(
      fc.property(sizes, fc.integer({ min: 1, max: 4 }), (all, slots) => {
        const unit = 1e9;
        const files = all.map((size, at) => shard(at + 1, all.length, size * unit));
        const baseLayers = MAX_LAYERS - OWN_LAYERS - 1 - slots;
        const result = plan(files, { baseLayers, layerMaxBytes: 10 * unit + 5000 * 12 });
        expect(result.ok ? 'packed' : result.code).toBe(fewest(all, 10) <= slots ? 'packed' : 'too-many-layers');
      }),
    );
  });

  it('packs many small weight files evenly', () => {
    const files = Array.from({ length: 500 }, (_, at) => file(`w${String(at).padStart(3, '0')}.bin`, 1e6));
    const counts = layersOf(files, { baseLayers: 30 })
      .slice(1)
      .map(({ entries }) => entries.length);
    expect(counts).toEqual([...Array.from({ length: 83 }, () => 6), 2]);
  });

  it('gives the largest of the small files layers of their own where one layer cannot hold them all', () => {
    const files = ['a.json', 'b.json', 'c.json'].map((path, at) => file(path, 40_000 + at));
    const layers = layersOf([...files, ...SMALL], { layerMaxBytes: 100_000 });
    expect(layers.map(({ kind, ...layer }) => [kind, paths(layer).filter((path) => !path.endsWith('/'))])).toEqual([
      ['small-files', ['a.json', 'b.json', 'config.json', 'tokenizer/vocab.json'].map((path) => `${FOLDER}/${path}`)],
      ['weights', [`${FOLDER}/c.json`]],
    ]);
  });

  it('puts shards in the place of a file that is split, and a made index in the place of the old one', () => {
    const whole = shard(1, 1, 3000);
    const parts = ['p-1.safetensors', 'p-2.safetensors'].map((path, at) => ({
      path,
      header: new Uint8Array(16),
      begin: at * 1000,
      end: at * 1000 + 1000,
      size: 1016,
      tensors: [],
    }));
    const old = file('model.safetensors.index.json', 10);
    const made = { path: old.path, content: Buffer.from('{"new": true}') };
    const extra = { splits: [{ file: whole, head: new Uint8Array(), parts }], made: [made] };
    const layers = layersOf([whole, old, ...SMALL], extra);
    expect(layers.map((layer) => paths(layer).filter((path) => !path.endsWith('/')))).toEqual([
      ['config.json', 'model.safetensors.index.json', 'tokenizer/vocab.json'].map((path) => `${FOLDER}/${path}`),
      [`${FOLDER}/p-1.safetensors`],
      [`${FOLDER}/p-2.safetensors`],
    ]);
    const sizes = layers.flatMap(({ entries }) => entries.map(({ entry }) => entry.size));
    expect(sizes.filter((size) => size > 0)).toEqual([700, made.content.length, 100, 1016, 1016]);
    const keysOf = (change: Partial<(typeof parts)[number]>, content = made.content) =>
      layersOf([whole, old, ...SMALL], {
        splits: [{ file: whole, head: new Uint8Array(), parts: parts.map((part) => ({ ...part, ...change })) }],
        made: [{ ...made, content }],
      }).map(({ key }) => key);
    const keys = layers.map(({ key }) => key);
    expect(keysOf({})).toEqual(keys);
    expect(keysOf({ header: new Uint8Array(16).fill(1) }).map((key, at) => key === keys[at])).toEqual([
      true,
      false,
      false,
    ]);
    expect(keysOf({ begin: 1 }).map((key, at) => key === keys[at])).toEqual([true, false, false]);
    expect(keysOf({}, Buffer.from('{"new": 1234}')).map((key, at) => key === keys[at])).toEqual([false, true, true]);
  });

  it('knows a file that no layer can hold', () => {
    const result = plan([...SMALL, shard(1, 1, 10e9)]);
    expect(result).toMatchObject({ ok: false, code: 'layer-too-large' });
    expect(result).toMatchObject({ message: expect.stringContaining('model-00001-of-00001.safetensors') });
  });

  it('lets a layer be exactly as large as the limit, framing included', () => {
    const framing = 512 + 1024;
    expect(plan([shard(1, 1, 512 * 100)], { layerMaxBytes: 512 * 100 + framing }).ok).toBe(true);
    expect(plan([shard(1, 1, 512 * 100)], { layerMaxBytes: 512 * 100 + framing - 1 })).toMatchObject({
      code: 'layer-too-large',
    });
  });

  it('knows when shards cannot be packed into the layers that are left', () => {
    expect(plan(shards(163, 4.3e9), { baseLayers: 60 })).toMatchObject({ ok: false, code: 'too-many-layers' });
  });

  it('knows a base that leaves no layer for weights, or not even for small files', () => {
    const full = MAX_LAYERS - OWN_LAYERS - 1;
    expect(plan(shards(1, 10), { baseLayers: full - 1 }).ok).toBe(true);
    expect(plan(shards(1, 10), { baseLayers: full })).toMatchObject({ ok: false, code: 'too-many-layers' });
    expect(plan(SMALL, { baseLayers: full }).ok).toBe(true);
    expect(plan(SMALL, { baseLayers: full + 1 })).toMatchObject({ ok: false, code: 'too-many-layers' });
  });
});
