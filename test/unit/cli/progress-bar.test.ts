import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Progress, progressBar, progressWords } from '../../../src/cli/progress-bar.ts';

const models: Progress = {
  label: 'plan',
  done: 330,
  total: 1000,
  unit: 'models',
  elapsedMs: 4_000,
  note: '2640 requests',
};
const bytes: Progress = { label: 'weights', done: 1_200_000_000, total: 3e9, unit: 'bytes', elapsedMs: 12_000 };

describe('progressBar', () => {
  it.each([
    [models, 120, 'plan [#########---------------------] 33 %, 330 of 1000 models, 4 s, 9 s left, 2640 requests'],
    [bytes, 80, 'weights [########--------------] 40 %, 1.2 GB of 3 GB, 12 s, 18 s left, 100 MB/s'],
    [models, 40, 'plan 33 %, 330 of 1000 models, 4 s, 9 s '],
  ])('%j in %i columns', (progress, columns, expected) => {
    expect(progressBar(progress, columns)).toBe(expected);
  });

  it('is never wider than its terminal, nor fuller than full', () => {
    const amount = fc.nat({ max: 2e12 });
    fc.assert(
      fc.property(amount, amount, amount, fc.constantFrom('bytes', 'models'), fc.nat({ max: 200 }), (...drawn) => {
        const [done, total, elapsedMs, unit, columns] = drawn;
        const line = progressBar({ label: 'x', done, total, unit, elapsedMs }, columns);
        expect(line.length).toBeLessThanOrEqual(columns);
        expect(line).not.toMatch(/NaN|Infinity|undefined|1\d\d+ %,.*%/);
        expect(
          Number(/(\d+) %/.exec(progressWords({ label: 'x', done, total, unit, elapsedMs }))?.[1]),
        ).toBeLessThanOrEqual(100);
      }),
    );
  });
});

describe('progressWords', () => {
  it.each([
    [
      'say nothing of the time left before they can know it',
      { done: 0, elapsedMs: 9_000 },
      '0 %, 0 of 1000 models, 9 s',
    ],
    ['nor in the first second', { done: 500, elapsedMs: 900 }, '50 %, 500 of 1000 models, 1 s'],
    ['nor at the end', { done: 1000, elapsedMs: 9_000 }, '100 %, 1000 of 1000 models, 9 s'],
    ['are done when there is nothing to do', { done: 0, total: 0 }, '100 %, 0 of 0 models, 4 s'],
  ])('%s', (_, given, expected) => {
    expect(progressWords({ ...models, note: undefined, ...given })).toBe(expected);
  });
});
