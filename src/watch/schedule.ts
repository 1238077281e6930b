/*
 * When published images are looked at again. pg-boss has schedules too, but they go by a clock of its own, which no test can set, and
 * what was due while no server ran is never caught up with. Here a catalog's row says up to when its schedule was served: of several servers one
 * moves it, and enqueues in the same transaction; nights that were missed are made up for once.
 */
import { lastDue, parseCron } from '../catalog/cron.ts';
import type { Clock } from '../clock.ts';
import { messageOf } from '../errors.ts';
import type { Queue } from '../jobs/queue.ts';
import type { Logger } from '../log.ts';
import { type KnownCatalog, knownCatalogs, serveSchedule } from '../store/catalogs.ts';
import type { Transaction } from '../store/database.ts';
import type { Store } from '../store/open.ts';
import type { RescanJob } from './types.ts';

/** Where a catalog says nothing: nightly, in UTC. */
export const DEFAULT_SCHEDULE = '0 3 * * *';
const MINUTE_MS = 60_000;

export interface ScheduleContext {
  store: Store;
  queue: Queue;
  clock: Clock;
  logger: Logger;
}

/** Looks every minute until the signal aborts; resolves then. Never rejects. */
export async function keepSchedules(context: ScheduleContext, signal: AbortSignal): Promise<void> {
  const { clock, logger } = context;
  while (!signal.aborted) {
    try {
      await serveDue(context);
    } catch (error) {
      logger.warn({ error: messageOf(error) }, 'Schedules not looked at');
    }
    // To the full minute, at which schedules are due.
    await clock.sleep(MINUTE_MS - (clock.now() % MINUTE_MS), signal).catch(() => undefined);
  }
}

/** Enqueues the rescans that are due now; returns their catalogs. */
export async function serveDue({ store, queue, clock, logger }: ScheduleContext): Promise<string[]> {
  const fired: string[] = [];
  for (const known of await knownCatalogs(store.db)) {
    const due = dueOf(known.state.schedule, clock.now());
    if (due === null || (known.servedUntil !== null && known.servedUntil.getTime() >= due)) continue;
    await store.transaction(async (tx) => {
      const served = await serveSchedule(tx.db, known.catalog, new Date(due));
      // A catalog that was never looked at has nothing to make up for: its images were scanned when they were published.
      if (!served || known.servedUntil === null) return;
      await enqueueRescan(queue, known, null, tx);
      fired.push(known.catalog);
    });
  }
  if (fired.length > 0) logger.info({ catalogs: fired }, 'Rescans are due');
  return fired;
}

/** Asks for a rescan of one model of a catalog, or of all. */
export async function enqueueRescan(
  queue: Queue,
  { servedUntil: _, state: __, ...catalog }: KnownCatalog,
  short: string | null,
  transaction: Transaction,
): Promise<void> {
  const job: RescanJob = { ...catalog, short };
  const key = `rescan ${catalog.catalog}${short === null ? '' : ` ${short}`}`;
  await queue.enqueue('rescan', job, { key, transaction });
}

/** The latest time a schedule was due, milliseconds since the epoch; null when it is off. */
function dueOf(schedule: string | null, now: number): number | null {
  const text = schedule?.trim() || DEFAULT_SCHEDULE;
  if (text === 'off') return null;
  const parsed = parseCron(text);
  // A catalog that cannot be used is never remembered; a row of another release may be.
  return parsed.valid ? lastDue(parsed.cron, now) : null;
}
