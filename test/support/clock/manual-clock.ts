import type { Clock } from '../../../src/clock.ts';

export interface ManualClock extends Clock {
  /** Milliseconds of everyone who sleeps, in the order they fell asleep. */
  readonly sleeping: number[];
  /** Lets time pass, and wakes whoever's time has come. */
  advance(ms: number): Promise<void>;
}

/** A clock that moves only when told. */
export function manualClock(now = 1_000_000): ManualClock {
  let time = now;
  let sleepers: { ms: number; at: number; wake: () => void }[] = [];
  return {
    now: () => time,
    get sleeping() {
      return sleepers.map(({ ms }) => ms);
    },
    sleep: (ms, signal) =>
      new Promise((resolve, reject) => {
        if (signal?.aborted) return reject(signal.reason);
        const sleeper = { ms, at: time + ms, wake: resolve };
        sleepers.push(sleeper);
        signal?.addEventListener('abort', () => {
          sleepers = sleepers.filter((each) => each !== sleeper);
          reject(signal.reason);
        });
      }),
    async advance(ms) {
      time += ms;
      const woken = sleepers.filter(({ at }) => at <= time);
      sleepers = sleepers.filter(({ at }) => at > time);
      for (const { wake } of woken) wake();
      await new Promise((resolve) => setImmediate(resolve));
    },
  };
}
