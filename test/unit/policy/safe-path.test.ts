import { describe, expect, it } from 'vitest';
import { pathConflict, safePath } from '../../../src/policy/safe-path.ts';

describe('safePath', () => {
  it.each(['config.json', 'a/b/c.json', 'ü/文.json', 'a..b', '.gitattributes', 'a b', '...', 'x'.repeat(255)])(
    'takes %j',
    (path) => {
      expect(safePath(path)).toBeNull();
    },
  );

  it.each([
    '',
    '/etc/passwd',
    '../x',
    'a/../b',
    'a/..',
    './a',
    'a/./b',
    'a//b',
    'a/',
    'a\\b',
    'a\nb',
    'a\u0000',
    '\u009b1m',
    'a\u2028b',
    'gpj.\u202eexe',
    'a\ud800',
    '.model-image',
    '.model-image.json',
    '.Model-Image/x',
    'x'.repeat(256),
    'ü'.repeat(128),
    `${'a/'.repeat(2100)}a`,
    `${'a/'.repeat(64)}a`,
  ])('refuses %j, naming it without showing what is hidden in it', (path) => {
    expect(safePath(path)).toMatch(/^The repository has a file named "[^\p{C}]*", which [^\p{C}]+\.$/u);
  });
});

describe('pathConflict', () => {
  it.each<[string[]]>([[[]], [['a', 'b', 'c/a', 'c/b']], [['a', 'ab', 'a-/b']]])('lets %j be', (paths) => {
    expect(pathConflict(paths)).toBeNull();
  });

  it.each<[string[]]>([
    [['a', 'a']],
    [['Config.json', 'config.json']],
    [['\u00e9', 'e\u0301']],
    [['a', 'a/b']],
    [['x/y/z', 'X']],
    [['a/b/c', 'a/B']],
  ])('refuses %j', (paths) => {
    expect(pathConflict(paths)).toMatch(/files\.exclude/);
    expect(pathConflict(paths.toReversed())).toMatch(/files\.exclude/);
  });

  it('can be told that case counts', () => {
    expect(pathConflict(['LICENSE', 'license'], (path) => path)).toBeNull();
    expect(pathConflict(['LICENSE', 'LICENSE/x'], (path) => path)).not.toBeNull();
  });
});
