import { expect, test } from 'vitest';
import { formatBytes, plural, shortDigest } from '../../../src/report/numbers.ts';

test.each([
  [0, '0 B'],
  [999, '999 B'],
  [1000, '1 kB'],
  [9710, '9.71 kB'],
  [999_499, '999 kB'],
  [999_500, '1 MB'],
  [1_340_000_000, '1.34 GB'],
  [5e12, '5 TB'],
  [3e18, '3000 PB'],
])('%d bytes are written %s', (bytes, text) => {
  expect(formatBytes(bytes)).toBe(text);
});

test('a count of one is singular, everything else plural', () => {
  expect([0, 1, 2].map((count) => plural(count, 'image'))).toEqual(['0 images', '1 image', '2 images']);
});

test('a short digest keeps its algorithm and twelve digits', () => {
  expect(shortDigest(`sha256:${'ab'.repeat(32)}`)).toBe('sha256:abababababab');
});
