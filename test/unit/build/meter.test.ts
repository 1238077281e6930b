import { expect, it } from 'vitest';
import { Meter } from '../../../src/build/meter.ts';

function meter(total: number) {
  let now = 1_000;
  const clock = { now: () => now, sleep: async () => undefined };
  return { meter: new Meter(clock, total), pass: (ms: number) => (now += ms) };
}

it('knows rate and time left from what came through in the last seconds', () => {
  const { meter: counted, pass } = meter(10_000);
  const lane = counted.begin('a', 10_000);
  expect(counted.progress()).toMatchObject({ bytesDone: 0, bytesPerSecond: 0, secondsLeft: null });
  for (let second = 1; second <= 4; second += 1) {
    lane.done += 1_000;
    pass(1_000);
    counted.progress();
  }
  expect(counted.progress()).toMatchObject({ bytesDone: 4_000, bytesPerSecond: 1_000, secondsLeft: 6 });
  pass(30_000);
  expect(counted.progress().bytesPerSecond).toBeLessThan(200);
});

it('counts lanes while they run, whole layers once they are there, and nothing of what failed', () => {
  const { meter: counted } = meter(300);
  const [a, b] = [counted.begin('a', 100), counted.begin('b', 200)];
  a.done = 60;
  b.done = 50;
  expect(counted.progress()).toMatchObject({
    bytesDone: 110,
    lanes: [
      { name: 'a', done: 60, total: 100 },
      { name: 'b', done: 50, total: 200 },
    ],
  });
  counted.finish(a);
  counted.drop(b);
  expect(counted.progress()).toMatchObject({ bytesDone: 100, lanes: [] });
});

it('never says more than all, and counts what moved apart from it', () => {
  const { meter: counted } = meter(10);
  counted.finish(counted.begin('base', 100));
  counted.move(70);
  counted.move(-30);
  expect(counted.progress()).toMatchObject({ bytesDone: 10, bytesTotal: 10, moved: 70 });
});
