import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { cell, code, escapeText, link } from '../../../src/report/markdown.ts';

/** Text that is more likely to do harm than random text. */
const hostile = fc
  .array(
    fc.oneof(
      fc.string({ unit: 'grapheme' }),
      fc.constantFrom(
        ...['@', '@user', '@org/team', '#', '#1', 'GH-1', 'o/r#2', '<', '>', '<img src=x onerror=1>', '<!--', '-->'],
        ...[
          '&lt;',
          '&',
          '`',
          '``',
          '|',
          '\\',
          '\\|',
          '\\\\',
          '[a](http://b)',
          '![](x)',
          '[',
          ']',
          '](',
          '*',
          '_',
          '~~',
        ],
        ...['\n', '\r\n', '\t', '\u2028', '\u202E', '\u200B', '\uD800', 'http://a.b', 'www.a.b', 'mailto:a@b.c', '$x$'],
        ...['# ', '- ', '1. ', '---', '===', '> ', '| a |'],
      ),
    ),
    { maxLength: 12 },
  )
  .map((parts) => parts.join(''));

const isEscaped = (text: string, index: number): boolean => {
  let slashes = 0;
  while (text[index - 1 - slashes] === '\\') slashes += 1;
  return slashes % 2 === 1;
};
const active = (text: string, characters: string): string[] =>
  // By code units, as they are indexed: characters beyond the first plane are two.
  text.split('').flatMap((character, index) => {
    return characters.includes(character) && !isEscaped(text, index) ? [character] : [];
  });

describe('escaped text', () => {
  test('has no active mention, reference, HTML, link, emphasis, code or line break, whatever it was', () => {
    fc.assert(
      fc.property(hostile, (text) => {
        const escaped = escapeText(text);
        expect(escaped).not.toMatch(/[\p{Cc}\u2028\u2029\u202A-\u202E]/u);
        expect(escaped).not.toMatch(/[<>]/);
        expect(escaped).not.toMatch(/&(?!amp;|lt;|gt;)/);
        expect(escaped).not.toMatch(/@[^\u200B]|@$/);
        expect(escaped).not.toMatch(/#\d|GH-\d/i);
        expect(escaped).not.toMatch(/:\/\/|www\.|mailto:|xmpp:/i);
        expect(escaped).not.toMatch(/^(?:[-+=#:>]|\d+[.)])/);
        // Every character that could begin something is escaped: only the escapes' own backslashes are left.
        expect(active(escaped, '`*_[]|~$')).toEqual([]);
      }),
    );
  });

  test('still reads as it was written', () => {
    const shown = (text: string) =>
      escapeText(text)
        .replace(/\\([\\`*_[\]|~$#+\-=.):])/g, '$1')
        .replaceAll('\u200B', '');
    fc.assert(
      fc.property(fc.stringMatching(/^[a-z0-9 @#_*`|[\]\\.:/-]{0,30}$/), (text) => {
        expect(shown(text)).toBe(text.trim());
      }),
    );
    expect(escapeText('org/some-model_v1.5')).toBe('org/some-model\\_v1.5');
  });
});

describe('code', () => {
  test('is one span that nothing inside ends', () => {
    fc.assert(
      fc.property(hostile, (text) => {
        const span = code(text);
        if (span === '') return;
        expect(span).not.toMatch(/[\p{Cc}\u2028\u2029]/u);
        const fence = /^`+/.exec(span)?.[0] ?? '';
        expect(span.endsWith(fence)).toBe(true);
        const inner = span.slice(fence.length, -fence.length);
        expect(inner).not.toMatch(new RegExp(`(?<!\`)${fence}(?!\`)`));
        expect(inner.startsWith('`') || inner.endsWith('`')).toBe(false);
      }),
    );
    expect(code('a`b')).toBe('``a`b``');
    expect(code('`a`')).toBe('`` `a` ``');
    expect(code(' \n ')).toBe('');
  });
});

describe('a cell', () => {
  test('holds no line break and no pipe that ends it', () => {
    fc.assert(
      fc.property(hostile, hostile, (one, other) => {
        for (const made of [
          cell(escapeText(one)),
          cell(code(one)),
          cell(link(one, 'https://a.b/c')),
          cell(one + other),
        ]) {
          expect(made).not.toMatch(/[\r\n\u2028\u2029]/);
          expect(active(made, '|')).toEqual([]);
        }
      }),
    );
    expect(cell(code('a|b'))).toBe('`a\\|b`');
    expect(cell(escapeText('a|b'))).toBe('a\\|b');
  });
});

describe('a link', () => {
  test('goes to https addresses only', () => {
    expect(link('the model', 'https://huggingface.co/org/name')).toBe('[the model](https://huggingface.co/org/name)');
    for (const url of ['http://a.b', 'javascript:alert(1)', 'data:text/html,x', '//a.b', 'x', 'https://u:p@a.b/']) {
      expect(link('text', url)).toBe('text');
    }
  });

  test('cannot be broken out of', () => {
    fc.assert(
      fc.property(hostile, hostile, (text, tail) => {
        const made = link(text, `https://example.com/${tail}`);
        if (!made.startsWith('[')) return;
        expect(active(made, '[]')).toEqual(['[', ']']);
        expect(made).toMatch(/\]\(https:\/\/example\.com\/[^()<>\s`|\\]*\)$/);
      }),
    );
  });
});
