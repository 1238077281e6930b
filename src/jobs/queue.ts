/*
 * The durable queue: pg-boss keeps the jobs; `worker.ts` runs them, `lease.ts` keeps them ours meanwhile,
 * `settle.ts` says what becomes of them.
 *
 *   enqueue ──▶ waiting ──fetch──▶ active ──┬── returns ───────────────────────────────────────▶ completed
 *                  ▲                        ├── throws: final, or one failure too many ──────▶ failed
 *                  │                        │
 *                  ├── after a delay ───────┼── throws: retryable; failures + 1
 *                  ├── after a delay ───────┼── postpone(); failures kept
 *                  ├── at once ─────────────┼── stop(), or 23 hours: handed back; failures kept
 *                  └── when the lease ends ─┴── crash; failures kept
 *
 * "Waiting" is pg-boss's `created` and `retry`.
 *
 * pg-boss counts every claim after the first as a retry and would give up on a job whose workers crashed. So its own
 * limit is set out of reach, and failures are counted in the job's envelope instead. "Lease" is pg-boss's heartbeat:
 * the worker refreshes it, aborts by itself well before it can run out, and pg-boss's supervisor puts a job whose
 * heartbeat stopped back to waiting. A worker's last word is fenced by the attempt it fetched: too late, and it is
 * not heard. On PGlite nobody else can hold a lease, because the folder is locked: what is active when the queue
 * opens belongs to a process that is gone, and waits again at once.
 *
 * A key has at most one job that has not started (a newer payload replaces its data and makes it due at once) and one
 * that runs: what arrives meanwhile runs afterwards. A job put back to waiting while another of its key waits leaves
 * two; they run one after the other.
 */
import { PgBoss } from 'pg-boss';
import { z } from 'zod';
import { messageOf, PublisherError } from '../errors.ts';
import type { Logger } from '../log.ts';
import type { Transaction } from '../store/database.ts';
import type { Store } from '../store/open.ts';
import { QUEUE_NAMES, QUEUES, type QueueName, type RetryPolicy } from './queues.ts';
import { type Handler, Worker, type WorkOptions } from './worker.ts';

export interface QueueOptions {
  logger: Logger;
  /** Seconds a worker may go unheard before its job runs elsewhere. Whole, at least 2. */
  leaseSeconds?: number;
  /** Milliseconds between looks for jobs that other processes enqueued or that become due. */
  pollMs?: number;
  /** How often and when failures are tried again, by queue, where it is not the usual. */
  retries?: Partial<Record<QueueName, RetryPolicy>>;
  /** Removes secrets from the messages of failures before they are stored. */
  redact?: (text: string) => string;
}

export interface EnqueueOptions {
  /** What the job is about: at most one with this key waits. */
  key: string;
  /** Milliseconds before it becomes due. */
  delayMs?: number;
  /** Enqueued when this commits, and never if it does not. */
  transaction?: Transaction;
}

export interface QueueCounts {
  /** Waiting, those not yet due included. */
  queued: number;
  active: number;
  failed: number;
}

/** Larger than any number of crashes; pg-boss stores it as a 32-bit integer. */
const NEVER = 2_000_000_000;
/** pg-boss's longest expiry. The worker hands a job back before it, see `worker.ts`. */
const EXPIRY_SECONDS = 24 * 60 * 60;
const DAY_SECONDS = 24 * 60 * 60;

const ids = z.array(z.object({ id: z.string() }));
const stateCounts = z.array(
  z.object({
    name: z.enum(QUEUE_NAMES),
    queued: z.coerce.number(),
    active: z.coerce.number(),
    failed: z.coerce.number(),
  }),
);

export class Queue {
  readonly #boss: PgBoss;
  readonly #store: Store;
  readonly #options: Required<QueueOptions>;
  readonly #workers = new Map<QueueName, Worker>();
  #stopped = false;

  private constructor(boss: PgBoss, store: Store, options: Required<QueueOptions>) {
    this.#boss = boss;
    this.#store = store;
    this.#options = options;
  }

  /** @throws PublisherError `environment` when pg-boss cannot use the database */
  static async open(store: Store, options: QueueOptions): Promise<Queue> {
    const settings: Required<QueueOptions> = {
      leaseSeconds: 60,
      pollMs: 1_000,
      retries: {},
      redact: (text) => text,
      ...options,
    };
    const look = Math.max(1, Math.floor(settings.leaseSeconds / 3));
    const boss = new PgBoss({
      ...store.boss,
      schedule: false,
      superviseIntervalSeconds: look,
      monitorIntervalSeconds: look,
    });
    boss.on('error', (error) => settings.logger.warn({ error: settings.redact(messageOf(error)) }, 'Queue error'));
    boss.on('warning', ({ message }) => settings.logger.debug({ warning: message }, 'Queue warning'));
    try {
      await boss.start();
      for (const name of QUEUE_NAMES) {
        await boss.createQueue(name, { policy: 'short' });
        await boss.updateQueue(name, {
          retryLimit: NEVER,
          retryDelay: 0,
          expireInSeconds: EXPIRY_SECONDS,
          heartbeatSeconds: Math.max(10, settings.leaseSeconds),
          retentionSeconds: 30 * DAY_SECONDS,
          deleteAfterSeconds: 7 * DAY_SECONDS,
        });
        // Read once, so that an enqueue inside a transaction needs no second connection to learn about its queue.
        await boss.findJobs(name, { key: '' });
      }
      if (store.kind === 'pglite') await takeBackOrphans(boss, settings.logger);
    } catch (error) {
      await boss.stop({ graceful: false }).catch(() => undefined);
      throw new PublisherError('environment', `Cannot open the queue: ${settings.redact(messageOf(error))}`, {
        cause: error,
      });
    }
    return new Queue(boss, store, settings);
  }

  /** Enqueues a job, or replaces the data of the one with its key that waits already. */
  async enqueue(name: QueueName, data: object, options: EnqueueOptions): Promise<void> {
    const { key, delayMs = 0, transaction } = options;
    if (transaction === undefined) {
      return this.#store.transaction((tx) => this.enqueue(name, data, { ...options, transaction: tx }));
    }
    if (this.#stopped) throw new PublisherError('busy', `The queue is stopped: ${name} jobs are not taken any more.`);
    const db = transaction.boss;
    const envelope = { payload: data, failures: 0 };
    const startAfter = `${delayMs} milliseconds`;
    const edit = () => this.#boss.update(name, envelope, { singletonKey: key, startAfter, db });
    if ((await edit()).updated === 0) {
      const inserted = await this.#boss.insert(
        name,
        [
          {
            data: envelope,
            singletonKey: key,
            group: { id: key },
            startAfter,
            // Straight to the job: the queue's own setting knows no lease under ten seconds.
            heartbeatSeconds: this.#options.leaseSeconds,
          },
        ],
        { db, returnId: true },
      );
      // Another process inserted the key meanwhile: now it can be seen, and edited.
      if ((inserted ?? []).length === 0) await edit();
    }
    transaction.afterCommit(() => this.#workers.get(name)?.wake());
  }

  /**
   * Begins to run the jobs of a queue in this process.
   * @throws PublisherError `internal` when this process works on the queue already
   */
  work<Data>(name: QueueName, options: WorkOptions<Data>, handler: Handler<Data>): void {
    if (this.#stopped || this.#workers.has(name)) {
      throw new PublisherError('internal', `The ${name} queue is stopped, or has its worker already.`);
    }
    const worker = Worker.start({
      name,
      boss: this.#boss,
      store: this.#store,
      settings: this.#options,
      retries: this.#options.retries[name] ?? QUEUES[name],
      concurrency: options.concurrency,
      handler: async (raw, job) => {
        const data = options.data.safeParse(raw);
        if (!data.success) {
          throw new PublisherError('internal', `The job's data cannot be used: ${z.prettifyError(data.error)}`);
        }
        await handler({ ...job, data: data.data });
      },
    });
    this.#workers.set(name, worker);
  }

  async counts(): Promise<Record<QueueName, QueueCounts>> {
    const counts: Record<QueueName, QueueCounts> = {
      review: zero(),
      build: zero(),
      runtime: zero(),
      publish: zero(),
      release: zero(),
      mirror: zero(),
      rescan: zero(),
      command: zero(),
      conclude: zero(),
    };
    // pg-boss's own numbers are a cache that its supervisor refreshes; metrics and tests want to know now.
    const answer = await this.#boss.getDb().executeSql(
      `SELECT name, count(*) FILTER (WHERE state < 'active') AS queued, count(*) FILTER (WHERE state = 'active') AS active,
        count(*) FILTER (WHERE state = 'failed') AS failed FROM pgboss.job WHERE name = ANY($1::text[]) GROUP BY name`,
      [QUEUE_NAMES],
    );
    for (const { name, ...count } of stateCounts.parse(answer.rows)) counts[name] = count;
    return counts;
  }

  /**
   * Takes no more jobs, lets those that run go on for `graceMs` milliseconds, then aborts their signals and hands
   * them back: they run again soon, and no retry is counted. The store stays open. `onHandBack` is called, once or more often, when jobs
   * are handed back, for what they wait for without their signal.
   */
  async stop({ graceMs, onHandBack }: { graceMs: number; onHandBack?: () => void }): Promise<void> {
    if (this.#stopped) return;
    this.#stopped = true;
    await Promise.all([...this.#workers.values()].map((worker) => worker.stop(graceMs, onHandBack)));
    await this.#boss.stop({ graceful: false });
  }
}

/** @throws PublisherError `environment` */
export const createQueue = (store: Store, options: QueueOptions): Promise<Queue> => Queue.open(store, options);

const zero = (): QueueCounts => ({ queued: 0, active: 0, failed: 0 });

async function takeBackOrphans(boss: PgBoss, logger: Logger): Promise<void> {
  for (const name of QUEUE_NAMES) {
    // pg-boss has no call that lists active jobs. Its schema is that of its version, which is pinned.
    const answer = await boss
      .getDb()
      .executeSql("SELECT id FROM pgboss.job WHERE name = $1 AND state = 'active'", [name]);
    const orphans = ids.parse(answer.rows).map(({ id }) => id);
    if (orphans.length === 0) continue;
    await boss.fail(name, orphans, { message: 'the process that ran this job is gone' });
    logger.info({ queue: name, jobs: orphans.length }, 'Jobs of a process that is gone wait again');
  }
}
