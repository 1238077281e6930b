import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { globMatches, matchesAny } from '../../../../src/build/engines/glob.ts';

describe('globMatches', () => {
  it.each<[string, string, boolean]>([
    ['config.json', 'config.json', true],
    ['config.json', 'a/config.json', true],
    ['/config.json', 'a/config.json', false],
    ['/config.json', 'config.json', true],
    ['Config.json', 'config.json', false],
    ['*.bin', 'a.bin', true],
    ['*.bin', 'deep/down/a.bin', true],
    ['/*.bin', 'deep/a.bin', false],
    ['*.bin', 'a.bin.json', false],
    ['original/*', 'original/a', true],
    ['original/*', 'original/a/b', false],
    ['original/**', 'original/a/b', true],
    ['original/**', 'x/original/a', false],
    ['original/', 'original/a/b', true],
    ['original/', 'original', false],
    ['**/a.json', 'a.json', true],
    ['**/a.json', 'x/y/a.json', true],
    ['a/**/b', 'a/b', true],
    ['a/**/b', 'a/x/y/b', true],
    ['a/**/b', 'a/x/y/c', false],
    ['**', 'a/b/c', true],
    ['model-?????-of-*.safetensors', 'model-00001-of-00002.safetensors', true],
    ['?', '文', true],
    ['?', '\u{1f600}', true],
    ['?', '', false],
    ['a**b', 'axxb', true],
    ['[ab].json', 'a.json', false],
    ['[ab].json', '[ab].json', true],
    ['a.json', 'aXjson', false],
    ['*Q4_K_M*', 'x-Q4_K_M-00001-of-00002.gguf', true],
    ['', 'a', false],
  ])('%j on %j: %s', (pattern, path, expected) => {
    expect(globMatches(pattern, path)).toBe(expected);
  });

  it('agrees with a regular expression on harmless patterns', () => {
    const characters = fc.array(fc.constantFrom('a', 'b', '*', '?'), { maxLength: 8 }).map((list) => list.join(''));
    const path = fc.array(fc.constantFrom('a', 'b'), { minLength: 1, maxLength: 8 }).map((list) => list.join(''));
    fc.assert(
      fc.property(characters, path, (pattern, text) => {
        const expected = new RegExp(`^${pattern.replaceAll('*', '.*').replaceAll('?', '.')}$`).test(text);
        // Two stars alone are a segment of their own kind.
        if (pattern !== '**') expect(globMatches(pattern, text)).toBe(expected);
      }),
    );
  });

  it('takes no exponential time on patterns made to', () => {
    expect(globMatches(`${'*a'.repeat(1000)}b`, 'a'.repeat(2000))).toBe(false);
    expect(globMatches(`${'**/a/'.repeat(500)}b`, `${'a/'.repeat(1000)}c`)).toBe(false);
  });
});

describe('matchesAny', () => {
  it('is no without patterns', () => {
    expect(matchesAny([], 'a')).toBe(false);
    expect(matchesAny(['b', 'a'], 'a')).toBe(true);
  });
});
