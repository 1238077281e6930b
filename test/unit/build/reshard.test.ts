import { describe, expect, it } from 'vitest';
import { type ReshardRequest, reshard, reshardOrThrow } from '../../../src/build/reshard.ts';
import type { HubFile } from '../../../src/huggingface/types.ts';
import { bytesOf } from '../../support/hub/content.ts';
import { FakeHub } from '../../support/image/fake-hub.ts';
import { hubFile } from '../../support/policy/input.ts';
import { layerTensors, safetensorsFile } from '../../support/safetensors/make.ts';

const MODEL = { id: 'acme/tiny', revision: 'a'.repeat(40) };
const LIMIT = 20_000;
/** Ten tensors of 4 KiB: three shards. */
const LARGE = bytesOf(safetensorsFile({ seed: 'large', tensors: layerTensors(10, 4) }).content);
const SMALL = bytesOf(
  safetensorsFile({ seed: 'small', tensors: [{ name: 'head', dtype: 'F32', shape: [8] }] }).content,
);
const index = (map: Record<string, string>) => Buffer.from(JSON.stringify({ metadata: { k: 1 }, weight_map: map }));
const names = Array.from({ length: 10 }, (_, at) => `model.layers.${at}.weight`);
const allIn = (shard: string) => Object.fromEntries(names.map((name) => [name, shard]));

async function ask(content: Record<string, Uint8Array>, extra: Partial<ReshardRequest> = {}) {
  const hub = new FakeHub({}, content);
  const files: HubFile[] = Object.entries(content).map(([path, { length }]) =>
    hubFile(path, { size: length, sha256: path.endsWith('.json') ? null : 'b'.repeat(64) }),
  );
  const request: ReshardRequest = { files, folder: 'm', layerMaxBytes: LIMIT, engine: 'vllm', spdx: 'MIT', ...extra };
  const answer = await reshard(request, hub, MODEL);
  const made = answer.ok
    ? answer.made.map(({ path, content: text }) => [path, JSON.parse(Buffer.from(text).toString())])
    : [];
  return { answer, made, hub, request };
}

const why = ({ answer }: Awaited<ReturnType<typeof ask>>) => (answer.ok ? {} : Object.fromEntries(answer.refused));
const shardsIn = ({ answer }: Awaited<ReturnType<typeof ask>>) =>
  answer.ok ? answer.splits.flatMap(({ parts }) => parts.map(({ path }) => path)) : [];

describe('files above the layer limit', () => {
  it('that do not exist cost no request', async () => {
    const { answer, hub } = await ask({ 'model.safetensors': SMALL });
    expect(answer).toEqual({ ok: true, splits: [], made: [] });
    expect([hub.ranges, hub.downloads]).toEqual([[], []]);
  });

  it('are split after reading their headers alone, with a new index where there is none', async () => {
    const done = await ask({ 'model.safetensors': LARGE, 'config.json': Buffer.from('{}') });
    const shards = [1, 2, 3].map((number) => `model-0000${number}-of-00003.safetensors`);
    expect(shardsIn(done)).toEqual(shards);
    expect(done.made).toHaveLength(1);
    const [[path, content] = []] = done.made;
    expect(path).toBe('model.safetensors.index.json');
    expect(content.metadata).toEqual({ total_size: 10 * 4096 });
    expect(Object.keys(content.weight_map)).toEqual(names);
    expect([...new Set(Object.values(content.weight_map))]).toEqual(shards);
    const head = 8 + Number(LARGE.readBigUInt64LE());
    expect(done.hub.ranges).toEqual([`model.safetensors 0-8`, `model.safetensors 8-${head}`]);
    expect(done.hub.downloads).toEqual([]);
  });

  it('take their index along, whose other entries stay', async () => {
    const done = await ask({
      'model.safetensors': LARGE,
      'b.safetensors': SMALL,
      'model.safetensors.index.json': index({ head: 'b.safetensors', ...allIn('model.safetensors') }),
    });
    expect(done.made.map(([path]) => path)).toEqual(['model.safetensors.index.json']);
    expect(done.made[0]?.[1]).toMatchObject({ metadata: { k: 1 }, weight_map: { head: 'b.safetensors' } });
    expect(done.made[0]?.[1].weight_map[names[0] ?? '']).toBe('model-00001-of-00003.safetensors');
    expect(done.hub.ranges).toHaveLength(2);
  });

  it('get an index that names the files beside them too, or loaders would leave those out', async () => {
    const done = await ask({ 'a.safetensors': LARGE, 'b.safetensors': SMALL, 'consolidated.safetensors': SMALL });
    expect(shardsIn(done)[0]).toBe('a-part-00001-of-00003.safetensors');
    expect(done.made.map(([path]) => path)).toEqual(['model.safetensors.index.json']);
    expect(done.made[0]?.[1].weight_map.head).toBe('b.safetensors');
    expect(done.made[0]?.[1].metadata.total_size).toBe(10 * 4096 + 32);
  });

  it('in the consolidated form get an index of that form', async () => {
    const done = await ask({ 'consolidated.safetensors': LARGE });
    expect(done.made.map(([path]) => path)).toEqual(['consolidated.safetensors.index.json']);
  });

  it.each([
    ['is GGUF', { 'model.gguf': LARGE }, {}, 'is no safetensors file'],
    ['is a pickle', { 'pytorch_model.bin': LARGE }, {}, 'is no safetensors file'],
    ['is for llama.cpp', { 'model.safetensors': LARGE }, { engine: 'llamacpp' as const }, 'for llama.cpp'],
    ['may not be modified', { 'model.safetensors': LARGE }, { spdx: 'CC-BY-ND-4.0' }, 'its licence (CC-BY-ND-4.0)'],
    ['has a header that does not parse', { 'model.safetensors': Buffer.alloc(30_000, 'x') }, {}, 'header of more than'],
    [
      'has one tensor that is too large',
      { 'model.safetensors': LARGE },
      { layerMaxBytes: 5000 },
      'has the tensor "model.layers.0.weight"',
    ],
    [
      'lies where no index would be read',
      { '2_Dense/model.safetensors': LARGE },
      {},
      'in a folder where no index names it',
    ],
    [
      'is not named by the index that is there',
      { 'model.safetensors': LARGE, 'model.safetensors.index.json': index({ head: 'b.safetensors' }) },
      {},
      'is not named by "model.safetensors.index.json"',
    ],
    [
      'has an unusable index',
      { 'model.safetensors': LARGE, 'model.safetensors.index.json': Buffer.from('{}') },
      {},
      'without a usable',
    ],
    [
      'lies beside one that cannot be read',
      { 'a.safetensors': LARGE, 'b.safetensors': Buffer.alloc(100, 'x') },
      {},
      'beside safetensors files that cannot be read',
    ],
    ['has a name that cannot be numbered', { [`${'n'.repeat(240)}.safetensors`]: LARGE }, {}, 'too long a name'],
  ])('are refused when one %s', async (_what, content, extra, reason) => {
    const done = await ask(content, extra);
    expect(Object.values(why(done))).toEqual([expect.stringContaining(reason)]);
    await expect(reshardOrThrow(done.request, done.hub, MODEL)).rejects.toMatchObject({ code: 'too-large' });
  });

  it('are not looked into when they are more than an image has layers', async () => {
    const content = Object.fromEntries(Array.from({ length: 126 }, (_, at) => [`m${at}.safetensors`, LARGE]));
    const done = await ask(content);
    expect(Object.values(why(done))[0]).toContain('too many for any image');
    expect(done.hub.ranges).toEqual([]);
  });
});
