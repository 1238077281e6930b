import type { Job as BossJob } from 'pg-boss';
import { messageOf } from '../errors.ts';
import { affected } from './settle.ts';
import type { WorkerParts } from './worker.ts';

/**
 * Keeps the lease of a job until the returned function is called. A lease of L seconds is renewed every L/4. A renewal that
 * finds the claim gone, or 2/3 L without one that got through, counted from before it was sent, loses it: the database
 * gives the job to somebody else only after L, so what runs is stopped first.
 */
export function keepLease(
  job: BossJob<unknown>,
  { boss, name, settings }: Pick<WorkerParts, 'boss' | 'name' | 'settings'>,
  { wanted, lose }: { wanted: () => boolean; lose: () => void },
): () => void {
  const leaseMs = (job.heartbeatSeconds ?? settings.leaseSeconds) * 1000;
  const patienceMs = (leaseMs * 2) / 3;
  let deadline = setTimeout(lose, patienceMs);
  let done = false;
  const renew = async () => {
    if (!wanted()) return;
    const sent = performance.now();
    const answer = await boss.touch(name, job).catch((error: unknown) => {
      const fields = { queue: name, job: job.id, error: settings.redact(messageOf(error)) };
      settings.logger.warn(fields, 'Lease not renewed');
      return null;
    });
    if (done || answer === null) return;
    if (affected(answer) === 0) return lose();
    clearTimeout(deadline);
    deadline = setTimeout(lose, Math.max(0, patienceMs - (performance.now() - sent)));
  };
  const timer = setInterval(renew, leaseMs / 4);
  return () => {
    done = true;
    clearInterval(timer);
    clearTimeout(deadline);
  };
}
