import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { createQueue, type Queue } from '../../../src/jobs/queue.ts';
import { silentLogger } from '../../../src/log.ts';
import { forgetCatalog, knownCatalogs, rememberCatalog } from '../../../src/store/catalogs.ts';
import type { Store } from '../../../src/store/open.ts';
import { keepSchedules, serveDue } from '../../../src/watch/schedule.ts';
import { type RescanJob, rescanJobSchema } from '../../../src/watch/types.ts';
import { type ManualClock, manualClock } from '../../support/clock/manual-clock.ts';
import { memoryStore } from '../../support/store/memory.ts';

const HOUR = 60 * 60 * 1_000;
let store: Store;
let queue: Queue;
let clock: ManualClock;

beforeAll(async () => {
  store = await memoryStore();
  queue = await createQueue(store, { logger: silentLogger, pollMs: 100 });
});
beforeEach(async () => {
  for (const { catalog } of await knownCatalogs(store.db)) await forgetCatalog(store.db, catalog);
  clock = manualClock(Date.parse('2026-03-10T12:00:00Z'));
});
afterAll(async () => {
  await queue.stop({ graceMs: 0 });
  await store.close();
});

const remember = (schedule: string | null, repoId = 7) =>
  rememberCatalog(store.db, {
    catalog: `${repoId}/models.yaml`,
    installationId: 1,
    repoId,
    owner: 'acme',
    repo: 'models',
    path: 'models.yaml',
    state: { commit: 'c'.repeat(40), schedule },
  });
const serve = () => serveDue({ store, queue, clock, logger: silentLogger });
const waiting = async () => (await queue.counts()).rescan.queued;

test('a catalog without a schedule is scanned again nightly, each night once', async () => {
  await remember(null);
  expect(await serve()).toEqual([]);
  await clock.advance(14 * HOUR);
  expect(await serve()).toEqual([]);
  await clock.advance(HOUR);
  expect(await serve()).toEqual(['7/models.yaml']);
  expect(await serve()).toEqual([]);
  await clock.advance(24 * HOUR);
  expect(await serve()).toEqual(['7/models.yaml']);
});

test('its own schedule holds, and off means never', async () => {
  await remember('30 */6 * * *');
  await remember('off', 8);
  await serve();
  await clock.advance(HOUR / 4);
  expect(await serve()).toEqual([]);
  await clock.advance(HOUR / 4);
  expect(await serve()).toEqual(['7/models.yaml']);
});

test('nights without a server are made up for once', async () => {
  await remember(null);
  await serve();
  await clock.advance(5 * 24 * HOUR);
  expect(await serve()).toEqual(['7/models.yaml']);
  expect(await serve()).toEqual([]);
});

test('of two servers one fires', async () => {
  await remember(null);
  await serve();
  await clock.advance(24 * HOUR);
  const fired = await Promise.all([serve(), serve()]);
  expect(fired.flat()).toEqual(['7/models.yaml']);
  expect(await waiting()).toBe(1);
});

test('a push does not make a schedule fire again', async () => {
  await remember(null);
  await serve();
  await clock.advance(24 * HOUR);
  await serve();
  await remember(null);
  expect(await serve()).toEqual([]);
  expect((await knownCatalogs(store.db))[0]?.servedUntil).toEqual(new Date('2026-03-11T03:00:00Z'));
});

test('the keeper fires at the minute, and a worker gets what it needs', async () => {
  // What the tests before left waiting is another catalog's.
  await remember('0 3 * * *', 9);
  const jobs: RescanJob[] = [];
  queue.work('rescan', { concurrency: 1, data: rescanJobSchema }, async ({ data }) => {
    if (data.repoId === 9) jobs.push(data);
  });
  const ending = new AbortController();
  const kept = keepSchedules({ store, queue, clock, logger: silentLogger }, ending.signal);
  const asleep = () => expect.poll(() => clock.sleeping.length, { timeout: 20_000 }).toBe(1);
  await asleep();
  await clock.advance(15 * HOUR);
  await expect.poll(() => jobs, { timeout: 20_000 }).toHaveLength(1);
  expect(jobs[0]).toEqual({
    catalog: '9/models.yaml',
    installationId: 1,
    repoId: 9,
    owner: 'acme',
    repo: 'models',
    path: 'models.yaml',
    short: null,
  });
  await asleep();
  ending.abort();
  await kept;
});
