import { Probot } from 'probot';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createApp } from '../../src/app.ts';
import { createQueue, type Queue } from '../../src/jobs/queue.ts';
import { silentLogger } from '../../src/log.ts';
import type { Store } from '../../src/store/open.ts';
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
async function receive(
  owners: string[] | null,
  ...events: Parameters<Probot['receive']>[0][]
): Promise<[number, number]> {
  const probot = new Probot({ githubToken: 'none', logLevel: 'fatal' });
  await probot.load(createApp({ store, queue, logger: silentLogger, owners }));
  const before = await queue.counts();
  for (const event of events) await probot.receive(event);
  const { review, command } = await queue.counts();
  return [review.queued - before.review.queued, command.queued - before.command.queued];
}

const repository = (login: string) => ({ id: 1, name: 'models', owner: { login } });
/** What a handler reads of a payload; the rest of GitHub's is left out. */
const event = (id: string, name: string, payload: object): Parameters<Probot['receive']>[0] =>
  JSON.parse(JSON.stringify({ id, name, payload }));
const pull = (id: string, { owner = 'acme', action = 'opened', number = 7, installed = true } = {}) =>
  event(id, 'pull_request', {
    action,
    ...(installed ? { installation: { id: 4001 } } : {}),
    repository: repository(owner),
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

test('opened, pushed to and reopened pull requests are reviewed; what else happens to them is not', async () => {
  const actions = ['opened', 'synchronize', 'reopened', 'labeled', 'edited', 'closed'];
  const events = actions.map((action, index) => pull(action, { action, number: 100 + index }));
  expect(await receive(null, ...events)).toEqual([3, 0]);
});

test('events of one pull request that nobody has looked at yet are one job', async () => {
  expect(await receive(null, pull('once'), pull('once'), pull('then', { action: 'synchronize' }))).toEqual([1, 0]);
});

test('only owners that are served are, whatever the case of their name', async () => {
  const events = [pull('ours', { owner: 'Acme', number: 1 }), pull('theirs', { owner: 'evil', number: 2 })];
  expect(await receive(['aCME'], ...events)).toEqual([1, 0]);
});

test('an event without an installation cannot be answered and is ignored', async () => {
  expect(await receive(null, pull('without', { installed: false, number: 3 }))).toEqual([0, 0]);
});

test('comments are jobs only when people give a command on a pull request', async () => {
  const events = [
    comment('a', '/rebuild tiny', { commentId: 1 }),
    comment('b', 'hello', { commentId: 2 }),
    comment('c', '/rebuild tiny', { commentId: 3, type: 'Bot' }),
    comment('d', '/rebuild tiny', { commentId: 4, issue: { pull_request: undefined } }),
    comment('e', '> /rebuild tiny', { commentId: 5 }),
  ];
  expect(await receive(null, ...events)).toEqual([0, 1]);
});
