import type { Clock } from '../clock.ts';
import { PublisherError } from '../errors.ts';

const ATTEMPTS = 4;
const BASE_MS = 250;
const CAP_MS = 8_000;
/** Nobody's check should hang on a server that asks for more patience than this. */
const PATIENCE_MS = 60_000;

export interface RetryOptions {
  /** Attempts in all, the first included. Default 4. */
  attempts?: number;
  clock: Clock;
  signal?: AbortSignal;
  /** 0 ≤ x < 1; `Math.random` unless a test decides. */
  random?: () => number;
  /** How long the server asked us to wait, in milliseconds; null when it did not say. */
  retryAfterMs?: (error: unknown) => number | null;
  /** The longest such wait that is granted, in milliseconds. Default one minute. */
  patienceMs?: number;
}

/**
 * Milliseconds before attempt `attempt + 1`: exponential backoff with full jitter (anywhere between nothing and the cap of
 * this step), or what the server asked for, with a little jitter on top so that waiting clients do not return together.
 */
export function retryDelay(attempt: number, random: number, retryAfterMs: number | null = null): number {
  if (retryAfterMs !== null) return Math.round(Math.max(0, retryAfterMs) + random * BASE_MS);
  return Math.round(random * Math.min(CAP_MS, BASE_MS * 2 ** (attempt - 1)));
}

/**
 * Runs `operation` (given the attempt's number, from 1) until it succeeds, fails for good, or attempts run out.
 * Only a PublisherError that calls itself retryable is tried again; everything else is rethrown at once.
 *
 * @throws the last error, at once when the server asks for more patience than there is; `cancelled` when the signal aborts
 */
export async function withRetry<T>(operation: (attempt: number) => Promise<T>, options: RetryOptions): Promise<T> {
  const { attempts = ATTEMPTS, clock, signal, random = Math.random, retryAfterMs, patienceMs = PATIENCE_MS } = options;
  for (let attempt = 1; ; attempt++) {
    if (signal?.aborted) throw cancelled(signal);
    try {
      return await operation(attempt);
    } catch (error) {
      if (!(error instanceof PublisherError) || !error.retryable || attempt >= attempts) throw error;
      const asked = retryAfterMs?.(error) ?? null;
      if (asked !== null && asked > patienceMs) throw tooPatient(error, asked);
      await pause(clock, retryDelay(attempt, random(), asked), signal);
    }
  }
}

/**
 * Milliseconds a response asks us to wait: `Retry-After` (seconds or date), else an exhausted `RateLimit` such as
 * `"api";r=0;t=55` (the Hub's form of the IETF header); null when it does not say.
 */
export function retryAfterOf(headers: Headers, now: number): number | null {
  const after = headers.get('retry-after')?.trim() ?? '';
  if (/^\d+$/.test(after)) return Number(after) * 1000;
  const date = Date.parse(after);
  if (!Number.isNaN(date)) return Math.max(0, date - now);
  const limits = (headers.get('ratelimit') ?? '').split(',');
  const exhausted = limits.filter((limit) => /;\s*r=0\b/.test(limit)).map((limit) => /;\s*t=(\d+)/.exec(limit)?.[1]);
  const waits = exhausted.filter((seconds) => seconds !== undefined).map(Number);
  return waits.length === 0 ? null : Math.max(...waits) * 1000;
}

/** Sleeps for milliseconds. @throws PublisherError `cancelled` when the signal aborts meanwhile */
export async function pause(clock: Clock, ms: number, signal: AbortSignal | undefined): Promise<void> {
  await clock.sleep(ms, signal).catch((reason: unknown) => {
    throw signal?.aborted ? cancelled(signal) : reason;
  });
}

/** The error for an aborted signal: its own reason when that already is one of ours. */
export function cancelled(signal: AbortSignal): PublisherError {
  if (signal.reason instanceof PublisherError && signal.reason.code === 'cancelled') return signal.reason;
  return new PublisherError('cancelled', 'Cancelled before it was done', { cause: signal.reason });
}

function tooPatient(error: PublisherError, askedMs: number): PublisherError {
  const seconds = Math.ceil(askedMs / 1000);
  return new PublisherError(error.code, `${error.message} (the server asks to wait ${seconds} s: try again then)`, {
    cause: error,
    retryable: error.retryable,
  });
}
