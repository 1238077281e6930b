import { expect, test } from 'vitest';
import { lastDue, parseCron } from '../../../src/catalog/cron.ts';
import { problemsOf } from './support.ts';

const due = (text: string, now: string): string | null => {
  const parsed = parseCron(text);
  if (!parsed.valid) throw new Error(parsed.message);
  const at = lastDue(parsed.cron, Date.parse(now));
  return at === null ? null : new Date(at).toISOString();
};

test.each([
  ['0 3 * * *', '2026-03-10T03:00:00Z', '2026-03-10T03:00:00.000Z'],
  ['0 3 * * *', '2026-03-10T02:59:59Z', '2026-03-09T03:00:00.000Z'],
  ['*/15 * * * *', '2026-03-10T12:44:10Z', '2026-03-10T12:30:00.000Z'],
  ['5/20 9-11 * * *', '2026-03-10T12:00:00Z', '2026-03-10T11:45:00.000Z'],
  ['30 6 1,15 * *', '2026-03-10T00:00:00Z', '2026-03-01T06:30:00.000Z'],
  // 8 March 2026 is a Sunday.
  ['0 0 * * 7', '2026-03-10T00:00:00Z', '2026-03-08T00:00:00.000Z'],
  ['0 0 * * sun', '2026-03-10T00:00:00Z', '2026-03-08T00:00:00.000Z'],
  ['0 0 * JAN-feb mon-fri', '2026-03-10T00:00:00Z', '2026-02-27T00:00:00.000Z'],
  // Both restricted: one is enough.
  ['0 0 1 * mon', '2026-03-10T00:00:00Z', '2026-03-09T00:00:00.000Z'],
  ['0 0 29 2 *', '2026-03-10T00:00:00Z', '2024-02-29T00:00:00.000Z'],
  ['0 0 29 2 *', '2104-01-01T00:00:00Z', '2096-02-29T00:00:00.000Z'],
])('%s was due at or before %s at %s', (text, now, expected) => {
  expect(due(text, now)).toBe(expected);
});

test.each([
  ['', 'five fields'],
  ['0 3 * *', 'five fields'],
  ['@daily', 'five fields'],
  ['0 0 3 * * *', 'five fields'],
  ['60 3 * * *', '"60" is no minute'],
  ['0 24 * * *', '"24" is no hour'],
  ['0 3 0 * *', '"0" is no day'],
  ['0 3 * 13 *', '"13" is no month'],
  ['0 3 * * 8', '"8" is no weekday'],
  ['0 3 * * L', '"L" is no weekday'],
  ['*/0 * * * *', '"*/0" is no minute'],
  ['5-1 * * * *', '"5-1" is no minute'],
  ['1,,2 * * * *', '"1,,2" is no minute'],
  ['0 3 31 feb *', 'no day is ever the 31 of month feb'],
])('%j is refused', (text, message) => {
  expect(parseCron(text)).toEqual({ valid: false, message: expect.stringContaining(message) });
});

test.each(['0 3 * * *', 'off'])('a catalog may say schedule: %s', (schedule) => {
  expect(problemsOf(`defaults:\n  schedule: "${schedule}"\nmodels: []\n`)).toEqual([]);
});

test('a catalog is told where its schedule is wrong, and how to write one', () => {
  expect(problemsOf('defaults:\n  schedule: nightly\nmodels: []\n')).toEqual([
    expect.stringMatching(/^2:13 defaults\.schedule: .*"0 3 \* \* \*"/),
  ]);
});
