import { beforeEach, expect, it } from 'vitest';
import { parseCatalog } from '../../../../src/catalog/parse.ts';
import type { Catalog } from '../../../../src/catalog/types.ts';
import { CATALOG_CHECKS } from '../../../../src/licensing/catalog-checks.ts';
import type { PlannedTarget } from '../../../../src/plan/types.ts';
import { prepareRelease, publishRelease, type ReadyImage } from '../../../../src/publish/release/publish-release.ts';
import { withReleaseArguments } from '../../../../src/publish/release/release-runtimes.ts';
import type { Digest } from '../../../../src/registry/types.ts';
import { imageInputs } from '../../../support/image/inputs.ts';
import {
  down,
  type MemoryPublisher,
  MemoryRegistries,
  memoryPublisher,
  pushImage,
  wanted,
} from '../../../support/publish/memory-publisher.ts';
import { pushBaseImage } from '../../../support/registry/index.ts';
import { planned } from '../../../support/report/report.ts';

const MODEL = 'one.test/acme/hf-tiny';
const RUNTIMES = 'one.test/acme/runtimes';
const SECOND = 'two.test/acme/runtimes';
const source = { repository: null, commit: null, path: 'models.yaml' };
const options = { tag: 'v1.0.0', latest: false, experimental: false, set: [] };

function catalogOf(text: string): Catalog {
  const parsed = parseCatalog(text, CATALOG_CHECKS);
  if (!parsed.valid) throw new Error(parsed.problems.map(({ message }) => message).join());
  return parsed.catalog;
}

const catalog = catalogOf(
  [
    'defaults:',
    '  project: runtimes',
    '  registries: {one: "one.test/acme", two: "two.test/acme"}',
    '  publish: {one: true, two: true}',
    'models:',
    '  - {id: acme/tiny, short: tiny, runtimes: [vllm-cuda], publish: {two: false}}',
  ].join('\n'),
);

let registries: MemoryRegistries;
let context: MemoryPublisher;
let image: Digest;
let runtime: Digest;
let target: PlannedTarget;
beforeEach(async () => {
  registries = new MemoryRegistries();
  context = memoryPublisher(registries);
  image = await pushImage(registries.open(MODEL), 'image');
  runtime = await pushImage(registries.open(RUNTIMES), 'runtime', {});
  const request = {
    key: 'b'.repeat(64),
    inputs: imageInputs(),
    hubId: 'acme/tiny',
    files: [],
    legal: [],
    unreadable: [],
    lastModified: '2030-01-01T00:00:00Z',
    base: { reference: `${RUNTIMES}:b0123456789ab-vllm-cuda`, digest: runtime, own: true },
    smoke: null,
  };
  target = planned('tiny', { runtime: 'vllm-cuda', request });
});

const tagsOf = (name: string) =>
  Object.fromEntries(registries.open(name).storage.repository(name.slice(name.indexOf('/') + 1)).tags);
const ready = (): ReadyImage[] => [{ target, image: wanted(image, []).image, scan: null }];
const prepare = (extra: Partial<typeof options> = {}) =>
  prepareRelease({
    catalog,
    options: { ...options, ...extra },
    targets: [target],
    earlier: [],
    destinations: { owner: 'acme', namespaceSuffix: '', publishAllow: null },
  });

it('names models, and the runtimes they stand on in every registry of the catalog', async () => {
  const prepared = prepare();
  expect(prepared.repositories).toEqual([MODEL, RUNTIMES, SECOND]);
  const { snapshot } = await publishRelease(prepared, ready(), source, context);
  expect(tagsOf(MODEL)).toMatchObject({ '1.0.0-slim': image, '1.0-slim': image, '1-slim': image });
  for (const repository of [RUNTIMES, SECOND]) expect(tagsOf(repository)).toEqual({ 'v1.0.0-vllm-cuda': runtime });
  expect(snapshot.runtimes).toMatchObject([{ name: 'vllm-cuda', digest: runtime, tags: ['v1.0.0-vllm-cuda'] }]);
  expect(snapshot.images).toMatchObject([{ short: 'tiny', variant: 'slim', digest: image, base: { digest: runtime } }]);
});

it('latest only when asked for, of models and runtimes alike', async () => {
  await publishRelease(prepare(), ready(), source, context);
  expect([...Object.keys(tagsOf(MODEL)), ...Object.keys(tagsOf(RUNTIMES))].join()).not.toContain('latest');
  await publishRelease(prepare({ latest: true }), ready(), source, context);
  expect(tagsOf(MODEL)).toMatchObject({ 'latest-slim': image });
  expect(tagsOf(SECOND)).toMatchObject({ 'latest-vllm-cuda': runtime });
});

it('tags nothing where a runtime’s tag is another’s, or its registry is down', async () => {
  const foreign = await pushImage(registries.open(SECOND), 'foreign', {});
  await registries.open(SECOND).tag('v1.0.0-vllm-cuda', await registries.open(SECOND).manifest(foreign));
  await expect(publishRelease(prepare(), ready(), source, context)).rejects.toMatchObject({ code: 'denied' });
  registries.open(SECOND).fault = down();
  await expect(publishRelease(prepare(), ready(), source, context)).rejects.toMatchObject({
    code: 'registry-unavailable',
  });
  expect([tagsOf(MODEL), tagsOf(RUNTIMES), context.moves]).toEqual([{}, {}, []]);
});

/** Leaves an image with these labels under the tag that the release gives to its runtime. */
async function leaveAt(repository: string, labels: Record<string, string>): Promise<void> {
  const named = Object.entries(labels).map(([name, value]) => [`io.model-image-publisher.${name}`, value]);
  await pushBaseImage(registries.open(repository), { tag: 'v1.0.0-vllm-cuda', labels: Object.fromEntries(named) });
}

const recipe = 'd'.repeat(64);

it('takes over a tag at an earlier image of the same runtime, although nobody wrote down who moved it', async () => {
  await leaveAt(RUNTIMES, { runtime: 'vllm-cuda', recipe });
  const { snapshot } = await publishRelease(prepare(), ready(), source, context);
  expect(tagsOf(RUNTIMES)).toEqual({ 'v1.0.0-vllm-cuda': runtime });
  expect(snapshot.runtimes).toMatchObject([{ digest: runtime }]);
});

it.each([
  ['another runtime', { runtime: 'cuda', recipe }],
  ['something that no recipe made', { runtime: 'vllm-cuda' }],
  ['a model on that runtime', { runtime: 'vllm-cuda', recipe, model: 'acme/tiny', inputs: 'e'.repeat(64) }],
])('leaves a tag at %s', async (_, labels) => {
  await leaveAt(SECOND, labels);
  const before = tagsOf(SECOND);
  await expect(publishRelease(prepare(), ready(), source, context)).rejects.toMatchObject({ code: 'denied' });
  expect([tagsOf(SECOND), context.moves]).toEqual([before, []]);
});

it('arguments change the runtimes in use that declare them, and no others', () => {
  const changed = withReleaseArguments(catalog, { ...options, set: ['VLLM_VERSION=9.9.9'] });
  const argumentsOf = (name: string, of: Catalog) => of.runtimes.find((one) => one.name === name)?.build?.args;
  expect(argumentsOf('vllm-cuda', changed)).toMatchObject({ VLLM_VERSION: '9.9.9' });
  expect(argumentsOf('cuda', changed)).toEqual(argumentsOf('cuda', catalog));
  expect(() => withReleaseArguments(catalog, { ...options, set: ['SGLANG_VERSION=1'] })).toThrow('SGLANG_VERSION');
});
