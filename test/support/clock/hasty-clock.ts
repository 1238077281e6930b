import { type Clock, systemClock } from '../../../src/clock.ts';

/** A clock on which nobody waits longer than a moment: retries happen, their pauses do not. */
export const hastyClock: Clock = {
  now: systemClock.now,
  sleep: (ms, signal) => systemClock.sleep(Math.min(ms, 2), signal),
};
