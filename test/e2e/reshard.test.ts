import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { parseFileList } from '../../src/image/file-list.ts';
import { sha256Hex } from '../../src/image/hash.ts';
import { type PulledPlatform, pull } from '../support/build/pull.ts';
import { type Stage, startStage } from '../support/cli/stage.ts';
import { bytesOf, fixed, joined } from '../support/hub/content.ts';
import { type HubModel, headOf } from '../support/hub/model.ts';
import { tinyModel } from '../support/hub/tiny.ts';
import { pushBaseImage } from '../support/registry/index.ts';
import { type FileSpec, layerTensors, safetensorsFile, type TensorSpec } from '../support/safetensors/make.ts';
import { type ReadTensor, readSafetensors } from '../support/safetensors/read.ts';

/** 3 MiB in tensors of several types and sizes: four shards under a limit of 1 MB. */
const TENSORS: TensorSpec[] = [
  { name: 'model.embed_tokens.weight', dtype: 'F32', shape: [500, 256] },
  ...layerTensors(18, 128),
  { name: 'model.norm.weight', dtype: 'BF16', shape: [513] },
  { name: 'empty', dtype: 'U8', shape: [0, 3] },
  { name: 'quantised', dtype: 'U8', shape: [7, 31] },
];
const LARGE: FileSpec = { seed: 'large', tensors: TENSORS };
const SMALL: FileSpec = { seed: 'small', tensors: [{ name: 'lm_head.weight', dtype: 'F32', shape: [10, 256] }] };
const [large, small] = [LARGE, SMALL].map((spec) => safetensorsFile(spec).content);
const LIMITS = '  limits: {layer_max_bytes: 1MB}';

const bare = { shards: 0, files: { 'model.safetensors.index.json': null, 'model.safetensors': large ?? null } };
const indexed = {
  shards: 0,
  files: {
    'model-00001-of-00002.safetensors': large ?? null,
    'model-00002-of-00002.safetensors': small ?? null,
    'model.safetensors.index.json': JSON.stringify({
      metadata: { total_size: 1, by: 'upstream' },
      weight_map: Object.fromEntries([
        ['lm_head.weight', 'model-00002-of-00002.safetensors'],
        ...TENSORS.map(({ name }) => [name, 'model-00001-of-00002.safetensors']),
      ]),
    }),
  },
};
const models: HubModel[] = [
  tinyModel({ id: 'acme/bare', ...bare }),
  tinyModel({
    id: 'acme/spoilt',
    ...bare,
    files: { ...bare.files, 'model.safetensors': joined(large ?? fixed(''), fixed('')) },
  }),
  tinyModel({ id: 'acme/indexed', ...indexed }),
  tinyModel({ id: 'acme/verbatim', ...bare, license: 'cc-by-nd-4.0' }),
];

let stage: Stage;
let catalog = '';
beforeAll(async () => {
  stage = await startStage(models);
  const entries = ['bare', 'spoilt', 'indexed'].map((short) => `  - {id: acme/${short}, short: ${short}}`);
  entries.push('  - {id: acme/verbatim, short: verbatim, permissive: true}');
  catalog = await stage.catalog('models', entries.join('\n'), LIMITS);
});
afterEach(() => {
  stage.hub.clearFaults();
  stage.hub.requests.length = 0;
});
afterAll(() => stage.close());

const builtSchema = z.object({
  images: z.array(
    z.object({
      digest: z.string(),
      bytes: z.object({ weights: z.number(), uploaded: z.number(), reused: z.number() }),
    }),
  ),
  errors: z.array(z.object({ code: z.string(), message: z.string() })),
});

async function build(short: string, variant = 'fat', from = catalog) {
  const told = await stage.cli(['build', short, '--variant', variant, '--json', '--catalog', from]);
  return { code: told.code, ...builtSchema.parse(told.json()) };
}

async function pulled(short: string, from = catalog): Promise<PulledPlatform & { digest: string }> {
  const { code, images, errors } = await build(short, 'fat', from);
  expect([code, errors]).toEqual([0, []]);
  const digest = images[0]?.digest ?? '';
  const [platform] = (await pull(stage.repository(`acme/hf-${short}`), digest)).platforms;
  if (platform === undefined) throw new Error('no platform');
  return { ...platform, digest };
}

/** The tensors of all shards in a model's folder, and what the index says of each. */
async function tensorsIn({ files }: PulledPlatform, short: string) {
  const folder = `models/${short}/`;
  const tensors = new Map<string, ReadTensor & { shard: string }>();
  for (const [path, { content }] of files) {
    if (!path.startsWith(folder) || !path.endsWith('.safetensors')) continue;
    const shard = path.slice(folder.length);
    const read = await readSafetensors([content]);
    expect(read.metadata).toEqual({ format: 'pt' });
    for (const [name, tensor] of read.tensors) {
      expect(tensors.has(name)).toBe(false);
      tensors.set(name, { ...tensor, shard });
    }
  }
  const index = JSON.parse(files.get(`${folder}model.safetensors.index.json`)?.content.toString() ?? '{}');
  return { tensors, index };
}

async function original(...specs: FileSpec[]) {
  const read = await Promise.all(specs.map((spec) => readSafetensors([bytesOf(safetensorsFile(spec).content)])));
  return new Map(read.flatMap(({ tensors }) => [...tensors]));
}

/** Bytes of weights that were asked for, beyond headers. */
const weightRequests = () =>
  stage.hub.requests.filter(
    ({ server, path, headers }) =>
      server === 'cdn' &&
      path.includes('.safetensors?') &&
      Number(/-(\d+)$/.exec(headers.range ?? '')?.[1] ?? 1e9) > 10_000,
  );

describe('a fat image of a file above the layer limit', () => {
  it('holds it as shards with an index, tensor for tensor, and says so', async () => {
    const platform = await pulled('bare');
    const shards = [1, 2, 3, 4].map((number) => `model-0000${number}-of-00004.safetensors`);
    for (const { size } of platform.layers) expect(size).toBeLessThanOrEqual(1_000_000);
    const { tensors, index } = await tensorsIn(platform, 'bare');
    const expected = await original(LARGE);
    expect([...tensors.keys()].sort()).toEqual([...expected.keys()].sort());
    for (const [name, tensor] of expected) expect([name, tensors.get(name)]).toMatchObject([name, tensor]);
    expect([...new Set([...tensors.values()].map(({ shard }) => shard))].sort()).toEqual(shards);
    expect(index).toEqual({
      metadata: { total_size: expect.any(Number) },
      weight_map: Object.fromEntries([...tensors].map(([name, { shard }]) => [name, shard])),
    });
    expect(platform.files.has('models/bare/model.safetensors')).toBe(false);

    const whole = headOf(models[0] ?? tinyModel({ id: 'a/b' })).files.find(({ path }) => path === 'model.safetensors');
    const manifest = JSON.parse(platform.files.get('licenses/manifest.json')?.content.toString() ?? '{}');
    expect(manifest.resharded).toEqual([{ path: 'model.safetensors', sha256: whole?.lfs?.oid, parts: shards }]);
  });

  it('lists what it holds, not what upstream has; slim lists what it downloads', async () => {
    const { files } = await pulled('bare');
    const listed = parseFileList(files.get('etc/model-image/files.json')?.content.toString() ?? '').files;
    const folder = 'models/bare/';
    const inside = [...files.keys()].filter((path) => path.startsWith(folder) && !path.endsWith('/'));
    expect(listed.map(({ path }) => `${folder}${path}`).sort()).toEqual(inside.sort());
    for (const file of listed) {
      const content = files.get(`${folder}${file.path}`)?.content ?? Buffer.alloc(0);
      expect([file.path, file.size]).toEqual([file.path, content.length]);
      if ('sha256' in file) expect([file.path, file.sha256]).toEqual([file.path, sha256Hex(content)]);
    }
    const slim = await build('bare', 'slim');
    const [platform] = (await pull(stage.repository('acme/hf-bare'), slim.images[0]?.digest ?? '')).platforms;
    const list = platform?.files.get('etc/model-image/files.json')?.content.toString() ?? '';
    expect(parseFileList(list).files.map(({ path }) => path)).toContain('model.safetensors');
  });

  it('moves no weights the second time', async () => {
    const first = await build('bare');
    stage.hub.requests.length = 0;
    const second = await build('bare');
    expect(second.images[0]?.digest).toBe(first.images[0]?.digest);
    expect(second.images[0]?.bytes.uploaded).toBe(0);
    expect(weightRequests()).toEqual([]);
  });

  it('moves none with an empty ledger either, while the registry holds the image under a tag', async () => {
    const from = await stage.catalog('kept', '  - {id: acme/bare, short: kept}', LIMITS);
    const argv = ['build', 'kept', '--variant', 'fat', '--json', '--catalog', from];
    const first = builtSchema.parse((await stage.cli([...argv, '--tag', 'v1'])).json());
    stage.hub.requests.length = 0;
    const told = await stage.cli(argv, { DATA_DIR: join(stage.folder, 'another') });
    const second = builtSchema.parse(told.json());
    expect(second.images[0]?.digest).toBe(first.images[0]?.digest);
    expect(second.images[0]?.bytes.uploaded).toBe(0);
    expect(told.stderr).not.toContain('is not taken from');
    expect(weightRequests()).toEqual([]);
  });

  it('asks for every byte once', async () => {
    const elsewhere = await stage.catalog('elsewhere', '  - {id: acme/bare, short: once}', LIMITS);
    stage.hub.requests.length = 0;
    await pulled('once', elsewhere);
    expect(weightRequests()).toHaveLength(4);
    const ranges = weightRequests().map(({ headers }) => /^bytes=(\d+)-(\d+)$/.exec(headers.range ?? '') ?? []);
    for (const [at, [, begin]] of ranges.entries()) {
      if (at > 0) expect(Number(begin)).toBe(Number(ranges[at - 1]?.[2]) + 1);
    }
  });

  it('takes the index along that upstream has', async () => {
    const { tensors, index } = await tensorsIn(await pulled('indexed'), 'indexed');
    const expected = await original(LARGE, SMALL);
    for (const [name, tensor] of expected) expect([name, tensors.get(name)]).toMatchObject([name, tensor]);
    expect(tensors.size).toBe(expected.size);
    expect(index.metadata).toEqual({ total_size: 1, by: 'upstream' });
    expect(index.weight_map).toEqual(Object.fromEntries([...tensors].map(([name, { shard }]) => [name, shard])));
    expect(index.weight_map['lm_head.weight']).toBe('model-00002-of-00002.safetensors');
    expect(index.weight_map.quantised).toBe('model-00001-of-00002-part-00004-of-00004.safetensors');
  });

  it('has shards share layers where the base leaves few of them', async () => {
    const files = Object.fromEntries(Array.from({ length: 119 }, (_, at) => [`f${at}`, 'x']));
    await pushBaseImage(stage.repository('base/deep'), {
      tag: 'v1',
      files,
      compression: 'none',
      platforms: ['linux/amd64'],
    });
    const from = await stage.catalog('deep', '  - {id: acme/indexed, short: deep}', '  limits: {layer_max_bytes: 2MB}');
    const text = await readFile(from, 'utf8');
    await writeFile(
      from,
      text.replace(stage.baseReference, `${stage.registry.host}/base/deep:v1`).replace(', linux/arm64', ''),
    );
    const platform = await pulled('deep', from);
    expect(platform.layers.length).toBeLessThanOrEqual(125);
    const { tensors } = await tensorsIn(platform, 'deep');
    const expected = await original(LARGE, SMALL);
    for (const [name, tensor] of expected) expect([name, tensors.get(name)]).toMatchObject([name, tensor]);
  });
});

describe('a file that arrives spoilt', () => {
  it('fails by name although its length is right, leaves no image behind, and builds once it is whole', async () => {
    stage.hub.fail({ fault: { kind: 'corrupt', at: 600_000 }, match: /model\.safetensors/, server: 'cdn', times: 99 });
    const failed = await build('spoilt');
    expect(failed).toMatchObject({ code: 3, images: [] });
    expect(failed.errors).toMatchObject([
      { code: 'download-corrupt', message: expect.stringContaining('model.safetensors of acme/spoilt has sha256') },
    ]);
    expect([...stage.registry.storage.repository('acme/hf-spoilt').manifests]).toEqual([]);
    stage.hub.clearFaults();
    stage.hub.requests.length = 0;
    const { tensors } = await tensorsIn(await pulled('spoilt'), 'spoilt');
    for (const [name, tensor] of await original(LARGE)) expect([name, tensors.get(name)]).toMatchObject([name, tensor]);
    // Nothing of the first attempt was believed.
    expect(weightRequests()).toHaveLength(4);
  });

  it('is asked for again from the shard that broke off', async () => {
    const from = await stage.catalog('again', '  - {id: acme/bare, short: again}', LIMITS);
    stage.hub.fail({ fault: { kind: 'truncate', bytes: 5000 }, match: /model\.safetensors/, server: 'cdn', times: 4 });
    const { digest } = await pulled('again', from);
    expect(digest).toMatch(/^sha256:/);
  });
});

describe('a licence that forbids modification', () => {
  it('keeps a file from being split, and the image slim', async () => {
    const { code, errors } = await build('verbatim');
    expect(code).toBe(1);
    expect(errors).toMatchObject([{ code: 'denied', message: expect.stringContaining('layer-too-large') }]);
    expect(errors[0]?.message).toContain('asks for unmodified copies');
    expect(weightRequests()).toEqual([]);
    expect((await build('verbatim', 'slim')).code).toBe(0);
  });
});
