import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { QUEUES } from '../../src/jobs/queues.ts';
import { type BotProcess, startProcess } from '../support/demo/process.ts';
import {
  botComments,
  catalogOf,
  checkNamed,
  createTeam,
  entry,
  openPull,
  outcomes,
  type Pull,
  reportOf,
  settle,
} from '../support/demo/stories.ts';
import { type StandIns, startStandIns, startWorld, type World } from '../support/demo/world.ts';
import { type HubModel, headOf } from '../support/hub/model.ts';
import { tinyModel } from '../support/hub/tiny.ts';
import { pushBaseImage } from '../support/registry/index.ts';

const TB = 1e12;
const MIB = 1024 * 1024;

describe('with the ceilings as they come', { timeout: 60_000 }, () => {
  const HUGE = 'acme/tiny-huge';
  const OPEN = 'acme/tiny-chat';
  let places: StandIns;
  let bot: BotProcess;
  let url: string;
  beforeAll(async () => {
    places = await startStandIns({
      models: [declaring(tinyModel({ id: HUGE }), 2 * TB), tinyModel({ id: OPEN })],
      variables: { SCAN: 'optional', PATH: '/nonexistent' },
    });
    bot = startProcess(['serve'], places.settings);
    url = await bot.url;
    places.github.setWebhookTarget(`${url}/api/github/webhooks`);
  });
  afterAll(async () => {
    await bot.kill('SIGKILL');
    await places.close();
  });

  const many = (count: number, id: (index: number) => string = () => OPEN) =>
    Array.from({ length: count }, (_, index) => entry(id(index), `m-${index}`));

  test('10,000 models end in one failed check and one comment, without a request and in little memory', async () => {
    await openPull(places, 'warm', []);
    await settle(places, url);
    if (places.hub !== null) places.hub.requests.length = 0;
    places.registry.requests.length = 0;
    const before = await residentBytes(url);
    const samples: number[] = [];
    const sampling = setInterval(() => residentBytes(url).then((bytes) => samples.push(bytes)), 50);
    const pull = await openPull(
      places,
      'ten-thousand',
      many(10_000, (index) => `acme/m-${index}`),
    );
    await settle(places, url);
    clearInterval(sampling);
    const grown = Math.max(...samples, await residentBytes(url)) - before;
    await assertRefused(places, pull, 'The catalog has 10000 models, over', 'of 2000', 'MAX_MODELS');
    expect(places.hub?.requests).toEqual([]);
    expect(places.registry.requests).toEqual([]);
    // 45 to 50 MiB where this was measured, parsing included.
    expect(grown).toBeLessThan(200 * MIB);
  });

  test('over 300 planned: no request either', async () => {
    if (places.hub !== null) places.hub.requests.length = 0;
    const pull = await openPull(places, 'three-hundred', many(301));
    await settle(places, url);
    await assertRefused(places, pull, 'touches 301 models, over', 'of 300', 'MAX_PLANNED_PER_PR');
    expect(places.hub?.requests).toEqual([]);
  });

  test('over 50 built: planned, and nothing is built nor shown one by one', async () => {
    const pull = await openPull(places, 'fifty', many(51));
    await settle(places, url);
    await assertRefused(places, pull, 'touches 51 models, over', 'of 50', 'MAX_CHANGED_PER_PR');
    expect(places.registry.requests.filter(({ path }) => path.includes('/hf-m-'))).toEqual([]);
    expect(places.hub?.requests.filter(({ server }) => server === 'cdn')).toEqual([]);
  });

  test('a model that multiplies beyond the ceiling is refused before the Hub is asked', async () => {
    if (places.hub !== null) places.hub.requests.length = 0;
    const aliases = Array.from({ length: 16 }, (_, index) => `hf-other-${index}`);
    const pull = await openPull(places, 'multiplied', [entry(OPEN, 'multiplied', `aliases: [${aliases.join(', ')}]`)]);
    await settle(places, url);
    await assertRefused(places, pull, 'of 32', 'MAX_TARGETS_PER_MODEL');
    expect(places.hub?.requests).toEqual([]);
  });

  test('a model that declares 2 TB is too large by the limit of the catalog, and no weight is asked for', async () => {
    if (places.hub !== null) places.hub.requests.length = 0;
    const pull = await openPull(places, 'huge', [entry(HUGE, 'huge')]);
    await settle(places, url);
    const checks = await places.github.checks(pull.repo, pull.headSha);
    expect(outcomes(checks)).toMatchObject({ 'huge · slim': 'success', 'huge · fat': 'neutral' });
    const fat = checkNamed(checks, 'huge · fat');
    expect(fat.title).toContain('too large');
    expect(fat.summary).toMatch(/`too-large`:.*limits.*fat.*max.*bytes/);
    expect(weightsAsked(places)).toEqual([]);
  });

  test('where the catalog allows that much, it is too large by the ceiling of the operator', async () => {
    if (places.hub !== null) places.hub.requests.length = 0;
    const limits = ['limits: {fat_max_bytes: 3TB, layer_max_bytes: 3TB}'];
    const { repo, id } = await createTeam(places, 'allowed', catalogOf(places, [], limits));
    const opened = await places.github.openPullRequest(repo, {
      title: 'Add',
      branch: 'add',
      files: { 'models.yaml': catalogOf(places, [entry(HUGE, 'allowed')], limits) },
    });
    await settle(places, url);
    const checks = await places.github.checks(repo, opened.headSha);
    const fat = checkNamed(checks, 'allowed · fat');
    expect(fat.conclusion).toBe('neutral');
    expect(fat.title).toContain('too large');
    for (const word of ['too-large', String(500e9), 'MAX_IMAGE_BYTES']) expect(plain(fat.summary)).toContain(word);
    expect(plain(fat.summary)).toMatch(/The files are 2\d{12} bytes/);
    expect(await reportOf(places, { repo, repoId: id, ...opened })).toContain('too-large');
    expect(weightsAsked(places)).toEqual([]);
  });
});

describe('an account with one build at a time, 400 KB a day and 1.5 s of patience', { timeout: 60_000 }, () => {
  const SLOW = 'acme/tiny-slow';
  const BIG = 'acme/tiny-big';
  let world: World;
  beforeAll(async () => {
    world = await startWorld({
      models: [tinyModel({ id: SLOW, shardBytes: 60_000 }), tinyModel({ id: BIG, shardBytes: 150_000 })],
      variables: {
        SCAN: 'optional',
        PATH: '/nonexistent',
        MAX_BUILDS_PER_OWNER: '1',
        MAX_BYTES_PER_OWNER_PER_DAY: '400KB',
        STALL_TIMEOUT: '1500ms',
      },
      registry: { mount: 202 },
      queue: { retries: { ...QUEUES, build: { limit: 0, baseMs: 10, maxMs: 10 } } },
    });
  });
  afterAll(() => world.close());
  const settled = () => settle(world, world.bot.url);

  test('builds one image at a time', async () => {
    let most = 0;
    let running = 0;
    const watch = setInterval(async () => {
      const text = await (await fetch(`${world.bot.url}/metrics`)).text();
      running = Number(/_builds\{state="running"\} (\d+)/.exec(text)?.[1] ?? 0);
      most = Math.max(most, running);
    }, 20);
    const pull = await openPull(world, 'one', [entry(SLOW, 'one')]);
    await settled();
    clearInterval(watch);
    expect(outcomes(await world.github.checks(pull.repo, pull.headSha))['model-images']).toBe('success');
    expect(most).toBe(1);
  });

  test('ends a build without a byte, and the check names the setting; the next one goes on', async () => {
    world.registry.faults.push({ kind: 'slow', ms: 60_000, path: /hf-stalled\/blobs\/uploads/, times: 1 });
    const started = performance.now();
    const pull = await openPull(world, 'stalled', [entry(SLOW, 'stalled')]);
    await settled();
    world.registry.faults.length = 0;
    const checks = await world.github.checks(pull.repo, pull.headSha);
    expect(outcomes(checks)).toMatchObject({ 'model-images': 'failure' });
    const failed = checks.filter(({ name, conclusion }) => name.startsWith('stalled ·') && conclusion === 'failure');
    expect(failed).toHaveLength(1);
    expect(plain(failed[0]?.title ?? null)).toMatch(/^No byte has moved for \d+ s.*STALL_TIMEOUT/);
    expect(performance.now() - started).toBeLessThan(15_000);
  });

  test('lets a base be copied for as long as it takes', async () => {
    const files = Object.fromEntries(Array.from({ length: 8 }, (_, index) => [`etc/part-${index}`, `${index}`]));
    await pushBaseImage(world.repository('base/many'), { tag: 'v1', platforms: ['linux/amd64'], files });
    world.registry.faults.push({ kind: 'slow', ms: 450, path: /hf-crawling\/blobs\/uploads/, times: 18 });
    const started = performance.now();
    const pull = await openPull(
      { ...world, baseReference: `${world.registry.host}/base/many:v1` },
      'crawling',
      [entry(SLOW, 'crawling')],
      ['arch: linux/amd64'],
    );
    await settled();
    world.registry.faults.length = 0;
    expect(performance.now() - started).toBeGreaterThan(2_000);
    expect(outcomes(await world.github.checks(pull.repo, pull.headSha))).toMatchObject({
      'crawling · slim': 'success',
      'crawling · fat': 'success',
      'model-images': 'success',
    });
  });

  test('over its bytes of the day builds no more fat images, and the check says which number is over what', async () => {
    const pull = await openPull(world, 'daily', [entry(BIG, 'again')]);
    await settled();
    const checks = await world.github.checks(pull.repo, pull.headSha);
    expect(outcomes(checks)).toMatchObject({
      'again · slim': 'success',
      'again · fat': 'failure',
      'model-images': 'failure',
    });
    const title = plain(checkNamed(checks, 'again · fat').title);
    expect(title).toMatch(
      /acme has moved \d{6} bytes within a day and this image needs \d{6}: over .* 400000 \(MAX_BYTES_/,
    );
    expect(world.registry.requests.filter(({ path }) => path.includes('hf-again/')).length).toBeGreaterThan(0);
  });
});

/** One failed check and one comment, each with these words. */
async function assertRefused(places: StandIns, pull: Pull, ...words: string[]): Promise<void> {
  const checks = await places.github.checks(pull.repo, pull.headSha);
  expect(outcomes(checks)).toMatchObject({ 'model-images': 'failure' });
  expect(checks.map(({ name }) => name).filter((name) => name !== 'models.yaml')).toEqual(['model-images']);
  expect(outcomes(checks)['models.yaml'] ?? 'success').toBe('success');
  expect(await botComments(places, pull)).toHaveLength(1);
  const report = plain(await reportOf(places, pull));
  for (const word of words) {
    expect(checkNamed(checks, 'model-images').title).toContain(word);
    expect(report).toContain(word);
  }
}

/** Markdown without what keeps text harmless. */
const plain = (text: string | null) => (text ?? '').replace(/[\u200b-\u200d\u2060\ufeff\\]/g, '');

/** The same model whose largest shard is said to be of this many bytes. */
function declaring(model: HubModel, bytes: number): HubModel {
  for (const file of headOf(model).files) {
    if (!/^model-00001.*safetensors$/.test(file.path) || file.lfs === null) continue;
    file.size = bytes;
    file.lfs.size = bytes;
  }
  return model;
}

const weightsAsked = ({ hub }: StandIns) =>
  hub?.requests.filter(({ server, path }) => server === 'cdn' || /\/resolve\/.*\.safetensors$/.test(path));

async function residentBytes(url: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text();
  return Number(/^process_resident_memory_bytes (\d+)/m.exec(text)?.[1] ?? 0);
}
