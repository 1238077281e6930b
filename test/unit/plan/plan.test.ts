import { describe, expect, it } from 'vitest';
import { readBuildKitSettings } from '../../../src/build/buildkit/settings.ts';
import type { RuntimeRecipe } from '../../../src/build/runtimes/recipe.ts';
import { buildRequestSchema } from '../../../src/build/schema.ts';
import { parseCatalog } from '../../../src/catalog/parse.ts';
import type { Catalog } from '../../../src/catalog/types.ts';
import { PublisherError } from '../../../src/errors.ts';
import type { FactsResult, ModelFacts } from '../../../src/huggingface/types.ts';
import { inputsKey } from '../../../src/image/inputs.ts';
import { BaseResolver, type OpenSource } from '../../../src/plan/bases.ts';
import { type PlanOptions, planCatalog } from '../../../src/plan/plan.ts';
import { plannedTargetSchema } from '../../../src/plan/schema.ts';
import type { Pins, PlannedTarget } from '../../../src/plan/types.ts';
import { parsePublishAllow } from '../../../src/registry/patterns.ts';
import { PACKAGE_ROOT } from '../../../src/services.ts';
import { FakeHub } from '../../support/image/fake-hub.ts';
import { MemoryTarget } from '../../support/image/memory-target.ts';
import { hubFile, modelFacts } from '../../support/policy/input.ts';
import { type BaseImageOptions, pushBaseImage } from '../../support/registry/index.ts';

const BASE = 'registry.example/base:v1.2.3';
const ENTRYPOINT = 'e'.repeat(64);
const RECIPE: RuntimeRecipe = { dockerfile: 'f'.repeat(64), pins: {} };

const found = (facts: Partial<ModelFacts> = {}): FactsResult => ({
  kind: 'found',
  facts: modelFacts({ id: 'acme/tiny', ...facts }),
});

function catalogOf(text: string): Catalog {
  const parsed = parseCatalog(text);
  if (!parsed.valid) throw new Error(parsed.problems.map(({ path, message }) => `${path} ${message}`).join('\n'));
  return parsed.catalog;
}

const catalog = (model = '', defaults = '', rest = '') =>
  catalogOf(
    `defaults: {base_image: "${BASE}", ${defaults}}\n${rest}\nmodels: [{id: acme/tiny, short: tiny, ${model}}]\n`,
  );

const RUNTIMES =
  'runtimes: {cpu: {engine: vllm, image: "registry.example/cpu:v1.2.3"}, gpu: {engine: vllm, image: "registry.example/gpu:v1.2.3"}, odd: {engine: vllm, image: "registry.example/odd:v9", experimental: true}}';

interface Given extends Partial<Omit<PlanOptions, 'bases' | 'context'>> {
  answers?: Record<string, FactsResult>;
  base_?: BaseImageOptions;
  open?: OpenSource;
  publishAllow?: string | null;
  owner?: string | null;
  pinned?: Pins;
  recipe?: RuntimeRecipe;
}

/** Plans against a Hub and bases in memory; every reference is the same tiny base unless `open` says otherwise. */
async function plan(given: Given = {}) {
  const { answers = { 'acme/tiny': found() }, publishAllow = null, owner = 'acme', pinned } = given;
  const source = new MemoryTarget('registry.example/base');
  const image = await pushBaseImage(source, { tag: 'v1.2.3', platforms: ['linux/amd64'], ...given.base_ });
  const tagged = await source.manifest('v1.2.3');
  for (const tag of ['v9', 'latest']) await source.tag(tag, tagged);
  source.calls.length = 0;
  const opened: string[] = [];
  const open: OpenSource = (reference, own) => {
    opened.push(reference.repository);
    return given.open?.(reference, own) ?? source;
  };
  const hub = new FakeHub(answers);
  const result = await planCatalog({
    catalog: catalog(),
    ...(pinned === undefined ? {} : { pins: pinned }),
    ...given,
    hub,
    bases: new BaseResolver(open),
    context: {
      owner,
      namespaceSuffix: '',
      publishAllow: publishAllow === null ? null : parsePublishAllow(publishAllow).patterns,
      entrypointSha256: ENTRYPOINT,
      buildkit: await readBuildKitSettings(PACKAGE_ROOT, 'https://huggingface.co'),
      recipe: given.recipe ?? RECIPE,
      maxImageBytes: null,
    },
  });
  const target = (variant: 'slim' | 'fat', runtime?: string): PlannedTarget => {
    const match = result.targets.find((each) => each.variant === variant && (runtime ?? each.runtime) === each.runtime);
    if (match === undefined) throw new Error(`no ${variant} target`);
    return match;
  };
  return { ...result, slim: target, fat: target, target, hub, source, image, opened };
}

const codes = ({ reasons }: PlannedTarget) => reasons.map(({ code }) => code);
const actions = (targets: PlannedTarget[]) => targets.map(({ runtime, variant, action }) => [runtime, variant, action]);

describe('a model that may be built', () => {
  it('gives both variants with all that the contract asks for', async () => {
    const { targets, image } = await plan();
    expect(actions(targets)).toEqual([
      ['default', 'slim', 'build'],
      ['default', 'fat', 'build'],
    ]);
    expect(targets[1]).toMatchObject({
      model: { id: 'acme/tiny', short: 'tiny' },
      runtime: 'default',
      engine: 'vllm',
      revision: 'a'.repeat(40),
      license: { declared: 'mit', spdx: 'MIT', class: 'permissive' },
      gated: false,
      bytes: 1100,
      base: { reference: BASE, digest: image.digest },
      files: [
        { path: 'config.json', size: 100, sha256: null, oid: 'c'.repeat(40) },
        { path: 'model.safetensors', size: 1000, sha256: 'b'.repeat(64), oid: 'c'.repeat(40) },
      ],
      reshard: [],
      repository: 'ghcr.io/acme/hf-tiny',
      repositories: ['ghcr.io/acme/hf-tiny', 'docker.io/acme/hf-tiny'],
      tags: ['v1.2.3-fat', `r${'a'.repeat(40)}-fat`],
      warnings: [],
    });
    expect(targets[1] && codes(targets[1])).toEqual(['license-permissive']);
  });

  it('gives a request whose key is that of its inputs, and which the ledger can keep', async () => {
    const { targets } = await plan();
    for (const target of targets) {
      expect(target.request?.key).toBe(target.inputs);
      expect(target.request && inputsKey(target.request.inputs)).toBe(target.inputs);
      expect(target.request?.inputs).toMatchObject({ variant: target.variant, entrypoint: ENTRYPOINT });
      expect(plannedTargetSchema.parse(JSON.parse(JSON.stringify(target)))).toEqual(target);
    }
    expect(targets[0]?.inputs).not.toBe(targets[1]?.inputs);
  });

  it('has an identity that neither registry, owner nor tag of the base touches', async () => {
    const one = await plan();
    const other = await plan({
      owner: 'somebody',
      catalog: catalogOf(
        'defaults: {base_image: "registry.example/base:v9"}\nmodels: [{id: acme/tiny, short: tiny}]\n',
      ),
    });
    expect(other.slim('slim').inputs).toBe(one.slim('slim').inputs);
    expect(other.slim('slim').tags).not.toEqual(one.slim('slim').tags);
  });

  it('has an identity that the order of its platforms does not touch', async () => {
    const base_ = { platforms: ['linux/amd64', 'linux/arm64'] };
    const keys = await Promise.all(
      ['linux/amd64,linux/arm64', 'linux/arm64,linux/amd64'].map(async (arch) => {
        const { target } = await plan({ catalog: catalog('', `arch: "${arch}"`), base_ });
        return target('fat').inputs;
      }),
    );
    expect(keys[0]).toMatch(/^[0-9a-f]{64}$/);
    expect(keys[1]).toBe(keys[0]);
  });
});

describe('a model that may not', () => {
  it('is slim only when it is gated', async () => {
    const { target } = await plan({ answers: { 'acme/tiny': found({ gated: 'manual' }) } });
    expect(target('slim')).toMatchObject({ action: 'build', gated: true });
    expect(target('fat')).toMatchObject({ action: 'skip', gated: true, request: null, inputs: null, tags: [] });
    expect(codes(target('fat'))).toContain('gated');
    expect(target('slim').request).toMatchObject({ legal: [], unreadable: [] });
  });

  it('names the legal files behind a gate without asking for them', async () => {
    const files = [...modelFacts().files, hubFile('LICENSE')];
    const { target } = await plan({ answers: { 'acme/tiny': found({ gated: 'auto', files }) } });
    expect(target('slim').request).toMatchObject({ legal: [], unreadable: ['LICENSE'] });
    expect(target('slim').request?.inputs.legal).toEqual([{ path: 'LICENSE', content: 'unreadable' }]);
  });

  it.each([
    ['unavailable', 'hub-unavailable'],
    ['not-found', 'not-found'],
    ['private', 'private'],
    ['disabled', 'disabled'],
  ] as const)('fails both variants when it is %s, and asks no registry', async (kind, code) => {
    const answers: Record<string, FactsResult> = { 'acme/tiny': { kind, message: 'no' } };
    const { targets, opened } = await plan({ answers });
    expect(actions(targets)).toEqual([
      ['default', 'slim', 'fail'],
      ['default', 'fat', 'fail'],
    ]);
    for (const target of targets) {
      expect(codes(target)).toContain(code);
      expect(target).toMatchObject({ revision: null, bytes: null, inputs: null, request: null, files: [], tags: [] });
    }
    expect(opened).toEqual([]);
  });

  it('is slim only when it is larger than fat images may be', async () => {
    const { target } = await plan({ catalog: catalog('', 'limits: {fat_max_bytes: 1000}') });
    expect(target('slim').action).toBe('build');
    expect(target('fat')).toMatchObject({ action: 'skip', bytes: 1100 });
    expect(codes(target('fat'))).toContain('too-large');
  });

  it('is slim only when a file, or a file with its framing, is larger than a layer may be', async () => {
    for (const limit of [999, 1001]) {
      const { target } = await plan({ catalog: catalog('', `limits: {layer_max_bytes: ${limit}}`) });
      expect(target('slim').action).toBe('build');
      expect(target('fat').action).toBe('skip');
      expect(codes(target('fat'))).toContain('layer-too-large');
      expect(codes(target('slim'))).toContain('layer-too-large');
    }
  });

  it('is slim only when its base leaves no layer for weights', async () => {
    const files = Object.fromEntries(Array.from({ length: 121 }, (_, at) => [`f${at}`, 'x']));
    const { target } = await plan({ base_: { files, compression: 'none' } });
    expect(target('slim').action).toBe('build');
    expect(target('fat').action).toBe('skip');
    expect(codes(target('fat'))).toContain('too-many-layers');
  });

  it('fails when its base leaves no layer even for what slim adds', async () => {
    const files = Object.fromEntries(Array.from({ length: 123 }, (_, at) => [`f${at}`, 'x']));
    const { target } = await plan({ base_: { files, compression: 'none' } });
    expect(target('slim').action).toBe('fail');
    expect(target('slim').warnings.join()).toContain('124 layers');
  });

  it('fails for a legal file that no image will hold', async () => {
    const files = [...modelFacts().files, hubFile('LICENSE', { size: 2 ** 21 })];
    const { targets } = await plan({ answers: { 'acme/tiny': found({ files }) } });
    expect(targets.map(({ action }) => action)).toEqual(['fail', 'fail']);
    expect(targets[0]?.warnings.join()).toContain('LICENSE');
  });
});

describe('the base', () => {
  it('that cannot be reached leaves the decision standing, without an identity', async () => {
    const { target } = await plan({
      open: () => {
        throw new PublisherError('registry-unavailable', 'registry.example did not answer');
      },
    });
    expect(target('fat')).toMatchObject({ action: 'build', inputs: null, request: null, base: { digest: null } });
    expect(target('fat').warnings).toEqual(['The base image is not resolved: registry.example did not answer']);
  });

  it('that cannot be reached leaves a denied fat skipped, without a word about it', async () => {
    const { target } = await plan({
      answers: { 'acme/tiny': found({ gated: 'manual' }) },
      open: () => {
        throw new PublisherError('registry-unavailable', 'registry.example did not answer');
      },
    });
    expect(target('fat')).toMatchObject({ action: 'skip', warnings: [] });
    expect(target('slim')).toMatchObject({ action: 'build', inputs: null });
  });

  it('without the platform asked for fails, naming what it offers', async () => {
    const { targets } = await plan({ catalog: catalog('', 'arch: "linux/arm64"') });
    expect(targets.map(({ action }) => action)).toEqual(['fail', 'fail']);
    expect(targets[0]?.warnings.join()).toContain('has no linux/arm64; it offers linux/amd64');
  });

  it('that cannot be built upon leaves a denied fat denied, not failed', async () => {
    const { target } = await plan({
      answers: { 'acme/tiny': found({ gated: 'manual' }) },
      catalog: catalog('', 'arch: "linux/arm64"'),
    });
    expect(target('slim').action).toBe('fail');
    expect(target('fat')).toMatchObject({ action: 'skip', warnings: [] });
  });

  it('that is one image without an index is compared with the platform asked for', async () => {
    const base_: BaseImageOptions = { noIndex: true };
    expect((await plan({ base_ })).target('slim').action).toBe('build');
    const { target } = await plan({ base_, catalog: catalog('', 'arch: "linux/arm64"') });
    expect(target('slim').action).toBe('fail');
    expect(target('slim').warnings.join()).toContain('is for linux/amd64, not for linux/arm64');
  });

  it('that does not exist fails', async () => {
    const { target } = await plan({
      catalog: catalogOf(
        'defaults: {base_image: "registry.example/base:nope"}\nmodels: [{id: acme/tiny, short: tiny}]\n',
      ),
    });
    expect(target('slim').action).toBe('fail');
    expect(target('slim').warnings.join()).toContain('nope');
  });

  it('that the operator does not allow fails', async () => {
    const { target } = await plan({
      open: () => {
        throw new PublisherError('refused', 'Base images may not come from there.');
      },
    });
    expect(target('slim')).toMatchObject({ action: 'fail', request: null });
  });

  it('is asked for once, however many models stand on it', async () => {
    const models = Array.from({ length: 20 }, (_, at) => `{id: acme/m${at}, short: m${at}}`);
    const answers = Object.fromEntries(
      models.map((_, at): [string, FactsResult] => [`acme/m${at}`, found({ id: `acme/m${at}` })]),
    );
    const { targets, opened, source, hub } = await plan({
      catalog: catalogOf(`defaults: {base_image: "${BASE}"}\nmodels: [${models.join(', ')}]\n`),
      answers,
    });
    expect(targets).toHaveLength(40);
    expect(targets.map(({ model }) => model.short)).toEqual(models.flatMap((_, at) => [`m${at}`, `m${at}`]));
    expect(opened).toHaveLength(1);
    expect(source.calls.filter((call) => call === 'manifest v1.2.3')).toHaveLength(1);
    expect(hub.asked).toHaveLength(20);
  });

  it('without a tag takes its version from the label, else warns', async () => {
    const digest = (await plan()).image.digest;
    const reference = `registry.example/base@${digest}`;
    const given = {
      catalog: catalogOf(`defaults: {base_image: "${reference}"}\nmodels: [{id: acme/tiny, short: tiny}]\n`),
    };
    const { target } = await plan(given);
    expect(target('fat')).toMatchObject({ action: 'build', tags: [`r${'a'.repeat(40)}-fat`] });
    expect(target('fat').warnings.join()).toContain('base_version');
    const labels = { 'org.opencontainers.image.version': 'v7' };
    const labelled = (await plan({ base_: { labels } })).image.digest;
    const withLabel = await plan({
      base_: { labels },
      catalog: catalogOf(
        `defaults: {base_image: "registry.example/base@${labelled}"}\nmodels: [{id: acme/tiny, short: tiny}]\n`,
      ),
    });
    expect(withLabel.target('fat')).toMatchObject({ tags: ['v7-fat', `r${'a'.repeat(40)}-fat`], warnings: [] });
  });

  it('whose images BuildKit makes has the Dockerfile in its inputs; all others have keys without one', async () => {
    const rest = (builder: string) => `runtimes: {own: {engine: vllm, image: "${BASE}", builder: ${builder}}}`;
    const buildkit = await plan({ catalog: catalog('runtimes: [own]', '', rest('buildkit')) });
    const assembled = await plan({ catalog: catalog('runtimes: [own]', '', rest('assemble')) });
    expect(buildkit.target('fat').request?.inputs).toMatchObject({
      builder: 'buildkit',
      buildkit: {
        dockerfile: expect.stringMatching(/^[0-9a-f]{64}$/),
        arguments: { HF_ENDPOINT: 'https://huggingface.co', MODEL_FOLDER: '/models/tiny' },
      },
    });
    const { request } = assembled.target('fat');
    expect(Object.keys(request?.inputs ?? {})).not.toContain('buildkit');
    expect(buildRequestSchema.parse(JSON.parse(JSON.stringify(request)))).toEqual(request);
    const kept = buildkit.target('fat').request;
    expect(buildRequestSchema.parse(JSON.parse(JSON.stringify(kept)))).toEqual(kept);
    expect(buildkit.target('fat').inputs).not.toBe(assembled.target('fat').inputs);
  });
});

describe('what was resolved before', () => {
  it('is used instead of asking where names point now', async () => {
    const { image } = await plan();
    const pinned: Pins = { revisions: { tiny: 'd'.repeat(40) }, bases: { tiny: { [BASE]: image.digest } } };
    const { hub, source } = await plan({ pinned, catalog: catalog('revision: main') });
    expect(hub.asked).toEqual([`acme/tiny@${'d'.repeat(40)}`]);
    expect(source.calls).not.toContain('manifest v1.2.3');
    expect(source.calls).toContain(`manifest ${image.digest}`);
  });

  it('gives the same plan, the tags included', async () => {
    const first = await plan();
    const pinned: Pins = { revisions: { tiny: 'a'.repeat(40) }, bases: { tiny: { [BASE]: first.image.digest } } };
    expect((await plan({ pinned })).targets).toEqual(first.targets);
  });
});

describe('a renamed repository', () => {
  it('is followed with a warning; the plan keeps the name of the catalog', async () => {
    const { target } = await plan({ answers: { 'acme/tiny': found({ id: 'acme/renamed' }) } });
    expect(target('fat')).toMatchObject({ action: 'build', model: { id: 'acme/tiny' } });
    expect(target('fat').request).toMatchObject({ hubId: 'acme/renamed', inputs: { model: 'acme/tiny' } });
    expect(target('fat').warnings.join()).toContain('has renamed acme/tiny to acme/renamed');
  });
});

describe('runtimes', () => {
  it('are a pair of targets each; colliding tags tell the further ones apart', async () => {
    const { targets } = await plan({ catalog: catalog('runtimes: [cpu, gpu]', '', RUNTIMES) });
    expect(targets.map(({ runtime, variant, tags }) => [runtime, variant, tags[0]])).toEqual([
      ['cpu', 'slim', 'v1.2.3-slim'],
      ['cpu', 'fat', 'v1.2.3-fat'],
      ['gpu', 'slim', 'v1.2.3-gpu-slim'],
      ['gpu', 'fat', 'v1.2.3-gpu-fat'],
    ]);
    const tags = targets.flatMap((target) => target.tags);
    expect(new Set(tags).size).toBe(tags.length);
    expect(new Set(targets.map(({ inputs }) => inputs)).size).toBe(4);
  });

  it('that are experimental are built only when asked for', async () => {
    const given = { catalog: catalog('runtimes: [cpu, odd]', '', RUNTIMES) };
    expect((await plan(given)).targets.map(({ runtime }) => runtime)).toEqual(['cpu', 'cpu']);
    const asked = await plan({ ...given, experimental: true });
    expect(asked.targets.map(({ runtime }) => runtime)).toEqual(['cpu', 'cpu', 'odd', 'odd']);
    const always = await plan({ catalog: catalog('runtimes: [cpu, odd]', 'experimental: true', RUNTIMES) });
    expect(always.targets.map(({ runtime }) => runtime)).toEqual(['cpu', 'cpu', 'odd', 'odd']);
  });

  it('that cannot load the model fail, the others do not', async () => {
    const runtimes = RUNTIMES.replace('gpu: {engine: vllm', 'gpu: {engine: llamacpp');
    const { targets } = await plan({ catalog: catalog('runtimes: [cpu, gpu]', '', runtimes) });
    expect(actions(targets)).toEqual([
      ['cpu', 'slim', 'build'],
      ['cpu', 'fat', 'build'],
      ['gpu', 'slim', 'fail'],
      ['gpu', 'fat', 'fail'],
    ]);
    expect(targets[2] && codes(targets[2])).toContain('runtime-incompatible');
  });

  it('whose tags name every target alike fail before a byte moves', async () => {
    const { targets } = await plan({ catalog: catalog('', 'tags: ["{date}-{variant}"]') });
    expect(targets.map(({ action, request, inputs }) => [action, request, inputs])).toEqual([
      ['fail', null, null],
      ['fail', null, null],
    ]);
    expect(targets[0]?.warnings.join()).toContain('no tag');
  });
});

describe('a difference', () => {
  const two = (first: string, second: string) =>
    catalogOf(`defaults: {base_image: "${BASE}"}\nmodels: [{id: acme/tiny, short: tiny${first}}${second}]\n`);
  const answers = { 'acme/tiny': found(), 'acme/other': found({ id: 'acme/other' }) };
  const other = ', {id: acme/other, short: other}';

  it('plans what was added or changed, and asks about nothing else', async () => {
    const { targets, hub, diff } = await plan({ answers, base: two('', ''), catalog: two('', other) });
    expect(new Set(targets.map(({ model }) => model.short))).toEqual(new Set(['other']));
    expect(hub.asked).toEqual(['acme/other@latest']);
    expect(diff).toEqual({ added: ['other'], changed: [], removed: [] });
    const changed = await plan({ answers, base: two('', other), catalog: two(', serve_args: [--x]', other) });
    expect(new Set(changed.targets.map(({ model }) => model.short))).toEqual(new Set(['tiny']));
  });

  it('names both variants of what was removed', async () => {
    const { targets, hub } = await plan({ answers, base: two('', other), catalog: two('', '') });
    expect(actions(targets)).toEqual([
      ['default', 'slim', 'remove'],
      ['default', 'fat', 'remove'],
    ]);
    expect(targets[0]).toMatchObject({ model: { id: 'acme/other', short: 'other' }, request: null, tags: [] });
    expect(hub.asked).toEqual([]);
  });

  it('to nothing plans everything, to the same plans nothing', async () => {
    expect((await plan({ answers, base: null, catalog: two('', other) })).targets).toHaveLength(4);
    expect((await plan({ answers, base: two('', other), catalog: two('', other) })).targets).toEqual([]);
  });

  it('can be narrowed to one model, removed ones included', async () => {
    const given = { answers, base: two('', other), catalog: two(', serve_args: [--x]', '') };
    expect((await plan({ ...given, only: 'tiny' })).targets.map(({ action }) => action)).toEqual(['build', 'build']);
    expect((await plan({ ...given, only: 'other' })).targets.map(({ action }) => action)).toEqual(['remove', 'remove']);
  });
});

describe('destinations', () => {
  it('that the operator does not allow fail the target when the catalog names them', async () => {
    const { targets } = await plan({
      catalog: catalog('', 'registries: {own: "evil.example/x"}, publish: {own: true}'),
      publishAllow: 'acme=ghcr.io/acme/*',
    });
    expect(targets.map(({ action, request }) => [action, request])).toEqual([
      ['fail', null],
      ['fail', null],
    ]);
    expect(targets[0]?.warnings.join()).toContain('evil.example/x/hf-tiny');
  });

  it('that come only from the built-in defaults are left out with a note', async () => {
    const { target } = await plan({ publishAllow: 'acme=ghcr.io/acme/*' });
    expect(target('slim')).toMatchObject({ action: 'build', repositories: ['ghcr.io/acme/hf-tiny'] });
    expect(target('slim').warnings.join()).toContain('dockerhub is left out');
  });

  it('do not turn a denied fat into a failed one', async () => {
    const { target } = await plan({
      answers: { 'acme/tiny': found({ gated: 'manual' }) },
      catalog: catalog('', 'registries: {own: "evil.example/x"}, publish: {own: true}'),
      publishAllow: 'acme=ghcr.io/acme/*',
    });
    expect(target('fat').action).toBe('skip');
    expect(target('slim').action).toBe('fail');
  });
});

describe('planning', () => {
  it('ends as cancelled when nobody waits any more', async () => {
    const signal = AbortSignal.abort(new Error('enough'));
    await expect(plan({ signal })).rejects.toMatchObject({ code: 'cancelled' });
  });

  it('tells how far it is', async () => {
    const told: string[] = [];
    await plan({ onModel: (done, total) => told.push(`${done}/${total}`) });
    expect(told).toEqual(['1/1']);
  });
});

describe('tags that only a publication knows', () => {
  const settings = 'tags: ["{branch}-{variant}", "{date}-{variant}"]';

  it('are enough where one is going to be, and too few where there never is', async () => {
    const laterFields = { branch: 'main', date: '2026.01.01', time: '0000' };
    const later = (await plan({ catalog: catalog('', settings), laterFields })).target('slim');
    expect([later.action, later.tags]).toEqual(['build', []]);
    const never = (await plan({ catalog: catalog('', settings) })).target('slim');
    expect([never.action, never.warnings[0]]).toEqual(['fail', expect.stringContaining('No tag template applies')]);
  });

  it('that stand for something else fail before anything is built', async () => {
    const target = (await plan({ catalog: catalog('', 'tags: ["pr-1-{variant}"]') })).target('slim');
    expect([target.action, target.warnings[0]]).toEqual(['fail', expect.stringContaining('stands for something')]);
  });
});
