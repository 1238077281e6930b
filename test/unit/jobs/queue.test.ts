import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test, vi } from 'vitest';
import { z } from 'zod';
import { createQueue } from '../../../src/jobs/queue.ts';
import { silentLogger } from '../../../src/log.ts';
import { openStore } from '../../../src/store/open.ts';
import { killWorkerWithJob } from '../../support/store/killed.ts';
import { memoryStore } from '../../support/store/memory.ts';
import { queueBehaviour } from '../../support/store/queue-behaviour.ts';

describe('the queue in an embedded database', () => {
  queueBehaviour(memoryStore);

  test('aborts a handler whose lease cannot be renewed before the job can be claimed again', async () => {
    const store = await memoryStore();
    const queue = await createQueue(store, { logger: silentLogger, leaseSeconds: 3, pollMs: 100 });
    const started = Promise.withResolvers<void>();
    const aborted = Promise.withResolvers<number>();
    queue.work('build', { concurrency: 1, data: z.unknown() }, async ({ signal }) => {
      started.resolve();
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
      aborted.resolve(performance.now());
    });
    await queue.enqueue('build', {}, { key: 'a' });
    await started.promise;
    const start = performance.now();
    // The one connection is taken: no renewal gets through.
    await store.transaction(async () => {
      await Promise.race([aborted.promise, sleep(6_000)]);
    });
    expect((await aborted.promise) - start).toBeLessThan(3_000);
    await queue.stop({ graceMs: 1_000 });
    await store.close();
  });

  test('runs the job of a process killed with SIGKILL as soon as it is opened again', async () => {
    const dataDir = await mkdtemp(join(tmpdir(), 'publisher-queue-'));
    try {
      await killWorkerWithJob('folder', dataDir);
      const store = await openStore({ dataDir }, { logger: silentLogger });
      const queue = await createQueue(store, { logger: silentLogger, leaseSeconds: 60, pollMs: 100 });
      const attempts: number[] = [];
      queue.work('build', { concurrency: 1, data: z.unknown() }, async (job) => void attempts.push(job.attempt));
      await vi.waitFor(() => expect(attempts).toEqual([1]), { timeout: 5_000 });
      await queue.stop({ graceMs: 1_000 });
      await store.close();
    } finally {
      await rm(dataDir, { recursive: true, force: true });
    }
  });
});
