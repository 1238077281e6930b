import type { Job as BossJob } from 'pg-boss';
import { z } from 'zod';
import { messageOf, type PublisherError } from '../errors.ts';
import { retryDelay } from './queues.ts';
import type { WorkerParts } from './worker.ts';

/** What a job's row holds: pg-boss counts claims, we count failures. */
export const envelopeSchema = z.object({ payload: z.unknown(), failures: z.number().int().nonnegative() });

const response = z.object({ affected: z.number() });

/** How many jobs a call of pg-boss changed; 0 when the claim was no longer ours. Its types leave that out. */
export const affected = (answer: unknown): number => response.parse(answer).affected;

/** A worker's last words about a job. Each is fenced by the attempt that was fetched: too late, and it changes nothing. */
export function settlerOf({ boss, name, store, settings, retries }: WorkerParts) {
  /** Back to waiting, in one transaction, with the failures counted in the envelope. */
  const waitAgain = async (job: BossJob<unknown>, failures: number, delayMs: number, why: string): Promise<void> => {
    const envelope = { ...envelopeSchema.parse(job.data), failures };
    await store.transaction(async ({ boss: db }) => {
      if (affected(await boss.fail(name, job, { message: why }, { db })) === 0) return;
      await boss.update(name, envelope, { id: job.id, startAfter: `${delayMs} milliseconds`, db });
    });
  };

  const failForGood = async (job: BossJob<unknown>, output: object): Promise<void> => {
    await store.transaction(async ({ boss: db }) => {
      if (affected(await boss.fail(name, job, output, { db })) === 0) return;
      // pg-boss fails for good only what has no retries left: take them away, then say it again.
      await boss.update(name, undefined, { id: job.id, retryLimit: 0, db });
      await boss.fail(name, job.id, output, { db });
    });
  };

  return {
    waitAgain,

    async complete(job: BossJob<unknown>): Promise<void> {
      if (affected(await boss.complete(name, job)) > 0) return;
      settings.logger.warn({ queue: name, job: job.id }, 'A job finished after its lease ended');
    },

    /** Tried again later, or failed for good when the failure is final or there were too many. */
    async fail(job: BossJob<unknown>, failures: number, error: PublisherError): Promise<void> {
      const message = settings.redact(messageOf(error));
      const fields = { queue: name, job: job.id, failures: failures + 1, code: error.code, error: message };
      if (error.retryable && failures < retries.limit) {
        const delayMs = retryDelay(retries, failures + 1, Math.random());
        settings.logger.warn({ ...fields, delayMs }, 'Job failed and is tried again');
        return waitAgain(job, failures + 1, delayMs, message);
      }
      settings.logger.error(fields, 'Job failed for good');
      return failForGood(job, { code: error.code, message });
    },
  };
}
