import { describe, expect, it } from 'vitest';
import { readBuildKitSettings } from '../../../src/build/buildkit/settings.ts';
import { recipeTag, runtimeKey } from '../../../src/build/runtimes/identity.ts';
import type { RuntimeRecipe } from '../../../src/build/runtimes/recipe.ts';
import { BUILTIN_RUNTIMES } from '../../../src/catalog/builtin-runtimes.ts';
import { parseCatalog } from '../../../src/catalog/parse.ts';
import { stricterCatalog } from '../../../src/catalog/stricter.ts';
import type { Catalog } from '../../../src/catalog/types.ts';
import { PublisherError } from '../../../src/errors.ts';
import { BaseResolver, type OpenSource } from '../../../src/plan/bases.ts';
import { type PlanOptions, planCatalog } from '../../../src/plan/plan.ts';
import { plannedTargetSchema } from '../../../src/plan/schema.ts';
import type { PlannedTarget } from '../../../src/plan/types.ts';
import { parsePublishAllow } from '../../../src/registry/patterns.ts';
import { PACKAGE_ROOT } from '../../../src/services.ts';
import { FakeHub } from '../../support/image/fake-hub.ts';
import { MemoryTarget } from '../../support/image/memory-target.ts';
import { hubFile, modelFacts } from '../../support/policy/input.ts';
import { pushBaseImage } from '../../support/registry/index.ts';

const RECIPE: RuntimeRecipe = { dockerfile: 'f'.repeat(64), pins: {} };
const ALL = Object.keys(BUILTIN_RUNTIMES);
const BOTH = ['linux/amd64', 'linux/arm64'];

/** A repository that every engine finds something in. */
const files = ['config.json', 'model.safetensors', 'm-Q4_K_M.gguf', 'm-Q8_0.gguf', 'm-F16.gguf'].map((path) =>
  hubFile(path, { size: 100 }),
);

function catalogOf(runtimes: string[], more: { model?: string; defaults?: string; rest?: string } = {}): Catalog {
  const { model = '', defaults = '', rest = '' } = more;
  const parsed = parseCatalog(
    `defaults: {${defaults}}\n${rest}\nmodels: [{id: acme/tiny, short: tiny, runtimes: [${runtimes.join(', ')}], ${model}}]\n`,
  );
  if (!parsed.valid) throw new Error(parsed.problems.map(({ path, message }) => `${path} ${message}`).join('\n'));
  return parsed.catalog;
}

interface Given extends Partial<Omit<PlanOptions, 'bases' | 'context' | 'hub' | 'catalog'>> {
  recipe?: RuntimeRecipe;
  publishAllow?: string;
  owner?: string | null;
  /** Where bases are looked for. Default: a repository with nothing in it. */
  open?: OpenSource;
}

async function plan(catalog: Catalog, given: Given = {}) {
  const { recipe = RECIPE, publishAllow, owner = 'acme', ...options } = given;
  const opened: { repository: string; own: boolean }[] = [];
  const nothing = new MemoryTarget('ghcr.io/acme/model-runner');
  const result = await planCatalog({
    catalog,
    ...options,
    hub: new FakeHub({ 'acme/tiny': { kind: 'found', facts: modelFacts({ id: 'acme/tiny', files }) } }),
    bases: new BaseResolver((reference, own) => {
      opened.push({ repository: `${reference.registry}/${reference.repository}`, own });
      return given.open?.(reference, own) ?? nothing;
    }),
    context: {
      owner,
      namespaceSuffix: '',
      publishAllow: publishAllow === undefined ? null : parsePublishAllow(publishAllow).patterns,
      entrypointSha256: 'e'.repeat(64),
      buildkit: await readBuildKitSettings(PACKAGE_ROOT, 'https://huggingface.co'),
      recipe,
      maxImageBytes: null,
    },
  });
  return { ...result, opened, slims: result.targets.filter(({ variant }) => variant === 'slim') };
}

/** Where the image of a runtime of the catalog has to be. */
function placeOf(catalog: Catalog, name: string, repository = 'ghcr.io/acme/model-runner', recipe = RECIPE): string {
  const runtime = catalog.runtimes.find((each) => each.name === name);
  if (runtime?.build == null) throw new Error(`no build of ${name}`);
  const { build, platforms } = runtime;
  const baseDigest = recipe.pins[build.args.BASE_IMAGE ?? 'ubuntu:24.04'] ?? null;
  return `${repository}:${recipeTag(name, runtimeKey({ build, platforms, dockerfile: recipe.dockerfile ?? '', baseDigest }))}`;
}

const only = (targets: PlannedTarget[]): PlannedTarget => {
  const [target] = targets;
  if (target === undefined) throw new Error('no target');
  return target;
};

describe('a model on all seven runtimes', () => {
  it('has the right platforms on each, and one GGUF quantisation', async () => {
    const { slims } = await plan(catalogOf(ALL, { defaults: 'experimental: true' }));
    expect(Object.fromEntries(slims.map(({ runtime, platforms }) => [runtime, platforms]))).toEqual({
      'llamacpp-cpu': BOTH,
      cuda: BOTH,
      'vllm-cuda': BOTH,
      'sglang-cuda': ['linux/amd64'],
      rocm: ['linux/amd64'],
      musa: ['linux/amd64'],
      cann: BOTH,
    });
    const gguf = slims.map(({ engine, files: chosen }) => [
      engine,
      chosen.filter(({ path }) => path.endsWith('.gguf')).map(({ path }) => path),
    ]);
    expect(new Set(gguf.map((each) => JSON.stringify(each)))).toEqual(
      new Set(['["llamacpp",["m-Q4_K_M.gguf"]]', '["vllm",[]]', '["sglang",[]]']),
    );
  });

  it('has tags of its own on each, by the version that is inside', async () => {
    const { targets, slims } = await plan(catalogOf(ALL, { defaults: 'experimental: true' }));
    expect(slims.map(({ tags: [first] }) => first)).toEqual([
      'latest-slim',
      'latest-cuda-slim',
      '0.12.0-slim',
      '0.4.0-slim',
      'latest-rocm-slim',
      'latest-musa-slim',
      'latest-cann-slim',
    ]);
    const tags = targets.flatMap((target) => target.tags);
    expect(tags).toHaveLength(28);
    expect(new Set(tags).size).toBe(28);
  });

  it('is left out on the experimental ones unless somebody asks, and says so', async () => {
    const { slims, warnings } = await plan(catalogOf(ALL));
    expect(slims.map(({ runtime }) => runtime)).toEqual(['llamacpp-cpu', 'cuda', 'vllm-cuda', 'sglang-cuda', 'rocm']);
    expect(warnings).toEqual([expect.stringMatching(/`tiny` is left out on `musa`, `cann`.*--experimental/)]);
    for (const experimental of [true, ['tiny']]) {
      const asked = await plan(catalogOf(ALL), { experimental });
      expect(asked.slims).toHaveLength(7);
      expect(asked.warnings).toEqual([]);
    }
    expect((await plan(catalogOf(ALL), { experimental: ['other'] })).slims).toHaveLength(5);
  });
});

describe('a runtime that is built', () => {
  it('and is not there is asked for first: the decision stands, without an identity', async () => {
    const catalog = catalogOf(['cuda']);
    const { targets, opened } = await plan(catalog);
    const reference = placeOf(catalog, 'cuda');
    for (const target of targets) {
      expect(target).toMatchObject({ action: 'build', inputs: null, request: null, base: { reference, digest: null } });
      expect(target.tags).toHaveLength(2);
      expect(target.warnings).toEqual([expect.stringMatching(/is not at .* yet .* `runtime publish cuda`/)]);
      expect(target.awaits).toMatchObject({ runtime: { name: 'cuda' }, repository: 'ghcr.io/acme/model-runner' });
      expect(plannedTargetSchema.parse(JSON.parse(JSON.stringify(target)))).toEqual(target);
    }
    expect(opened).toEqual([{ repository: 'ghcr.io/acme/model-runner', own: true }]);
  });

  it('and is there is a base like any other, known to be ours', async () => {
    const catalog = catalogOf(['cuda']);
    const reference = placeOf(catalog, 'cuda');
    const target = new MemoryTarget('ghcr.io/acme/model-runner');
    const { digest } = await pushBaseImage(target, { tag: reference.split(':')[1] ?? '' });
    const { slims } = await plan(catalog, { open: () => target });
    expect(only(slims)).toMatchObject({ action: 'build', awaits: null, base: { reference, digest }, warnings: [] });
    expect(only(slims).request?.base).toEqual({ reference, digest, own: true });
    expect(only(slims).inputs).not.toBeNull();
  });

  it('whose registry wants other credentials may be missing as well: many answer so for what does not exist', async () => {
    const { slims } = await plan(catalogOf(['cuda']), {
      open: () => {
        throw new PublisherError('registry-denied', 'not without a login');
      },
    });
    expect(only(slims)).toMatchObject({ action: 'build', awaits: { runtime: { name: 'cuda' } } });
  });

  it('whose registry does not answer is not built on a guess', async () => {
    const { slims } = await plan(catalogOf(['cuda']), {
      open: () => {
        throw new PublisherError('registry-unavailable', 'ghcr.io did not answer');
      },
    });
    expect(only(slims)).toMatchObject({ action: 'build', inputs: null, awaits: null });
    expect(only(slims).warnings.join()).toContain('ghcr.io did not answer');
  });

  it('lies in the project’s repository of the first registry the model goes to', async () => {
    const defaults =
      'project: runners, registries: {own: "registry.example/x"}, publish: {own: true, ghcr: false, dockerhub: true}';
    const { slims } = await plan(catalogOf(['rocm'], { defaults }));
    expect(only(slims).base.reference).toMatch(/^docker\.io\/acme\/runners:b[0-9a-f]{12}-rocm$/);
    const own = await plan(catalogOf(['rocm'], { defaults, model: 'publish: {dockerhub: false}' }));
    expect(only(own.slims).base.reference).toMatch(/^registry\.example\/x\/runners:b/);
  });

  it('has another tag when anything it is made from changes', async () => {
    const catalog = catalogOf(['cuda']);
    const image = catalog.runtimes.find(({ name }) => name === 'cuda')?.build?.args.BASE_IMAGE ?? '';
    const references = [
      await plan(catalog),
      await plan(catalog, { recipe: { ...RECIPE, dockerfile: '0'.repeat(64) } }),
      await plan(catalog, { recipe: { ...RECIPE, pins: { [image]: `sha256:${'1'.repeat(64)}` } } }),
      await plan(
        catalogOf(['cuda'], { rest: 'runtimes: {cuda: {engine: llamacpp, build: {target: final-llamacpp}}}' }),
      ),
    ].map(({ slims }) => only(slims).base.reference);
    expect(new Set(references).size).toBe(4);
  });

  it('must be allowed where it would go, as every image', async () => {
    const { slims, opened } = await plan(catalogOf(['cuda']), { publishAllow: 'acme=ghcr.io/acme/hf-tiny' });
    expect(only(slims)).toMatchObject({ action: 'fail', awaits: null });
    expect(only(slims).warnings.join()).toContain('ghcr.io/acme/model-runner (PUBLISH_ALLOW)');
    expect(opened).toEqual([]);
  });

  it('fails where its Dockerfile is not installed', async () => {
    const { slims } = await plan(catalogOf(['cuda']), { recipe: { dockerfile: null, pins: {} } });
    expect(only(slims).action).toBe('fail');
    expect(only(slims).warnings.join()).toContain('docker/runtimes/Dockerfile');
  });

  it('is planned without an account that nobody named, but not looked for', async () => {
    const { slims, opened } = await plan(catalogOf(['cuda']), { owner: null });
    expect(only(slims)).toMatchObject({ action: 'build', inputs: null, awaits: null });
    expect(only(slims).warnings.join()).toContain('--owner');
    expect(opened).toEqual([]);
  });

  it('gives {base_version} as the catalog says, else the version inside', async () => {
    const tagOf = async (fields: string) => {
      const rest = `runtimes: {own: {engine: sglang, ${fields}}}`;
      return only((await plan(catalogOf(['own'], { rest }))).slims).tags[0];
    };
    const build = 'build: {target: final-sglang, args: {SGLANG_VERSION: 0.9.9}}';
    expect(await tagOf(build)).toBe('0.9.9-slim');
    expect(await tagOf(`${build}, base_version: v5`)).toBe('v5-slim');
    expect(await tagOf('build: {target: final-sglang}')).toBe(`r${'a'.repeat(40)}-slim`);
  });

  it('is refused when only a pull request describes it', async () => {
    const head = catalogOf(['own'], { rest: 'runtimes: {own: {engine: vllm, build: {target: final-vllm}}}' });
    const { catalog } = stricterCatalog(head, catalogOf([ALL[0] ?? '']), true);
    const { slims } = await plan(catalog);
    expect(only(slims).action).toBe('fail');
    expect(only(slims).warnings.join()).toContain('once it is on the default branch');
  });
});

describe('a quantisation', () => {
  it('is taken on llama.cpp and ignored aloud elsewhere', async () => {
    const { slims } = await plan(catalogOf(['cuda', 'vllm-cuda'], { model: 'files: {quant: q8_0}' }));
    expect(slims[0]?.files.map(({ path }) => path)).toEqual(['m-Q8_0.gguf']);
    expect(slims[1]?.warnings[0]).toContain('`files.quant` is ignored');
  });

  it('that is not there fails that runtime alone', async () => {
    const { slims } = await plan(catalogOf(['cuda', 'vllm-cuda'], { model: 'files: {quant: Q5_K_M}' }));
    expect(slims.map(({ action }) => action)).toEqual(['fail', 'build']);
    expect(slims[0]?.reasons[0]).toMatchObject({
      code: 'runtime-incompatible',
      message: expect.stringContaining('F16, Q4_K_M, Q8_0'),
    });
  });
});
