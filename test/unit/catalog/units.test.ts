import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseBytes, SIZE_PATTERN } from '../../../src/catalog/units.ts';

test.each([
  ['200GB', 200_000_000_000],
  ['10GB', 10_000_000_000],
  ['512MiB', 536_870_912],
  ['1.5 TB', 1_500_000_000_000],
  ['4.35GB', 4_350_000_000],
  ['1kb', 1_000],
  ['7', 7],
  ['7B', 7],
  [4096, 4096],
])('%s is %i bytes', (size, bytes) => {
  expect(parseBytes(size)).toBe(bytes);
});

test.each([
  '',
  'GB',
  '0',
  '0GB',
  '-1GB',
  '1.5',
  '1.5B',
  '1XB',
  '10 G B',
  '10Gb/s',
  '1e3',
  '9PB9',
  '99999PB',
  'x'.repeat(1_000),
])('%j is no size', (size) => {
  expect(parseBytes(size)).toBeNull();
});

test.each([0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53])('%d is no number of bytes', (size) => {
  expect(parseBytes(size)).toBeNull();
});

test('whatever is a size matches the pattern told to editors', () => {
  const sizes = fc.tuple(
    fc.nat({ max: 9_000 }),
    fc.constantFrom('', ' '),
    fc.constantFrom('', 'B', 'kB', 'MB', 'GiB', 'TB'),
  );
  fc.assert(
    fc.property(sizes, ([number, space, unit]) => {
      const size = `${number + 1}${unit === '' ? '' : space}${unit}`;
      expect(parseBytes(size)).toBeGreaterThan(0);
      expect(size).toMatch(new RegExp(SIZE_PATTERN));
    }),
  );
});
