/* Runs the jobs of one queue in one process; what becomes of a job is drawn in `queue.ts`. */
import type { Job as BossJob, PgBoss } from 'pg-boss';
import type { z } from 'zod';
import { asPublisherError, messageOf, PublisherError } from '../errors.ts';
import type { Logger } from '../log.ts';
import type { Store } from '../store/open.ts';
import { keepLease } from './lease.ts';
import type { QueueName, RetryPolicy } from './queues.ts';
import { envelopeSchema, settlerOf } from './settle.ts';

export interface JobContext {
  id: string;
  /** Aborted when the lease is lost, or the process stops and hands the job back. Its reason is a PublisherError. */
  signal: AbortSignal;
  /** 1 for the first; counts failures, neither crashes nor hand-backs. */
  attempt: number;
  /** Whether a failure now would be final. */
  lastAttempt: boolean;
  /** Once the handler returns, the job waits again for `ms` milliseconds instead of being completed. */
  postpone(ms: number): void;
}

export type Handler<Data> = (job: JobContext & { data: Data }) => Promise<void>;

export interface WorkOptions<Data> {
  /** Jobs run at the same time in this process. */
  concurrency: number;
  /** Data that does not match fails the job for good. */
  data: z.ZodType<Data>;
}

export interface WorkerParts {
  name: QueueName;
  boss: PgBoss;
  store: Store;
  settings: { logger: Logger; leaseSeconds: number; pollMs: number; redact: (text: string) => string };
  retries: RetryPolicy;
  concurrency: number;
  handler: (data: unknown, job: JobContext) => Promise<void>;
}

type Ending = 'running' | 'handed-back' | 'lost';

/** pg-boss ends a job after 24 h whatever it does; handed back before, it goes on under a new claim. */
const LONGEST_MS = 23 * 60 * 60 * 1000;
/** What handlers get to notice that their signal is aborted, in milliseconds. */
const ABORT_MS = 2_000;

export class Worker {
  readonly #parts: WorkerParts;
  readonly #running = new Map<Promise<void>, (ending: Ending, reason: PublisherError) => void>();
  readonly #stopping = new AbortController();
  #ended = false;
  #looping: Promise<void> = Promise.resolve();
  #wake: () => void = () => undefined;
  #woken = false;

  private constructor(parts: WorkerParts) {
    this.#parts = parts;
  }

  static start(parts: WorkerParts): Worker {
    const worker = new Worker(parts);
    parts.store.lost.addEventListener('abort', () => worker.#abandon(), { once: true });
    worker.#looping = worker.#loop();
    return worker;
  }

  /** Looks for jobs now rather than at the next poll. */
  wake(): void {
    this.#woken = true;
    this.#wake();
  }

  async stop(graceMs: number, onHandBack: () => void = () => undefined): Promise<void> {
    this.#stopping.abort();
    this.wake();
    await this.#looping;
    const within = (ms: number) => settleWithin([...this.#running.keys()], ms);
    if (await within(graceMs)) return;
    this.#end(
      'handed-back',
      new PublisherError('cancelled', 'The bot is stopping: the job runs again after the restart.'),
    );
    onHandBack();
    if (!(await within(ABORT_MS))) {
      this.#parts.settings.logger.warn({ queue: this.#parts.name }, 'A job did not heed its signal and was left');
    }
    // What still runs keeps its lease no longer.
    this.#ended = true;
  }

  /** The folder belongs to somebody else now: nothing may be written any more. */
  #abandon(): void {
    this.#stopping.abort();
    this.#end('lost', asPublisherError(this.#parts.store.lost.reason, 'busy'));
    this.wake();
  }

  #end(ending: Ending, reason: PublisherError): void {
    for (const end of this.#running.values()) end(ending, reason);
  }

  async #loop(): Promise<void> {
    const { boss, name, concurrency, settings } = this.#parts;
    while (!this.#stopping.signal.aborted) {
      this.#woken = false;
      const free = concurrency - this.#running.size;
      if (free > 0) {
        try {
          const jobs = await boss.fetch<unknown>(name, { batchSize: free, groupConcurrency: 1 });
          for (const job of jobs) this.#start(job);
          if (jobs.length > 0 && this.#running.size < concurrency) continue;
        } catch (error) {
          settings.logger.warn({ queue: name, error: settings.redact(messageOf(error)) }, 'Cannot fetch jobs');
        }
      }
      await this.#pause();
    }
  }

  #pause(): Promise<void> {
    if (this.#woken) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, this.#parts.settings.pollMs);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  #start(job: BossJob<unknown>): void {
    const abort = new AbortController();
    let ending: Ending = 'running';
    const end = (why: Ending, reason: PublisherError) => {
      if (ending !== 'running') return;
      ending = why;
      abort.abort(reason);
    };
    const run = this.#run(job, abort.signal, end, () => ending)
      .catch((error: unknown) => {
        const fields = { queue: this.#parts.name, job: job.id, error: this.#parts.settings.redact(messageOf(error)) };
        this.#parts.settings.logger.error(fields, 'A job could not be settled; it runs again when its lease ends');
      })
      .finally(() => {
        this.#running.delete(run);
        this.wake();
      });
    this.#running.set(run, end);
  }

  async #run(
    job: BossJob<unknown>,
    signal: AbortSignal,
    end: (ending: Ending, reason: PublisherError) => void,
    ending: () => Ending,
  ): Promise<void> {
    const { name, handler, settings } = this.#parts;
    const { limit } = this.#parts.retries;
    const settler = settlerOf(this.#parts);
    const stopRenewing = keepLease(job, this.#parts, {
      wanted: () => !this.#ended,
      lose: () => end('lost', new PublisherError('busy', 'The job belongs to another worker by now.')),
    });
    const overlong = setTimeout(
      () => end('handed-back', new PublisherError('cancelled', 'The job goes on under a new claim.')),
      LONGEST_MS,
    );
    const envelope = envelopeSchema.safeParse(job.data);
    const failures = envelope.success ? envelope.data.failures : limit;
    let postponeMs: number | null = null;
    let thrown: unknown = null;
    let ok = false;
    try {
      if (!envelope.success) throw new PublisherError('internal', 'The job was enqueued by something else.');
      await handler(envelope.data.payload, {
        id: job.id,
        signal,
        attempt: failures + 1,
        lastAttempt: failures >= limit,
        postpone: (ms) => {
          postponeMs = ms;
        },
      });
      ok = true;
    } catch (error) {
      thrown = error;
    }
    try {
      if (ending() === 'lost') return;
      if (ok && postponeMs === null) return await settler.complete(job);
      if (ok) return await settler.waitAgain(job, failures, postponeMs ?? 0, 'postponed');
      if (ending() === 'handed-back') return await settler.waitAgain(job, failures, 0, 'handed back');
      await settler.fail(job, failures, failureOf(thrown));
    } finally {
      // Only now: until it is settled, the job must stay ours.
      stopRenewing();
      clearTimeout(overlong);
      settings.logger.debug({ queue: name, job: job.id, ok, ending: ending() }, 'Job ended');
    }
  }
}

/** What is not one of ours is most likely the database or the network failing for a moment: worth another try. */
const failureOf = (thrown: unknown): PublisherError =>
  thrown instanceof PublisherError
    ? thrown
    : new PublisherError('internal', messageOf(thrown), { cause: thrown, retryable: true });

/** Whether all of them settled in time. */
async function settleWithin(promises: Promise<void>[], ms: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), ms);
  });
  const all = Promise.allSettled(promises).then(() => true);
  try {
    return await Promise.race([all, late]);
  } finally {
    clearTimeout(timer);
  }
}
