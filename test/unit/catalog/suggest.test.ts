import fc from 'fast-check';
import { expect, test } from 'vitest';
import { editDistance, suggest } from '../../../src/catalog/suggest.ts';

const KEYS = ['id', 'short', 'revision', 'permissive', 'override_spdx', 'gated', 'serve_args', 'publish'];

test.each([
  ['revison', 'revision'],
  ['reivsion', 'revision'],
  ['serve-args', 'serve_args'],
  ['serveArgs', 'serve_args'],
  ['SHORT', 'short'],
  ['license', 'permissive'],
  ['name', 'short'],
  ['commit', 'revision'],
  ['xyz', null],
  ['', null],
  ['p'.repeat(10_000), null],
])('%s: %s', (word, meant) => {
  expect(suggest(word, KEYS)).toBe(meant);
});

test('a meaning is offered only where the key exists', () => {
  expect(suggest('license', ['title', 'url'])).toBeNull();
});

test('distances are a metric on single edits', () => {
  const word = fc.string({ maxLength: 12 });
  fc.assert(
    fc.property(word, word, (a, b) => {
      expect(editDistance(a, a)).toBe(0);
      expect(editDistance(a, b)).toBe(editDistance(b, a));
      expect(editDistance(a, b)).toBeLessThanOrEqual(Math.max(a.length, b.length));
      expect(editDistance(a, `${a}x`)).toBe(1);
    }),
  );
  expect(editDistance('ab', 'ba')).toBe(1);
  expect(editDistance('kitten', 'sitting')).toBe(3);
});
