import { delimiter } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { checkNamed, entry, openPull, outcomes, settle } from '../support/demo/stories.ts';
import { startWorld, type World } from '../support/demo/world.ts';
import { tinyModel } from '../support/hub/tiny.ts';
import { fakeTrivyEnvironment } from '../support/trivy/fake-trivy.ts';

const OPEN = 'acme/tiny-chat';
const FAKE_DOCKER = fileURLToPath(new URL('../support/docker/bin', import.meta.url));

let world: World;
beforeAll(async () => {
  world = await startWorld({ models: [tinyModel({ id: OPEN })], settings: () => ({ SMOKE: 'on' }) });
});
afterAll(() => world.close());

async function review(short: string, docker: string) {
  const scanning = fakeTrivyEnvironment('clean');
  Object.assign(world.variables, scanning, { PATH: [FAKE_DOCKER, scanning.PATH].join(delimiter), DOCKER_HOST: docker });
  const pull = await openPull(world, short, [entry(OPEN, short)]);
  await settle(world, world.bot.url);
  const checks = await world.github.checks(pull.repo, pull.headSha);
  return { checks, conclusions: outcomes(checks) };
}

test('an image that fails its smoke run fails its check with its last lines, and the required check', async () => {
  const { checks, conclusions } = await review('broken', 'broken');
  expect(conclusions).toMatchObject({
    'broken · slim': 'failure',
    'broken · fat': 'failure',
    'model-images': 'failure',
  });
  const { summary } = checkNamed(checks, 'broken · slim');
  expect(summary).toContain(
    'failed its smoke run. It ended with exit code 127: model-image: error: engine vllm not found',
  );
});

test.each([
  ['down', 'no container engine answers'],
  ['foreign', 'the container engine here runs plan9/mips'],
])('an engine that is %s does not fail an image, and its check says that it was not run', async (mode, reason) => {
  const { checks, conclusions } = await review(mode, mode);
  expect(conclusions).toMatchObject({ [`${mode} · slim`]: 'success', [`${mode} · fat`]: 'success' });
  const { summary } = checkNamed(checks, `${mode} · fat`);
  expect(summary).toContain('Smoke run: not run');
  expect(summary).toContain(reason);
});
