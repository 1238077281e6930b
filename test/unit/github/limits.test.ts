import fc from 'fast-check';
import { expect, test } from 'vitest';
import { batches, cutBytes, cutCharacters } from '../../../src/github/limits.ts';

const text = fc.string({ unit: 'grapheme', maxLength: 80 });

test('cutting by bytes keeps whole characters, says so, and never exceeds the limit', () => {
  fc.assert(
    fc.property(text, fc.integer({ min: 20, max: 100 }), (input, limit) => {
      const cut = cutBytes(input, limit);
      expect(Buffer.byteLength(cut)).toBeLessThanOrEqual(limit);
      if (Buffer.byteLength(input) <= limit) expect(cut).toBe(input);
      else {
        expect(cut.endsWith('… truncated')).toBe(true);
        expect(input.startsWith(cut.slice(0, -'\n\n… truncated'.length))).toBe(true);
      }
    }),
  );
});

test('cutting by characters never halves a surrogate pair', () => {
  fc.assert(
    fc.property(text, fc.integer({ min: 20, max: 60 }), (input, limit) => {
      const cut = cutCharacters(input, limit);
      expect(cut.length).toBeLessThanOrEqual(limit);
      expect(cut.isWellFormed()).toBe(true);
    }),
  );
});

test('batches keep order and size', () => {
  expect(batches([1, 2, 3, 4, 5], 2)).toEqual([[1, 2], [3, 4], [5]]);
  expect(batches([], 2)).toEqual([]);
});
