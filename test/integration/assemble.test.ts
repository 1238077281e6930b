import { spawnSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { tagImage } from '../../src/build/assemble.ts';
import { ledgerMemory } from '../../src/build/ledger-memory.ts';
import type { BuildRequest, LayerMemory } from '../../src/build/types.ts';
import { parseFileList } from '../../src/image/file-list.ts';
import { sha256Hex } from '../../src/image/hash.ts';
import { openLayout } from '../../src/registry/layout.ts';
import type { ImageTarget } from '../../src/registry/types.ts';
import { type PulledPlatform, pull } from '../support/build/pull.ts';
import { openWorkshop, type Workshop } from '../support/build/workshop.ts';
import { bytesOf } from '../support/hub/content.ts';
import { type HubModel, headOf } from '../support/hub/model.ts';
import { type HubStandIn, startHub } from '../support/hub/server.ts';
import { tinyModel } from '../support/hub/tiny.ts';
import {
  type BaseImageOptions,
  type Distribution,
  findProgram,
  pushBaseImage,
  type RegistryStandIn,
  startDistribution,
  startRegistry,
} from '../support/registry/index.ts';
import { memoryStore } from '../support/store/memory.ts';

const BASE = {
  tag: 'v1',
  env: ['PATH=/usr/local/bin:/usr/bin', 'RUNTIME=tiny'],
  labels: { 'org.example.runtime': 'tiny' },
  workingDir: '/srv',
} as const;
const NOTICE = 'NOTICE of the tiny model\n';
/** Names and sizes that tar and URLs could stumble over. */
const ODD = { 'extra/empty.txt': '', [`extra/wörld ${'n'.repeat(120)}/#1?.txt`]: 'odd\n' };
const ARM = 'arch: "linux/amd64,linux/arm64"';

const skopeo = findProgram('skopeo');
let hub: HubStandIn;
let registry: RegistryStandIn;
let workshop: Workshop;
let model: HubModel;
let base: string;
let memory: LayerMemory;
const closing: (() => Promise<unknown>)[] = [];

beforeAll(async () => {
  model = tinyModel({ id: 'acme/tiny', shardBytes: 5 * 1024 * 1024, files: { NOTICE, ...ODD } });
  hub = await startHub({
    models: [
      model,
      tinyModel({ id: 'acme/bare', license: 'mit', licenseText: null }),
      tinyModel({ id: 'acme/gated', gated: 'manual', files: { NOTICE } }),
    ],
    signedUrlMs: 30_000,
  });
  closing.push(() => hub.close());
  registry = await startRegistry();
  closing.push(() => registry.close());
  workshop = openWorkshop(hub.url);
  base = await basePushed(registry.host, 'base/runtime');
  const store = await memoryStore();
  closing.push(() => store.close());
  memory = ledgerMemory(store.db);
});
afterAll(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

async function basePushed(host: string, name: string, options: BaseImageOptions = {}): Promise<string> {
  await pushBaseImage(workshop.repository(host, name), { ...BASE, ...options });
  return `${host}/${name}:v1`;
}

let count = 0;
/** A repository that nothing has been pushed to. */
function fresh(host: string = registry.host) {
  count += 1;
  return workshop.repository(host, `acme/hf-${count}`);
}

const textOf = ({ files }: PulledPlatform, path: string) => files.get(path)?.content.toString();
const onlyPlatform = async (target: ImageTarget, digest: string): Promise<PulledPlatform> => {
  const [platform, ...others] = (await pull(target, digest)).platforms;
  if (platform === undefined || others.length > 0) throw new Error('not exactly one platform');
  return platform;
};
const shardPaths = (request: BuildRequest) =>
  request.files.map(({ path }) => path).filter((path) => path.endsWith('.safetensors'));
const downloads = (path: string) =>
  hub.requests.filter(
    (request) => request.server === 'hub' && request.path.includes(`/resolve/`) && request.path.endsWith(path),
  );

/** Everything an assembled image promises, as far as both variants share it. */
function expectWhole(platform: PulledPlatform, request: BuildRequest): void {
  const { config, files, entries } = platform;
  const own = entries.slice(2);
  expect(own.flat().map(({ uid, gid, mtime }) => [uid, gid, mtime])).toEqual(own.flat().map(() => [0, 0, 0]));
  for (const { path, mode, type } of own.flat()) {
    const executable = type === 'directory' || path === 'usr/local/bin/model-image-entrypoint';
    // Whoever starts a slim image downloads into it.
    const shared = path === 'models/' && request.inputs.variant === 'slim';
    expect([path, mode.toString(8)]).toEqual([path, shared ? '1777' : executable ? '755' : '644']);
  }
  expect(config.config).toMatchObject({
    Env: expect.arrayContaining([...BASE.env]),
    WorkingDir: '/srv',
    Entrypoint: ['/usr/local/bin/model-image-entrypoint'],
    Cmd: request.inputs.serveArgs,
    Labels: {
      'org.example.runtime': 'tiny',
      'org.opencontainers.image.revision': request.inputs.revision,
      'io.model-image-publisher.inputs': request.key,
    },
  });
  const list = textOf(platform, 'etc/model-image/files.json') ?? '';
  expect(parseFileList(list)).toMatchObject({ model: request.inputs.model, revision: request.inputs.revision });
  expect(parseFileList(list).files.map(({ path }) => path)).toEqual(request.files.map(({ path }) => path));
  expect(textOf(platform, 'etc/model-image/image.conf')).toContain(`list=${sha256Hex(list)}\n`);
  expect(textOf(platform, 'etc/model-image/serve-args')).toBe('--port\n8000\n');
  expect(textOf(platform, 'licenses/CC0')).toContain('CC0 1.0 Universal');
  const manifest = JSON.parse(textOf(platform, 'licenses/manifest.json') ?? '{}');
  for (const { path, sha256 } of manifest.files) {
    expect([path, sha256Hex(files.get(path.slice(1))?.content ?? '')]).toEqual([path, sha256]);
  }
  expect(files.get('models/')?.type).toBe('directory');
  expect(files.get('etc/os-release')?.content.toString()).toBe('ID=tiny\n');
}

function expectModelInside(platform: PulledPlatform, request: BuildRequest): void {
  const stored = new Map(headOf(model).files.map(({ path, content }) => [path, bytesOf(content)]));
  for (const { path } of request.files) {
    expect([
      path,
      platform.files.get(`models/tiny/${path}`)?.content.equals(stored.get(path) ?? Buffer.alloc(0)),
    ]).toEqual([path, true]);
  }
}

const serve = 'serve_args: ["--port", "8000"]';

describe('a fat image', () => {
  it('holds the model bit for bit, its licence files, and all that the base had', async () => {
    const request = await workshop.request({
      base,
      variant: 'fat',
      model: `${serve}, files: {include: ["extra/**"]}`,
    });
    expect(request.files.map(({ path }) => path)).toEqual(expect.arrayContaining(Object.keys(ODD)));
    const target = fresh();
    const built = await workshop.build(request, [target]);
    const platform = await onlyPlatform(target, built.digest);
    expectWhole(platform, request);
    expectModelInside(platform, request);
    expect(shardPaths(request)).toHaveLength(2);
    const weights = request.files.filter(({ path }) => path.endsWith('.safetensors'));
    expect(built.bytes.weights).toBe(weights.reduce((sum, { size }) => sum + size, 0));
    const license = headOf(model).files.find(({ path }) => path === 'LICENSE');
    expect(textOf(platform, 'licenses/model/LICENSE')).toBe(license && bytesOf(license.content).toString());
    expect(textOf(platform, 'licenses/model/NOTICE')).toBe(NOTICE);
    expect(textOf(platform, 'etc/model-image/image.conf')).toContain('variant=fat\n');
    expect(platform.config.config?.Env).toContain('HF_HUB_OFFLINE=1');
    expect(built).toMatchObject({
      reference: `${target.name}@${built.digest}`,
      references: [`${target.name}@${built.digest}`],
      revision: headOf(model).sha,
      variant: 'fat',
      runtime: 'default',
    });
    expect(await target.tags()).toEqual([]);
  });

  it('says the same in the annotations of index and manifest as in its labels', async () => {
    const request = await workshop.request({ base, variant: 'slim', model: serve });
    const target = fresh();
    const { digest } = await workshop.build(request, [target]);
    const image = await pull(target, digest);
    const [platform] = image.platforms;
    expect(platform?.config.config?.Labels).toMatchObject(platform?.annotations ?? { none: '' });
    expect(platform?.annotations).toMatchObject(image.annotations);
  });

  it('mounts the base and streams each weight file once', async () => {
    const request = await workshop.request({ base, variant: 'fat' });
    hub.requests.length = 0;
    const built = await workshop.build(request, [fresh()]);
    for (const path of shardPaths(request)) expect(downloads(path)).toHaveLength(1);
    expect(downloads('.bin')).toEqual([]);
    expect(built.bytes.weights).toBeGreaterThan(10 * 1024 * 1024);
    expect(built.bytes.uploaded).toBeGreaterThan(built.bytes.weights);
    expect(built.bytes.reused).toBeGreaterThan(0);
  });

  it('is written to two targets with one download for each file', async () => {
    const other = await startRegistry();
    closing.push(() => other.close());
    const request = await workshop.request({ base, variant: 'fat' });
    hub.requests.length = 0;
    const targets = [fresh(), fresh(other.host)] as const;
    const built = await workshop.build(request, [...targets]);
    for (const path of shardPaths(request)) expect(downloads(path)).toHaveLength(1);
    expect(built.references).toEqual(targets.map(({ name }) => `${name}@${built.digest}`));
    for (const target of targets) expectModelInside(await onlyPlatform(target, built.digest), request);
  });

  it('for two platforms shares its weight layers', async () => {
    const request = await workshop.request({ base, variant: 'fat', defaults: ARM, model: serve });
    const target = fresh();
    const { platforms } = await pull(target, (await workshop.build(request, [target])).digest);
    expect(platforms.map(({ platform }) => platform)).toEqual(['linux/amd64', 'linux/arm64']);
    const [amd, arm] = platforms;
    for (const platform of platforms) expectWhole(platform, request);
    expect(amd?.layers.slice(2)).toEqual(arm?.layers.slice(2));
    expect(amd?.layers[0]).not.toEqual(arm?.layers[0]);
  });
});

describe('the digest', () => {
  it('is the same in two clean registries and in a layout, whatever is already there', async () => {
    const elsewhere = await startRegistry({ mount: 202 });
    closing.push(() => elsewhere.close());
    const folder = await mkdtemp(join(tmpdir(), 'assemble-'));
    closing.push(() => rm(folder, { recursive: true, force: true }));
    const layout = openLayout(folder);
    const request = await workshop.request({ base, variant: 'fat', defaults: ARM, model: serve });
    const digests = [];
    for (const target of [fresh(), fresh(elsewhere.host), layout]) {
      digests.push((await workshop.build(request, [target])).digest);
    }
    expect(new Set(digests).size).toBe(1);
    for (const platform of (await pull(layout, digests[0] ?? '')).platforms) {
      expectWhole(platform, request);
      expectModelInside(platform, request);
    }
  });

  it.skipIf(skopeo === null)('of a layout is one that others read too (needs skopeo)', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'assemble-'));
    closing.push(() => rm(folder, { recursive: true, force: true }));
    const layout = openLayout(folder);
    const request = await workshop.request({ base, variant: 'slim', defaults: ARM });
    const { digest } = await workshop.build(request, [layout]);
    await tagImage(layout, digest, ['latest']);
    const seen = spawnSync(skopeo ?? '', ['inspect', '--override-arch', 'arm64', `oci:${folder}:latest`], {
      encoding: 'utf8',
    });
    expect(seen.stderr).toBe('');
    expect(JSON.parse(seen.stdout)).toMatchObject({
      Architecture: 'arm64',
      Labels: { 'org.opencontainers.image.revision': headOf(model).sha },
    });
  });

  it('does not depend on the order of platforms in the catalog', async () => {
    const target = fresh();
    const digests = [];
    for (const arch of ['linux/amd64,linux/arm64', 'linux/arm64,linux/amd64']) {
      const request = await workshop.request({ base, variant: 'slim', defaults: `arch: "${arch}"` });
      digests.push((await workshop.build(request, [target])).digest);
    }
    expect(digests[1]).toBe(digests[0]);
  });

  it('is another for other inputs', async () => {
    const target = fresh();
    const one = await workshop.request({ base, variant: 'slim' });
    const other = await workshop.request({ base, variant: 'slim', model: serve });
    const digests = [await workshop.build(one, [target]), await workshop.build(other, [target])].map(
      ({ digest }) => digest,
    );
    expect(digests[0]).not.toBe(digests[1]);
  });
});

describe('a second build', () => {
  it('moves no byte, with the ledger remembering the layers', async () => {
    const target = fresh();
    const request = await workshop.request({ base, variant: 'fat' });
    const first = await workshop.build(request, [target], { memory });
    hub.requests.length = 0;
    const again = await workshop.build(request, [target], { memory });
    expect(again).toMatchObject({ digest: first.digest, bytes: { uploaded: 0 } });
    expect(hub.requests.filter(({ path }) => path.includes('.safetensors'))).toEqual([]);
    const verified = await workshop.build(request, [target], { memory, verifyReused: true });
    expect(verified).toMatchObject({ digest: first.digest, bytes: { uploaded: 0 } });
    const changed = await workshop.request({ base, variant: 'fat', model: 'serve_args: ["--x"]' });
    hub.requests.length = 0;
    const other = await workshop.build(changed, [target], { memory });
    expect(other.digest).not.toBe(first.digest);
    expect(other.bytes.uploaded).toBeLessThan(100_000);
    expect(hub.requests.filter(({ path }) => path.includes('.safetensors'))).toEqual([]);
  });
});

describe('the memory of layers', () => {
  it('does not let one layer have two digests', async () => {
    const layer = { digest: `sha256:${'1'.repeat(64)}`, size: 1 } as const;
    await memory.remember('key', 'model.safetensors', layer);
    await memory.remember('key', 'model.safetensors', layer);
    expect(await memory.find('key', 'model.safetensors')).toEqual(layer);
    expect(await memory.find('key', 'other.safetensors')).toBeNull();
    const other = { digest: `sha256:${'2'.repeat(64)}`, size: 1 } as const;
    await expect(memory.remember('key', 'model.safetensors', other)).rejects.toMatchObject({ code: 'internal' });
    expect(await memory.find('key', 'model.safetensors')).toEqual(layer);
  });
});

describe('a slim image', () => {
  it('has no weights, but the list of exactly the files that fat embeds', async () => {
    const request = await workshop.request({ base, variant: 'slim', model: serve });
    const target = fresh();
    const built = await workshop.build(request, [target]);
    const platform = await onlyPlatform(target, built.digest);
    expectWhole(platform, request);
    expect([...platform.files.keys()].filter((path) => path.startsWith('models/'))).toEqual(['models/']);
    expect(platform.layers).toHaveLength(4);
    expect(built.bytes.weights).toBe(0);
    expect(platform.config.config?.Env).toContain('HF_HOME=/root/.cache/huggingface');
    expect(textOf(platform, 'etc/model-image/image.conf')).toContain('variant=slim\n');
  });

  it('of a model without a licence file has the canonical text, and says so', async () => {
    const request = await workshop.request({ base, variant: 'slim', id: 'acme/bare' });
    const target = fresh();
    const platform = await onlyPlatform(target, (await workshop.build(request, [target])).digest);
    const license = textOf(platform, 'licenses/model/LICENSE') ?? '';
    expect(license).toMatch(/^supplied by the publisher/);
    expect(license).toContain('Permission is hereby granted, free of charge');
    expect(platform.files.has('licenses/model/NOTICE')).toBe(false);
  });

  it('of a gated model is built without reading behind the gate', async () => {
    const request = await workshop.request({ base, variant: 'slim', id: 'acme/gated', model: serve });
    const target = fresh();
    const platform = await onlyPlatform(target, (await workshop.build(request, [target])).digest);
    expectWhole(platform, request);
    const manifest = JSON.parse(textOf(platform, 'licenses/manifest.json') ?? '{}');
    expect(manifest.notReadable.map(({ path }: { path: string }) => path)).toEqual(['LICENSE', 'NOTICE']);
    expect(textOf(platform, 'licenses/model/LICENSE')).toContain('gated');
  });
});

describe('a base', () => {
  const KINDS: [string, BaseImageOptions][] = [
    ['with zstd layers', { compression: 'zstd' }],
    ['with uncompressed layers', { compression: 'none' }],
    ["in Docker's format", { dockerSchema2: true }],
    ['that is one manifest', { noIndex: true, platforms: ['linux/amd64'] }],
    ["that is one manifest in Docker's format", { noIndex: true, platforms: ['linux/amd64'], dockerSchema2: true }],
  ];
  it.each(KINDS)('%s is built upon', async (what, options) => {
    const own = await basePushed(registry.host, `base/${KINDS.findIndex(([name]) => name === what)}`, options);
    const request = await workshop.request({ base: own, variant: 'slim', model: serve });
    const target = fresh();
    const platform = await onlyPlatform(target, (await workshop.build(request, [target])).digest);
    expectWhole(platform, request);
    expect(platform.layers.filter(({ mediaType }) => mediaType.includes('docker'))).toEqual([]);
  });

  it('in another registry is copied', async () => {
    const other = await startRegistry();
    closing.push(() => other.close());
    const request = await workshop.request({ base, variant: 'slim', model: serve });
    const target = fresh(other.host);
    expectWhole(await onlyPlatform(target, (await workshop.build(request, [target])).digest), request);
  });
});

describe('progress', () => {
  it('names each step, and its bytes end at their total', async () => {
    const request = await workshop.request({ base, variant: 'fat' });
    const told: { step: string; bytesDone: number; bytesTotal: number }[] = [];
    await workshop.build(request, [fresh()], { onProgress: (progress) => told.push(progress) });
    expect([...new Set(told.map(({ step }) => step))]).toEqual([
      'copying the base image',
      'streaming weights',
      'writing manifests',
    ]);
    expect(told.at(-1)?.bytesDone).toBe(told.at(-1)?.bytesTotal);
    expect(told.at(-1)?.bytesTotal).toBeGreaterThan(10 * 1024 * 1024);
    const done = told.map(({ bytesDone }) => bytesDone);
    expect(done).toEqual([...done].sort((a, b) => a - b));
  });
});

const hasDistribution = findProgram('docker-registry') !== null;
describe.skipIf(!hasDistribution)('with a real Distribution registry (needs docker-registry)', () => {
  let distribution: Distribution;
  beforeAll(async () => {
    distribution = await startDistribution();
    closing.push(() => distribution.close());
  });

  it('the image pulls back whole, has the digest of everywhere else, and a second build moves no weights', async () => {
    const own = await basePushed(distribution.host, 'base/runtime');
    const request = await workshop.request({ base: own, variant: 'fat', defaults: ARM, model: serve });
    const target = fresh(distribution.host);
    const built = await workshop.build(request, [target], { memory });
    expect(await target.tags()).toEqual([]);
    for (const platform of (await pull(target, built.digest)).platforms) {
      expectWhole(platform, request);
      expectModelInside(platform, request);
    }
    const again = await workshop.build(request, [target], { memory });
    expect(again).toMatchObject({ digest: built.digest, bytes: { uploaded: 0 } });
    const elsewhere = await workshop.request({ base, variant: 'fat', defaults: ARM, model: serve });
    expect(elsewhere.key).toBe(request.key);
    expect((await workshop.build(elsewhere, [fresh()])).digest).toBe(built.digest);
    await tagImage(target, built.digest, ['v1-fat', 'latest']);
    expect(await target.tags()).toEqual(['latest', 'v1-fat']);
  });
});
