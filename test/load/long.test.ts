import { afterAll, beforeAll, expect, test } from 'vitest';
import { botComments, entry, openPull, outcomes, reportOf, settle } from '../support/demo/stories.ts';
import { until } from '../support/demo/wait.ts';
import { startWorld, type World } from '../support/demo/world.ts';
import { tinyModel } from '../support/hub/tiny.ts';

const MODEL = 'acme/tiny-long';
const LEASE_SECONDS = 3;

let world: World;
beforeAll(async () => {
  world = await startWorld({
    models: [tinyModel({ id: MODEL, shards: 6 })],
    signedUrlMs: 1_000,
    // GitHub's tokens last five seconds in the stand-in.
    registry: { tokenLifeMs: 1_500 },
    variables: { SCAN: 'optional', PATH: '/nonexistent' },
    queue: { leaseSeconds: LEASE_SECONDS },
  });
});
afterAll(() => world.close());

test('a build longer than every lease and token completes once, under the same check runs', {
  timeout: 60_000,
}, async () => {
  const uploads = /hf-long\/blobs\/uploads\/.+/;
  world.registry.faults.push({ kind: 'slow', ms: 1_700, path: uploads, times: 1000 });
  const started = performance.now();
  const pull = await openPull(world, 'long', [entry(MODEL, 'long')]);
  const checks = () => world.github.checks(pull.repo, pull.headSha);
  const first = await until('the first checks', async () => {
    const seen = await checks();
    return seen.some(({ name }) => name === 'long · fat') ? seen : null;
  });
  await settle(world, world.bot.url, 45_000);
  expect(performance.now() - started).toBeGreaterThan(7_000);
  const last = await checks();
  expect(outcomes(last)).toEqual({
    'models.yaml': 'success',
    'long · slim': 'success',
    'long · fat': 'success',
    scan: 'neutral',
    'model-images': 'success',
  });
  for (const { id, name } of first) expect(last.find((check) => check.name === name)?.id).toBe(id);
  expect(await botComments(world, pull)).toHaveLength(1);
  expect(await reportOf(world, pull)).toContain('2 images built');
  const puts = world.registry.requests.filter(
    ({ method, path }) => method === 'PUT' && path.includes('hf-long/manifests'),
  );
  expect(new Set(puts.map(({ path }) => path)).size).toBe(puts.length);
  // Its weights were asked for once.
  const weights = world.hub?.requests.filter(({ server, path }) => server === 'cdn' && path.includes('.safetensors'));
  expect(weights).toHaveLength(6);
  expect(world.registry.tokens.count).toBeGreaterThan(5);
});
