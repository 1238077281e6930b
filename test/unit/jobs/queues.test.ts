import { expect, test } from 'vitest';
import { retryDelay } from '../../../src/jobs/queues.ts';

const policy = { limit: 5, baseMs: 1_000, maxMs: 60_000 };

test('the delay doubles with each failure, half of it random', () => {
  expect([1, 2, 3].map((failures) => retryDelay(policy, failures, 0))).toEqual([500, 1_000, 2_000]);
  expect([1, 2, 3].map((failures) => retryDelay(policy, failures, 1))).toEqual([1_000, 2_000, 4_000]);
});

test('the delay has an upper end, however often a job failed', () => {
  expect(retryDelay(policy, 1_000, 1)).toBe(60_000);
});
