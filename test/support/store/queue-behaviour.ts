import { setTimeout as sleep } from 'node:timers/promises';
import { sql } from 'drizzle-orm';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { z } from 'zod';
import { PublisherError } from '../../../src/errors.ts';
import { createQueue, type Queue } from '../../../src/jobs/queue.ts';
import type { Handler } from '../../../src/jobs/worker.ts';
import { silentLogger } from '../../../src/log.ts';
import { recordDelivery } from '../../../src/store/deliveries.ts';
import { openStore, type Store } from '../../../src/store/open.ts';
import { killWorkerWithJob } from './killed.ts';

const data = z.object({ n: z.number() });
type Data = z.infer<typeof data>;
const retries = { limit: 2, baseMs: 20, maxMs: 50 };
const options = {
  logger: silentLogger,
  leaseSeconds: 3,
  pollMs: 100,
  retries: { review: retries, build: retries, command: retries, conclude: retries },
  redact: (text: string) => text.replaceAll('canary', '***'),
};
const delivery = { id: 'one', event: 'push', action: null, payloadDigest: 'd' };
const forever = () => new Promise<never>(() => undefined);
const until = (check: () => void | Promise<void>) => vi.waitFor(check, { timeout: 15_000, interval: 50 });

/** What the queue does, whatever database it is in; `server` gives a fresh database two processes can share. */
export function queueBehaviour(open: () => Promise<Store>, server?: () => Promise<string>): void {
  let store: Store;
  let queue: Queue;
  beforeAll(async () => {
    store = await open();
  });
  afterAll(() => store.close());
  beforeEach(async () => {
    queue = await createQueue(store, options);
  });
  afterEach(async () => {
    await queue.stop({ graceMs: 0 });
    await store.db.execute(sql`DELETE FROM pgboss.job`);
  });

  const reopened = async () => {
    await queue.stop({ graceMs: 0 });
    queue = await createQueue(store, options);
  };
  const collect = (name: 'build' | 'review', act: Handler<Data> = async () => undefined, concurrency = 4) => {
    const runs: { n: number; attempt: number; lastAttempt: boolean }[] = [];
    queue.work(name, { concurrency, data }, async (job) => {
      runs.push({ n: job.data.n, attempt: job.attempt, lastAttempt: job.lastAttempt });
      await act(job);
    });
    return runs;
  };
  const counts = async () => (await queue.counts()).build;

  describe('enqueueing', () => {
    test('runs a job once, at once, although polls are rare', async () => {
      await queue.stop({ graceMs: 0 });
      queue = await createQueue(store, { ...options, pollMs: 60_000 });
      const runs = collect('build');
      await queue.enqueue('build', { n: 1 }, { key: 'a' });
      await until(async () => expect(await counts()).toEqual({ queued: 0, active: 0, failed: 0 }));
      expect(runs).toEqual([{ n: 1, attempt: 1, lastAttempt: false }]);
    });

    test('with a key that waits replaces its data', async () => {
      await Promise.all([1, 2, 3].map((n) => queue.enqueue('build', { n }, { key: 'a' })));
      await queue.enqueue('build', { n: 4 }, { key: 'a', delayMs: 60_000 });
      await queue.enqueue('build', { n: 5 }, { key: 'a' });
      await queue.enqueue('build', { n: 6 }, { key: 'b' });
      expect(await counts()).toMatchObject({ queued: 2 });
      const runs = collect('build');
      await until(() => expect(runs.map(({ n }) => n).sort()).toEqual([5, 6]));
    });

    test('with a key that runs lets the next one run afterwards, never beside it', async () => {
      let running = 0;
      let most = 0;
      const runs = collect('build', async () => {
        running += 1;
        most = Math.max(most, running);
        await sleep(300);
        running -= 1;
      });
      await queue.enqueue('build', { n: 1 }, { key: 'a' });
      await until(() => expect(runs).toHaveLength(1));
      await queue.enqueue('build', { n: 2 }, { key: 'a' });
      await queue.enqueue('build', { n: 3 }, { key: 'a' });
      await until(() => expect(runs.map(({ n }) => n)).toEqual([1, 3]));
      expect(most).toBe(1);
    });

    test('commits or vanishes with the delivery it belongs to', async () => {
      const receive = (fail: boolean) =>
        store.transaction(async (tx) => {
          const fresh = await recordDelivery(tx.db, delivery);
          if (fresh) await queue.enqueue('build', { n: 1 }, { key: 'a', transaction: tx });
          if (fail) throw new Error('no');
          return fresh;
        });
      await expect(receive(true)).rejects.toThrow('no');
      expect(await counts()).toMatchObject({ queued: 0 });
      expect(await receive(false)).toBe(true);
      expect(await receive(false)).toBe(false);
      expect(await counts()).toMatchObject({ queued: 1 });
    });

    test('later means later', async () => {
      const runs = collect('build');
      const start = performance.now();
      await queue.enqueue('build', { n: 1 }, { key: 'a', delayMs: 1_000 });
      await until(() => expect(runs).toHaveLength(1));
      expect(performance.now() - start).toBeGreaterThan(900);
    });
  });

  describe('a failure', () => {
    test('that is retryable is tried again up to the limit, and then is final', async () => {
      const runs = collect('build', async () => {
        throw new PublisherError('registry-unavailable', 'the registry with canary did not answer');
      });
      await queue.enqueue('build', { n: 1 }, { key: 'a' });
      await until(async () => expect(await counts()).toEqual({ queued: 0, active: 0, failed: 1 }));
      expect(runs.map(({ attempt, lastAttempt }) => [attempt, lastAttempt])).toEqual([
        [1, false],
        [2, false],
        [3, true],
      ]);
      const output = await store.db.execute(sql`SELECT output FROM pgboss.job`);
      expect(output).toMatchObject({
        rows: [{ output: { code: 'registry-unavailable', message: 'the registry with *** did not answer' } }],
      });
    });

    test('that is final is not tried again, and does not keep its key from running anew', async () => {
      let fail = true;
      const runs = collect('build', async () => {
        if (fail) throw new PublisherError('denied', 'no');
      });
      await queue.enqueue('build', { n: 1 }, { key: 'a' });
      await until(async () => expect(await counts()).toMatchObject({ failed: 1 }));
      fail = false;
      await queue.enqueue('build', { n: 2 }, { key: 'a' });
      await until(async () => expect(await counts()).toEqual({ queued: 0, active: 0, failed: 1 }));
      expect(runs).toHaveLength(2);
    });

    test('of the data is final and reaches no handler', async () => {
      const runs = collect('build');
      await queue.enqueue('build', { m: 'wrong' }, { key: 'a' });
      await until(async () => expect(await counts()).toMatchObject({ failed: 1 }));
      expect(runs).toEqual([]);
    });

    test('is forgotten when newer data replaces the job', async () => {
      await queue.stop({ graceMs: 0 });
      const slow = { limit: 5, baseMs: 60_000, maxMs: 60_000 };
      queue = await createQueue(store, { ...options, retries: { ...options.retries, build: slow } });
      const runs = collect('build', async ({ data: { n } }) => {
        if (n === 1) throw new PublisherError('hub-unavailable', 'no');
      });
      await queue.enqueue('build', { n: 1 }, { key: 'a' });
      await until(async () => expect([runs.length, (await counts()).queued]).toEqual([1, 1]));
      await queue.enqueue('build', { n: 2 }, { key: 'a' });
      await until(() => expect(runs).toHaveLength(2));
      expect(runs[1]).toEqual({ n: 2, attempt: 1, lastAttempt: false });
    });
  });

  describe('stopping', () => {
    test('waits for what ends in time', async () => {
      let ended = false;
      const runs = collect('build', async () => {
        await sleep(300);
        ended = true;
      });
      await queue.enqueue('build', { n: 1 }, { key: 'a' });
      await until(() => expect(runs).toHaveLength(1));
      await queue.stop({ graceMs: 10_000 });
      expect(ended).toBe(true);
    });

    test('hands back the rest, which runs after the restart without a retry counted', async () => {
      const reasons: unknown[] = [];
      await queue.enqueue('build', { n: 1 }, { key: 'a' });
      // More restarts than the retries allow failures.
      for (let restart = 0; restart < 4; restart += 1) {
        const runs = collect('build', async ({ signal }) => {
          await new Promise((resolve) => signal.addEventListener('abort', resolve));
          reasons.push(signal.reason);
          signal.throwIfAborted();
        });
        await until(() => expect(runs).toHaveLength(1));
        await reopened();
      }
      expect(reasons).toMatchObject(Array(4).fill({ code: 'cancelled' }));
      const last = collect('build');
      await until(() => expect(last).toEqual([{ n: 1, attempt: 1, lastAttempt: false }]));
    });

    test('hands back even what does not heed its signal', async () => {
      const first = collect('build', forever);
      await queue.enqueue('build', { n: 1 }, { key: 'a' });
      await until(() => expect(first).toHaveLength(1));
      await reopened();
      const next = collect('build');
      await until(() => expect(next).toEqual([{ n: 1, attempt: 1, lastAttempt: false }]));
    });
  });

  describe('a lease', () => {
    test('is kept for as long as the handler runs', async () => {
      const runs = collect('build', async ({ signal }) => {
        await sleep(4_500);
        signal.throwIfAborted();
      });
      await queue.enqueue('build', { n: 1 }, { key: 'a' });
      await until(async () => {
        expect(runs).toHaveLength(1);
        expect(await counts()).toEqual({ queued: 0, active: 0, failed: 0 });
      });
    });

    test('that is lost aborts the handler, whose outcome is then not heard', async () => {
      const aborted = Promise.withResolvers<unknown>();
      const runs = collect('build', async ({ signal }) => {
        signal.addEventListener('abort', () => aborted.resolve(signal.reason));
        await aborted.promise;
      });
      await queue.enqueue('build', { n: 1 }, { key: 'a' });
      await until(() => expect(runs).toHaveLength(1));
      // What a claim by another worker does to the row.
      await store.db.execute(
        sql`UPDATE pgboss.job SET retry_count = retry_count + 1, heartbeat_on = now() + interval '1 hour'`,
      );
      expect(await aborted.promise).toMatchObject({ code: 'busy' });
      await sleep(100);
      expect(await counts()).toMatchObject({ active: 1 });
    });
  });

  test('a handler can ask to run again later, and no retry is counted', async () => {
    const runs = collect('build', async ({ postpone }) => {
      if (runs.length < 3) postpone(50);
    });
    await queue.enqueue('build', { n: 1 }, { key: 'a' });
    await until(async () => expect(await counts()).toEqual({ queued: 0, active: 0, failed: 0 }));
    await until(() => expect(runs.map(({ attempt }) => attempt)).toEqual([1, 1, 1]));
  });

  if (server === undefined) return;

  test('the job of a worker killed with SIGKILL runs elsewhere when its lease has ended', async () => {
    const databaseUrl = await server();
    await killWorkerWithJob('server', databaseUrl);
    const other = await openStore({ databaseUrl }, { logger: silentLogger });
    const successor = await createQueue(other, options);
    const runs: number[] = [];
    successor.work('build', { concurrency: 1, data }, async (job) => void runs.push(job.attempt));
    await until(() => expect(runs).toEqual([1]));
    await successor.stop({ graceMs: 1_000 });
    await other.close();
  });
}
