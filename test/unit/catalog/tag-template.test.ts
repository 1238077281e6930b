import { expect, test } from 'vitest';
import { parseTemplate, tellsVariantsApart } from '../../../src/catalog/tag-template.ts';

test('a template is literals and fields in order', () => {
  expect(parseTemplate('r{sha}-{variant}')).toEqual({
    valid: true,
    parts: [{ literal: 'r' }, { field: 'sha' }, { literal: '-' }, { field: 'variant' }],
  });
});

test.each([
  ['', 'must not be empty'],
  ['{sah}', 'unknown field {sah}; there are {base_version}'],
  ['{}', 'unknown field {}'],
  ['{variant', '"{" has no counterpart'],
  ['variant}', '"}" has no counterpart'],
  ['a b', 'letters, digits'],
  ['a/b', 'letters, digits'],
  ['-{variant}', 'must start with'],
  ['.{variant}', 'must start with'],
  ['x'.repeat(600), 'at most 512 characters'],
])('%j is refused', (template, message) => {
  expect(parseTemplate(template)).toEqual({ valid: false, message: expect.stringContaining(message) });
});

test.each([
  ['{variant}', true],
  ['i{inputs}', true],
  ['latest', false],
])('%s tells variants apart: %s', (template, expected) => {
  const parsed = parseTemplate(template);
  expect(parsed.valid && tellsVariantsApart(parsed.parts)).toBe(expected);
});
