import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  assertWhole,
  catalogOf,
  checkNamed,
  createTeam,
  entry,
  openPull,
  outcomes,
  settle,
} from '../support/demo/stories.ts';
import { until, untilConcluded } from '../support/demo/wait.ts';
import { startWorld, type World } from '../support/demo/world.ts';
import { tinyModel } from '../support/hub/tiny.ts';
import { FakeRuntimeBuilder } from '../support/runtimes/fake-builder.ts';

const ONE = 'acme/tiny-one';
const TWO = 'acme/tiny-two';

let world: World;
let builder: FakeRuntimeBuilder;
beforeAll(async () => {
  world = await startWorld({
    models: [tinyModel({ id: ONE }), tinyModel({ id: TWO })],
    // No Trivy, and no registry that bases of others may come from: runtimes are read where they are pushed.
    variables: { SCAN: 'optional', PATH: '/nonexistent', MAX_BUILDS_PER_OWNER: '4', SOURCE_ALLOW: 'docker.io' },
    runtimes({ repository }) {
      builder = new FakeRuntimeBuilder((place) => repository(place.slice(place.indexOf('/') + 1)));
      return { builder: () => builder, recipe: { dockerfile: 'f'.repeat(64), pins: {} } };
    },
  });
});
afterAll(() => world.close());

const on = (runtime: string) => `runtimes: [${runtime}]`;

test('two models on one runtime: it is built once, then both; a third on one that fails is alone in failing', async () => {
  builder.failing.set('sglang-cuda', 'The build failed.\nERROR: no such wheel');
  const pull = await openPull(world, 'runtimes', [
    entry(ONE, 'one', on('vllm-cuda')),
    entry(TWO, 'two', on('vllm-cuda')),
    entry(ONE, 'three', on('sglang-cuda')),
  ]);
  await settle(world, world.bot.url);
  const checks = await world.github.checks(pull.repo, pull.headSha);
  expect(outcomes(checks)).toMatchObject({
    'one · slim': 'success',
    'one · fat': 'success',
    'two · slim': 'success',
    'two · fat': 'success',
    'three · slim': 'failure',
    'three · fat': 'failure',
    'model-images': 'failure',
  });
  expect(checkNamed(checks, 'three · slim').summary).toContain('ERROR: no such wheel');
  expect(builder.begun.sort()).toEqual(['sglang-cuda', 'vllm-cuda']);
  const image = /`[^/`]+\/(acme\/hf-one)@(sha256:[0-9a-f]{64})`/.exec(checkNamed(checks, 'one · fat').summary ?? '');
  assertWhole(world, image?.[1] ?? '', image?.[2] ?? '');
});

test('a restart of the bot while a runtime is built: it is begun again, and the model is built after it', async () => {
  const models = [entry(ONE, 'restarted', on('vllm-cuda'))];
  // A place of its own: the other test's image must not be found.
  const defaults = ['project: others'];
  builder.begun.length = 0;
  builder.hold();
  const { repo } = await createTeam(world, 'restarted', catalogOf(world, [], defaults));
  const pull = await world.github.openPullRequest(repo, {
    title: 'Add a model',
    branch: 'add',
    files: { 'models.yaml': catalogOf(world, models, defaults) },
  });
  await until('the runtime to be begun', async () => (builder.holding === 1 ? true : null), 20_000, 25);
  await world.restartBot();
  await until('it to be begun again', async () => (builder.begun.length === 2 ? true : null), 20_000, 25);
  builder.release();
  const checks = await untilConcluded(world.github, repo, pull.headSha);
  expect(builder.abandoned).toEqual(['vllm-cuda']);
  expect(outcomes(checks)).toMatchObject({ 'restarted · slim': 'success', 'model-images': 'success' });
});
