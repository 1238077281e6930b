import { describe, expect, it } from 'vitest';
import { readBuildKitSettings } from '../../../src/build/buildkit/settings.ts';
import { parseCatalog } from '../../../src/catalog/parse.ts';
import { PublisherError } from '../../../src/errors.ts';
import type { ModelFacts } from '../../../src/huggingface/types.ts';
import { BaseResolver } from '../../../src/plan/bases.ts';
import { planCatalog } from '../../../src/plan/plan.ts';
import { PACKAGE_ROOT } from '../../../src/services.ts';
import { bytesOf } from '../../support/hub/content.ts';
import { FakeHub } from '../../support/image/fake-hub.ts';
import { MemoryTarget } from '../../support/image/memory-target.ts';
import { hubFile, modelFacts } from '../../support/policy/input.ts';
import { pushBaseImage } from '../../support/registry/index.ts';
import { layerTensors, safetensorsFile } from '../../support/safetensors/make.ts';

/** Ten tensors of 4 KiB. */
const LARGE = bytesOf(safetensorsFile({ seed: 'large', tensors: layerTensors(10, 4) }).content);
const CONTENT = { 'model.safetensors': LARGE, 'config.json': Buffer.from('{}') };
const LIMITS = 'limits: {layer_max_bytes: 20000}';

interface Given {
  content?: Record<string, Uint8Array>;
  facts?: Partial<ModelFacts>;
  defaults?: string;
  model?: string;
  rest?: string;
  hub?: (content: Record<string, Uint8Array>) => FakeHub;
}

async function plan({
  content = CONTENT,
  facts = {},
  defaults = LIMITS,
  model = '',
  rest = '',
  hub: make,
}: Given = {}) {
  const source = new MemoryTarget('registry.example/base');
  await pushBaseImage(source, { tag: 'v1', platforms: ['linux/amd64'] });
  const files = Object.entries(content).map(([path, { length }]) =>
    hubFile(path, { size: length, sha256: path.endsWith('.json') ? null : 'b'.repeat(64) }),
  );
  const hub = make?.(content) ?? new FakeHub({}, content);
  hub.answers['acme/tiny'] = { kind: 'found', facts: modelFacts({ id: 'acme/tiny', files, ...facts }) };
  const parsed = parseCatalog(
    `defaults: {base_image: "registry.example/base:v1", ${defaults}}\n${rest}\nmodels: [{id: acme/tiny, short: tiny, ${model}}]\n`,
  );
  if (!parsed.valid) throw new Error(JSON.stringify(parsed.problems));
  const { targets } = await planCatalog({
    catalog: parsed.catalog,
    hub,
    bases: new BaseResolver(() => source),
    context: {
      owner: 'acme',
      namespaceSuffix: '',
      publishAllow: null,
      entrypointSha256: 'e'.repeat(64),
      buildkit: await readBuildKitSettings(PACKAGE_ROOT, 'https://huggingface.co'),
      recipe: { dockerfile: null, pins: {} },
      maxImageBytes: null,
    },
  });
  const [slim, fat] = targets;
  if (slim === undefined || fat === undefined) throw new Error('no targets');
  return { slim, fat, targets, hub, codes: fat.reasons.map(({ code }) => code), source };
}

describe('a model with a file above the layer limit', () => {
  it('is fat, in shards that the plan names, and slim as it was', async () => {
    const { slim, fat, codes, hub } = await plan();
    expect(fat).toMatchObject({ action: 'build', reshard: [{ path: 'model.safetensors', parts: 3 }] });
    expect(fat.files).toEqual(slim.files);
    expect(fat.warnings).toEqual([
      'model.safetensors is split into 3 shards, because a layer holds 20000 bytes at most.',
    ]);
    expect(slim).toMatchObject({ action: 'build', reshard: [], warnings: [] });
    expect(codes).toEqual(['license-permissive']);
    expect(hub.ranges).toHaveLength(2);
    expect(hub.downloads).toEqual([]);
    expect(fat.request?.inputs.layerLimit).toBe(20_000);
  });

  it('fails where BuildKit makes the images, which cannot split it, and says what to do', async () => {
    const { slim, fat } = await plan({
      rest: 'runtimes: {own: {engine: vllm, image: "registry.example/own:v1", builder: buildkit}}',
      model: 'runtimes: [own]',
    });
    expect(slim.action).toBe('build');
    expect(fat).toMatchObject({ action: 'fail', request: null, reshard: [] });
    expect(fat.warnings).toEqual([expect.stringContaining('`builder: assemble`')]);
  });

  it('is looked into once for all its runtimes', async () => {
    const { targets, hub } = await plan({
      rest: 'runtimes: {cpu: {engine: vllm, image: "registry.example/cpu:v1"}, gpu: {engine: vllm, image: "registry.example/gpu:v1"}}',
      model: 'runtimes: [cpu, gpu]',
    });
    expect(targets.map(({ reshard }) => reshard.length)).toEqual([0, 1, 0, 1]);
    expect(hub.ranges).toHaveLength(2);
  });

  it.each([
    ['gated', { facts: { gated: 'manual' as const } }, 'gated'],
    ['too large as a whole', { defaults: 'limits: {layer_max_bytes: 20000, fat_max_bytes: 30000}' }, 'too-large'],
    [
      'under a licence that is not on the list',
      { facts: { license: { ids: ['gpl-3.0'], name: null, link: null } } },
      'license-not-permissive',
    ],
  ])('is not looked into when it is %s', async (_what, given, code) => {
    const { fat, codes, hub } = await plan(given);
    expect([fat.action, codes.filter((each) => each !== 'license-permissive'), fat.reshard]).toEqual([
      'skip',
      [code],
      [],
    ]);
    expect(hub.ranges).toEqual([]);
  });

  it('stays slim under a licence that forbids modification', async () => {
    const facts = { license: { ids: ['cc-by-nd-4.0'], name: null, link: null } };
    const { fat, slim, codes, hub } = await plan({ facts, model: 'permissive: true' });
    expect([slim.action, fat.action]).toEqual(['build', 'skip']);
    expect(codes).toContain('layer-too-large');
    expect(fat.reasons[0]?.message).toContain('unmodified copies');
    expect(hub.ranges).toEqual([]);
  });

  it('stays slim when the header is none, or one tensor is too large', async () => {
    for (const given of [
      { content: { ...CONTENT, 'model.safetensors': Buffer.alloc(50_000, 'x') } },
      { defaults: 'limits: {layer_max_bytes: 5000}' },
    ]) {
      const { fat, slim, codes } = await plan(given);
      expect([slim.action, fat.action]).toEqual(['build', 'skip']);
      expect(codes).toEqual(['layer-too-large', 'license-permissive']);
    }
  });

  it('is not decided when the Hub does not give the header', async () => {
    class Silent extends FakeHub {
      override range(): never {
        throw new PublisherError('hub-unavailable', 'The Hub did not answer.');
      }
    }
    const { slim, fat, codes } = await plan({ hub: (content) => new Silent({}, content) });
    expect([slim.action, fat.action, codes]).toEqual(['fail', 'fail', ['hub-unavailable']]);
    expect(fat).toMatchObject({ revision: null, files: [], reshard: [], request: null });
  });
});

describe('the layer limit', () => {
  it('is that of the strictest registry an image goes to, which is an input', async () => {
    const defaults = 'publish: {ghcr: true}, limits: {layer_max_bytes: 60GB}';
    expect((await plan({ defaults })).fat.request?.inputs.layerLimit).toBe(10e9);
    const elsewhere =
      'publish: {local: true}, registries: {local: "registry.example/x"}, limits: {layer_max_bytes: 60GB}';
    expect((await plan({ defaults: elsewhere })).fat.request?.inputs.layerLimit).toBe(60e9);
    expect((await plan({ defaults: `${elsewhere}, mirrors: [ghcr]` })).fat.request?.inputs.layerLimit).toBe(10e9);
  });
});
