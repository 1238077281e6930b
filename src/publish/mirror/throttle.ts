import type { Clock } from '../../clock.ts';

/** Waits until this many bytes may go on. */
export type Throttle = (bytes: number, signal: AbortSignal) => Promise<void>;

/**
 * One rate for all who share it: each chunk books the time it takes, and waits until those booked before it are through. What was not
 * used while nobody sent is lost.
 */
export function createThrottle(bytesPerSecond: number | null, clock: Clock): Throttle {
  let free = 0;
  return async (bytes, signal) => {
    if (bytesPerSecond === null) return;
    const now = clock.now();
    const start = Math.max(now, free);
    free = start + (bytes * 1000) / bytesPerSecond;
    if (start > now) await clock.sleep(start - now, signal);
  };
}
