import { expect, it } from 'vitest';
import { createThrottle } from '../../../../src/publish/mirror/throttle.ts';

function clockOf() {
  let now = 0;
  const slept: number[] = [];
  return {
    slept,
    pass: (ms: number) => {
      now += ms;
    },
    now: () => now,
    sleep: async (ms: number) => {
      slept.push(ms);
    },
  };
}
const { signal } = new AbortController();

it('lets what all send together through at the rate', async () => {
  const clock = clockOf();
  const throttle = createThrottle(1_000, clock);
  await Promise.all([throttle(500, signal), throttle(500, signal), throttle(2_000, signal), throttle(1, signal)]);
  expect(clock.slept).toEqual([500, 1_000, 3_000]);
});

it('saves nothing up while nobody sends', async () => {
  const clock = clockOf();
  const throttle = createThrottle(1_000, clock);
  await throttle(1_000, signal);
  clock.pass(60_000);
  await throttle(1_000, signal);
  await throttle(1_000, signal);
  expect(clock.slept).toEqual([1_000]);
});

it('holds nothing up without a rate', async () => {
  const clock = clockOf();
  await createThrottle(null, clock)(1e12, signal);
  await createThrottle(null, clock)(1e12, signal);
  expect(clock.slept).toEqual([]);
});
