import { Probot } from 'probot';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createApp } from '../../src/app.ts';
import { createQueue, type Queue } from '../../src/jobs/queue.ts';
import { silentLogger } from '../../src/log.ts';
import type { Store } from '../../src/store/open.ts';
import { catalogId } from '../../src/store/publications.ts';
import { findRelease } from '../../src/store/releases.ts';
import { deliveries } from '../../src/store/schema.ts';
import { memoryStore } from '../support/store/memory.ts';

let store: Store;
let queue: Queue;
beforeAll(async () => {
  store = await memoryStore();
  queue = await createQueue(store, { logger: silentLogger });
});
afterAll(async () => {
  await queue.stop({ graceMs: 0 });
  await store.close();
});

/** Jobs that these events add to those waiting: [reviews, commands]. */
async function receive(...events: Parameters<Probot['receive']>[0][]): Promise<[number, number]> {
  const probot = new Probot({ githubToken: 'none', logLevel: 'fatal' });
  await probot.load(createApp({ store, queue, logger: silentLogger }));
  const before = await queue.counts();
  for (const event of events) await probot.receive(event);
  const { review, command } = await queue.counts();
  return [review.queued - before.review.queued, command.queued - before.command.queued];
}

const repository = (login: string) => ({ id: 1, name: 'models', owner: { login } });
/** What a handler reads of a payload; the rest of GitHub's is left out. */
const event = (id: string, name: string, payload: object): Parameters<Probot['receive']>[0] =>
  JSON.parse(JSON.stringify({ id, name, payload }));
const pull = (id: string, { action = 'opened', number = 7, installed = true, changes = {} as object } = {}) =>
  event(id, 'pull_request', {
    action,
    changes,
    ...(installed ? { installation: { id: 4001 } } : {}),
    repository: repository('acme'),
    pull_request: { number },
    sender: { type: 'User' },
  });
const comment = (id: string, body: string, { type = 'User', issue = {} as object, commentId = 1 } = {}) =>
  event(id, 'issue_comment', {
    action: 'created',
    installation: { id: 4001 },
    repository: repository('acme'),
    issue: { number: 7, pull_request: {}, ...issue },
    comment: { id: commentId, body },
    sender: { type },
  });

test('opened, pushed to, reopened and closed pull requests are looked at; what else happens to them is not', async () => {
  const actions = ['opened', 'synchronize', 'reopened', 'labeled', 'closed', 'assigned'];
  const events = actions.map((action, index) => pull(action, { action, number: 100 + index }));
  expect(await receive(...events)).toEqual([4, 0]);
});

test('an edit is looked at only when it gives another base branch', async () => {
  const edited = (id: string, number: number, changes: object) => pull(id, { action: 'edited', number, changes });
  const events = [
    edited('title', 201, { title: { from: 'Old' } }),
    edited('body', 202, { body: { from: 'Old' } }),
    edited('base', 203, { base: { ref: { from: 'main' }, sha: { from: 'a'.repeat(40) } } }),
  ];
  expect(await receive(...events)).toEqual([1, 0]);
});

test('events of one pull request that nobody has looked at yet are one job', async () => {
  expect(await receive(pull('once'), pull('once'), pull('then', { action: 'synchronize' }))).toEqual([1, 0]);
});

test('an event without an installation cannot be answered and is ignored', async () => {
  expect(await receive(pull('without', { installed: false, number: 3 }))).toEqual([0, 0]);
});

test('comments are jobs only when people give a command on a pull request', async () => {
  const events = [
    comment('a', '/rebuild tiny', { commentId: 1 }),
    comment('b', 'hello', { commentId: 2 }),
    comment('c', '/rebuild tiny', { commentId: 3, type: 'Bot' }),
    comment('d', '/rebuild tiny', { commentId: 4, issue: { pull_request: undefined } }),
    comment('e', '> /rebuild tiny', { commentId: 5 }),
  ];
  expect(await receive(...events)).toEqual([0, 1]);
});

const HEAD = 'c'.repeat(40);
const repo = { id: 9, name: 'models', default_branch: 'main', owner: { login: 'acme' } };
const installation = { id: 4001 };
const sender = { login: 'alice', type: 'User' };
const run = (
  id: string,
  action: string,
  { externalId = 'pull-7:model-images' as string | null, identifier = 'approve', completedAt = '' } = {},
) =>
  event(id, 'check_run', {
    action,
    installation,
    repository: repo,
    sender,
    check_run: { head_sha: HEAD, external_id: externalId, completed_at: completedAt },
    ...(action === 'requested_action' ? { requested_action: { identifier } } : {}),
  });

test('our buttons and "Re-run" on our own check runs are jobs; foreign runs and unknown buttons are not', async () => {
  const events = [
    run('approve', 'requested_action'),
    run('rebuild', 'requested_action', { identifier: 'rebuild', externalId: 'pull-7:tiny · slim' }),
    run('rerun', 'rerequested'),
    run('unknown', 'requested_action', { identifier: 'merge' }),
    run('foreign', 'rerequested', { externalId: 'build-1' }),
    run('none', 'rerequested', { externalId: null }),
    run('queue', 'rerequested', { externalId: 'pull-0:model-images' }),
    run('created', 'created'),
    run('completed', 'completed'),
  ];
  expect(await receive(...events)).toEqual([0, 3]);
});

/** Deliveries that were acted upon, of these events in turn. */
async function recorded(...events: Parameters<Probot['receive']>[0][]): Promise<string[]> {
  await receive(...events);
  const rows = await store.db.select({ id: deliveries.id }).from(deliveries);
  return events.map(({ id }) => id).filter((id) => rows.some((row) => row.id === id));
}

test('a recorded click is no second click, whatever its delivery id; a later click is', async () => {
  const click = (id: string, completedAt = 'noon') =>
    run(id, 'requested_action', { externalId: 'pull-8:model-images', completedAt });
  const rerun = (id: string, completedAt = 'noon') =>
    run(id, 'rerequested', { externalId: 'pull-8:model-images', completedAt });
  expect(await recorded(click('c1'), click('c2'), click('c3', 'later'))).toEqual(['c1', 'c3']);
  expect(await recorded(rerun('r1'), rerun('r2'), rerun('r3', 'later'))).toEqual(['r1', 'r3']);
});

test('"Re-run all" of a check suite is a job for each of its pull requests', async () => {
  const suite = { head_sha: HEAD, pull_requests: [{ number: 31 }, { number: 32 }] };
  const more = { action: 'rerequested', installation, repository: repo, sender, check_suite: suite };
  expect(await receive(event('suite', 'check_suite', more))).toEqual([0, 2]);
});

test('a push is a job only on the default branch, one however often it is pushed to', async () => {
  const push = (id: string, ref: string) => event(id, 'push', { ref, installation, repository: repo, sender });
  const events = [
    push('p1', 'refs/heads/main'),
    push('p2', 'refs/heads/main'),
    push('p3', 'refs/heads/release'),
    push('p4', 'refs/tags/main'),
  ];
  expect(await receive(...events)).toEqual([0, 1]);
});

test('a merge group that waits for checks is a job', async () => {
  const group = (id: string, action: string) =>
    event(id, 'merge_group', { action, installation, repository: repo, sender, merge_group: { head_sha: HEAD } });
  expect(await receive(group('g1', 'checks_requested'), group('g2', 'destroyed'))).toEqual([0, 1]);
});

test('on an issue only a release is a command, also one that is written wrong', async () => {
  const issue = { pull_request: undefined };
  const events = [
    comment('i1', '/release v1.0.0', { commentId: 41, issue }),
    comment('i2', '/release', { commentId: 42, issue }),
    comment('i3', '/rebuild', { commentId: 43, issue }),
    comment('i4', '/help', { commentId: 44, issue }),
  ];
  expect(await receive(...events)).toEqual([0, 2]);
});

test('a release that is published is a job and a row of the ledger; what else happens to releases is not', async () => {
  const release = (id: string, action: string) =>
    event(id, 'release', { action, installation, repository: repo, sender, release: { tag_name: 'v1.0.0' } });
  await receive(release('r-created', 'created'), release('r-published', 'published'), release('r-edited', 'edited'));
  expect((await queue.counts()).release).toMatchObject({ queued: 1 });
  expect(await findRelease(store.db, { catalog: catalogId(repo.id, 'models.yaml'), tag: 'v1.0.0' })).toMatchObject({
    state: 'requested',
    options: { tag: 'v1.0.0', latest: false, experimental: false, set: [] },
  });
});
