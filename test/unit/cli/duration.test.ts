import { expect, it } from 'vitest';
import { formatDuration } from '../../../src/cli/duration.ts';

it.each([
  [0, '0 s'],
  [1, '1 s'],
  [54_321, '55 s'],
  [60_000, '1 min'],
  [185_000, '3 min 5 s'],
  [7_800_000, '2 h 10 min'],
])('%i ms are %s', (ms, expected) => {
  expect(formatDuration(ms)).toBe(expected);
});
