import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Clock } from '../../../src/clock.ts';
import { systemClock } from '../../../src/clock.ts';
import { Installations } from '../../../src/github/installations.ts';
import { silentLogger } from '../../../src/log.ts';
import { type GitHubStandIn, startGitHub } from '../../support/github/index.ts';

const SECRET = 'a-secret-of-this-test';
const repo = { owner: 'acme', name: 'models' };
const TOKENS = /access_tokens$/;

let github: GitHubStandIn;
beforeAll(async () => {
  github = await startGitHub({ webhookSecret: SECRET, tokenSeconds: 5 });
  await github.createRepo(repo);
});
afterAll(() => github.close());

function open(
  clock: Clock = systemClock,
  privateKey = github.privateKey,
  stopping = new AbortController().signal,
): Installations {
  return new Installations({
    appId: github.appId,
    privateKey,
    webhookSecret: SECRET,
    apiUrl: github.url,
    pauses: false,
    stopping,
    clock,
    logger: silentLogger,
  });
}

const minted = () => github.requests.filter(({ path }) => TOKENS.test(path)).length;

test('one token serves many requests, also those that begin together', async () => {
  const client = await open().github(github.installationId);
  const before = minted();
  await Promise.all(Array.from({ length: 5 }, () => client.repository(repo)));
  await client.repository(repo);
  expect(minted() - before).toBe(1);
});

test('a token is renewed before it ends: work that outlives it goes on', async () => {
  let ahead = 0;
  const clock: Clock = { now: () => Date.now() + ahead, sleep: systemClock.sleep };
  const client = await open(clock).github(github.installationId);
  await client.repository(repo);
  const before = minted();
  ahead = 2_000;
  await client.repository(repo);
  expect(minted() - before).toBe(0);
  ahead = 3_000;
  await client.repository(repo);
  expect(minted() - before).toBe(1);
});

test('a GitHub that does not answer at first is asked again by whoever comes next', async () => {
  const installations = open();
  github.faults.add({ path: /^\/app$/, times: 20, answer: { status: 403, body: { message: 'no' } } });
  await expect(installations.github(github.installationId)).rejects.toMatchObject({ name: 'PublisherError' });
  github.faults.clear();
  const client = await installations.github(github.installationId);
  expect((await client.repository(repo)).defaultBranch).toBe('main');
});

test('a token that could not be minted is minted by the next request', async () => {
  const client = await open().github(github.installationId);
  github.faults.add({ path: TOKENS, times: 20, answer: { status: 403, body: { message: 'suspended' } } });
  await expect(client.repository(repo)).rejects.toMatchObject({ message: expect.stringContaining('installation') });
  github.faults.clear();
  expect((await client.repository(repo)).defaultBranch).toBe('main');
});

test('a process that stops waits for no answer, and asks for none again', async () => {
  const stopping = new AbortController();
  const client = await open(systemClock, github.privateKey, stopping.signal).github(github.installationId);
  const asked = github.requests.length;
  const answer = client.repository(repo);
  stopping.abort();
  await expect(answer).rejects.toMatchObject({ code: 'github-unavailable' });
  await expect(client.repository(repo)).rejects.toMatchObject({ code: 'github-unavailable' });
  expect(github.requests.length - asked).toBeLessThanOrEqual(1);
});
