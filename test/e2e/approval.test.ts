import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { QUEUES } from '../../src/jobs/queues.ts';
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
import { until } from '../support/demo/wait.ts';
import { startWorld, type World } from '../support/demo/world.ts';
import { tinyModel } from '../support/hub/tiny.ts';

const OPEN = 'acme/tiny-chat';
const OTHER = 'acme/tiny-other';
const SLOW = 'acme/tiny-slow';

let world: World;
const pulls: Pull[] = [];
beforeAll(async () => {
  const soon = { limit: 1, baseMs: 10, maxMs: 10 };
  world = await startWorld({
    models: [tinyModel({ id: OPEN }), tinyModel({ id: OTHER }), tinyModel({ id: SLOW, shardBytes: 200_000 })],
    variables: { SCAN: 'optional', PATH: '/nonexistent', MAX_BUILDS_PER_OWNER: '4' },
    queue: { retries: { ...QUEUES, build: soon } },
  });
  world.github.addUser('stranger', 'read');
});
afterAll(() => world.close());

const settled = () => settle(world, world.bot.url);
const checksOf = async ({ repo, headSha }: Pick<Pull, 'repo' | 'headSha'>) => world.github.checks(repo, headSha);
const stands = async (pull: Pick<Pull, 'repo' | 'headSha'>) => outcomes(await checksOf(pull));
const click = async (pull: Pull, name: string, identifier: string, login: string) =>
  world.github.requestAction(pull.repo, checkNamed(await checksOf(pull), name).id, identifier, login);
const requestsOf = (short: string) => world.registry.requests.filter(({ path }) => path.includes(`hf-${short}/`));

async function add(name: string, ...models: string[]): Promise<Pull> {
  const pull = await openPull(world, name, models);
  pulls.push(pull);
  return pull;
}

async function openFork(name: string, models: string[]): Promise<Pull> {
  const { repo, id } = await createTeam(world, name);
  const files = { 'models.yaml': catalogOf(world, models) };
  const opened = await world.github.createForkPullRequest(repo, {
    title: 'Add',
    branch: 'add',
    files,
    author: 'stranger',
  });
  const pull = { repo, repoId: id, ...opened };
  pulls.push(pull);
  await settled();
  return pull;
}

/** The uploads of these images begin slowly. */
function slow(short: string): void {
  world.registry.faults.push({ kind: 'slow', ms: 1_000, path: new RegExp(`hf-${short}/blobs/uploads`), times: 2 });
}

const uploading = (pull: Pull, short: string) =>
  until('the builds to run', async () => {
    const begun = requestsOf(short).some(({ path }) => path.includes('/blobs/uploads'));
    return begun && Object.values(await stands(pull)).includes('in_progress') ? true : null;
  });

describe('a pull request from a fork', () => {
  test('is built by an approval of its head alone, by comment or button; a push waits again', async () => {
    const pull = await openFork('fork', [entry(OPEN, 'fork')]);
    expect((await stands(pull))['model-images']).toBe('action_required');
    for (const [who, body] of [
      ['stranger', `/approve ${pull.headSha}`],
      ['stranger', '/rebuild all'],
      ['maintainer', '/rebuild all'],
      ['maintainer', `/approve ${pull.headSha.slice(0, 11)}`],
    ] as const) {
      await world.github.comment(pull.repo, pull.number, who, body);
    }
    await click(pull, 'model-images', 'approve', 'stranger');
    await settled();
    expect(requestsOf('fork')).toEqual([]);
    await click(pull, 'model-images', 'approve', 'maintainer');
    await settled();
    expect(await stands(pull)).toMatchObject({ 'fork · fat': 'success', 'model-images': 'success' });
    const once = requestsOf('fork').length;
    const files = { 'models.yaml': catalogOf(world, [entry(OPEN, 'fork', 'serve_args: ["--x"]')]) };
    pull.headSha = await world.github.pushToPullRequest(pull.repo, pull.number, files);
    await settled();
    // The recorded click, under a fresh id, approves nothing that came later.
    const recorded = world.github.deliveries.findLast(
      ({ action, body }) => action === 'requested_action' && body.includes('"login":"maintainer"'),
    );
    await world.github.redeliver(recorded?.id ?? 0, 'a-click-again');
    await settled();
    expect((await stands(pull))['model-images']).toBe('action_required');
    expect(requestsOf('fork')).toHaveLength(once);
    await world.github.comment(pull.repo, pull.number, 'maintainer', `/approve ${pull.headSha.slice(0, 12)}`);
    await settled();
    expect((await stands(pull))['model-images']).toBe('success');
  });

  test('pushed to between the comment and its job: nothing unapproved is downloaded, built or tagged', async () => {
    const pull = await openFork('raced', [entry(OPEN, 'raced')]);
    const before = world.hub?.requests.length;
    world.github.setWebhookTarget(null);
    await world.github.comment(pull.repo, pull.number, 'maintainer', `/approve ${pull.headSha}`);
    const comment = world.github.deliveries.at(-1);
    const files = { 'models.yaml': catalogOf(world, [entry(OPEN, 'raced', 'serve_args: ["--evil"]')]) };
    pull.headSha = await world.github.pushToPullRequest(pull.repo, pull.number, files);
    const push = world.github.deliveries.at(-1);
    world.github.setWebhookTarget(`${world.bot.url}/api/github/webhooks`);
    await world.github.redeliver(comment?.id ?? 0);
    await settled();
    expect(world.hub?.requests.length).toBe(before);
    await world.github.redeliver(push?.id ?? 0);
    await settled();
    expect((await stands(pull))['model-images']).toBe('action_required');
    expect(requestsOf('raced')).toEqual([]);
  });
});

describe('a pull request that is over while it is built', () => {
  test('closed: the upload stops, the checks are cancelled; reopened it is built', async () => {
    // The weights do not come to an end.
    world.hub?.fail({ fault: { kind: 'stall', bytes: 10_000 }, match: /model-00001|[0-9a-f]{64}/, times: 1 });
    const pull = await add('closing', entry(SLOW, 'closing'));
    await until('the fat image to be uploaded', async () =>
      (await stands(pull))['closing · fat'] === 'in_progress' &&
      requestsOf('closing').some(({ path }) => path.includes('/blobs/uploads'))
        ? true
        : null,
    );
    await world.github.closePullRequest(pull.repo, pull.number);
    // It ends by itself, although the Hub says nothing more.
    await settled();
    expect(await stands(pull)).toMatchObject({ 'closing · fat': 'cancelled', 'model-images': 'cancelled' });
    const stopped = requestsOf('closing').length;
    world.hub?.clearFaults();
    await settled();
    expect(requestsOf('closing')).toHaveLength(stopped);
    await world.github.reopenPullRequest(pull.repo, pull.number);
    await settled();
    expect(await stands(pull)).toMatchObject({ 'closing · fat': 'success', 'model-images': 'success' });
  });

  test('merged: it is finished; a second that has the same short fails on its line without being pushed to', async () => {
    const { repo, id } = await createTeam(world, 'merging');
    const open = async (branch: string, model: string): Promise<Pull> => {
      const files = { 'models.yaml': catalogOf(world, [entry(model, 'merging')]) };
      const pull = { repo, repoId: id, ...(await world.github.openPullRequest(repo, { title: 'Add', branch, files })) };
      pulls.push(pull);
      return pull;
    };
    const second = await open('two', OPEN);
    await settled();
    expect((await stands(second))['model-images']).toBe('success');
    slow('merging');
    const first = await open('one', SLOW);
    await uploading(first, 'merging');
    await world.github.mergePullRequest(repo, first.number);
    await settled();
    expect(await stands(first)).toMatchObject({ 'merging · fat': 'success', 'model-images': 'success' });
    expect(await stands(second)).toMatchObject({ 'models.yaml': 'failure', 'model-images': 'failure' });
    const [annotation] = checkNamed(await checksOf(second), 'models.yaml').annotations;
    expect(annotation?.message).toContain('`merging`');
    expect((await reportOf(world, second)).split('\n')[0]).toContain('❌');
  });
});

describe('buttons', () => {
  test('"Re-run" of the required check after a Hub outage plans again, as often as it is pressed', async () => {
    const fail = () =>
      world.hub?.fail({ fault: { kind: 'status', status: 503 }, match: /api\/models\/acme\/tiny-other/, times: 1000 });
    fail();
    const pull = await add('outage', entry(OTHER, 'outage'));
    await settled();
    const rerun = async () => {
      const asked = world.hub?.requests.length ?? 0;
      const { id } = checkNamed(await checksOf(pull), 'model-images');
      await world.github.rerequestCheck(pull.repo, id, 'maintainer');
      await settled();
      return (world.hub?.requests.length ?? 0) - asked;
    };
    expect((await stands(pull))['model-images']).toBe('failure');
    expect(await rerun()).toBeGreaterThan(0);
    expect((await stands(pull))['model-images']).toBe('failure');
    world.hub?.clearFaults();
    expect(await rerun()).toBeGreaterThan(0);
    expect(await stands(pull)).toMatchObject({ 'outage · fat': 'success', 'model-images': 'success' });
  });
});

test('a merge group gets the required check', async () => {
  const pull = await add('queue', entry(OPEN, 'queue'));
  await settled();
  const head = await world.github.enqueue(pull.repo, pull.number);
  await settled();
  expect(await stands({ ...pull, headSha: head })).toEqual({ 'model-images': 'success' });
});

test('every delivery recorded so far, under fresh ids, changes nothing', async () => {
  world.registry.faults.push({ kind: 'status', status: 403, method: 'POST', path: /hf-broken\//, times: 1000 });
  await add('broken', entry(OPEN, 'broken'));
  await settled();
  world.registry.faults.length = 0;
  const seen = async () => {
    const all = [];
    for (const pull of pulls) all.push([await checksOf(pull), await botComments(world, pull)]);
    return JSON.stringify(all);
  };
  const before = await seen();
  const writes = () =>
    world.github.requests.filter(({ method, path }) => method !== 'GET' && !path.startsWith('/app/')).length;
  const counts = () => [writes(), world.registry.requests.length, world.hub?.requests.length];
  const counted = counts();
  for (const { id } of [...world.github.deliveries]) {
    const { status } = await world.github.redeliver(id, `fresh-${id}`);
    expect(status).toBe(202);
  }
  await settled();
  expect(await seen()).toBe(before);
  expect(counts()).toEqual(counted);
});
