import fc from 'fast-check';
import deprecatedIds from 'spdx-license-ids/deprecated.json' with { type: 'json' };
import currentIds from 'spdx-license-ids/index.json' with { type: 'json' };
import { describe, expect, it } from 'vitest';
import {
  judge,
  licensesIn,
  MAX_EXPRESSION_LENGTH,
  parseExpression,
  satisfies,
  validateExpression,
} from '../../../src/licensing/expression.ts';

const textOf = (source: string) => {
  const parsed = parseExpression(source);
  return parsed.ok ? parsed.text : null;
};

describe('parseExpression', () => {
  it.each([
    ['apache-2.0', 'Apache-2.0'],
    ['  mit  ', 'MIT'],
    ['gpl-3.0', 'GPL-3.0'],
    ['gpl-2.0+', 'GPL-2.0+'],
    ['mit or (bsd-3-clause and isc)', 'MIT OR (BSD-3-Clause AND ISC)'],
    ['GPL-2.0-only with Classpath-exception-2.0', 'GPL-2.0-only WITH Classpath-exception-2.0'],
    ['licenseref-llama3.1', 'LicenseRef-llama3.1'],
    ['DocumentRef-x:LicenseRef-y', 'DocumentRef-x:LicenseRef-y'],
    ['MIT\nAND\tISC', 'MIT AND ISC'],
  ])('spells %j as %j', (source, text) => {
    expect(textOf(source)).toBe(text);
  });

  it('knows every id of SPDX, deprecated ones too, in any case', () => {
    for (const id of [...currentIds, ...deprecatedIds].filter((one) => !one.endsWith('+'))) {
      expect(textOf(id.toUpperCase())?.toLowerCase(), id).toBe(id.toLowerCase());
    }
  });

  it.each([
    '',
    ' ',
    'MIT AND',
    'AND MIT',
    'MIT MIT',
    '(MIT',
    'MIT)',
    '()',
    'MIT +',
    'MIT WITH',
    'MIT WITH MIT',
    'MIT WITH nonsense',
    'WITH Classpath-exception-2.0',
    'Classpath-exception-2.0',
    'LicenseRef-',
    'LicenseRef-a+',
    'LicenseRef-ü',
    'MIT/ISC',
    'MIT, ISC',
    'constructor',
    '__proto__',
    'NONE',
    'NOASSERTION',
    'MIT\u0000',
    '+',
    'MIT++',
    'NOT MIT',
  ])('refuses %j and says why', (source) => {
    expect(validateExpression(source)).toMatch(/\S+\.$/);
    expect(satisfies(source, ['MIT', 'mit', source])).toBe(false);
    expect(judge(source, ['MIT']).kind).toBe('malformed');
  });

  it('points from a name of the Hub to its SPDX spelling', () => {
    expect(validateExpression('odc-by')).toContain('ODC-By-1.0');
    expect(validateExpression('llama3.1')).toContain('LicenseRef-llama3.1');
    expect(validateExpression('openrail++')).toContain('LicenseRef-openrail-plus-plus');
  });

  it('takes the deepest and the longest expressions within the cap, and nothing beyond it', () => {
    const depth = (MAX_EXPRESSION_LENGTH - 4) / 2;
    expect(validateExpression(`${'('.repeat(depth)}MIT${')'.repeat(depth)}`)).toBeNull();
    expect(satisfies(`MIT${' OR MIT'.repeat(142)}`, ['MIT'])).toBe(true);
    expect(validateExpression(`MIT${' OR MIT'.repeat(143)}`)).toContain('longer');
    expect(validateExpression('('.repeat(1_000_000))).toContain('longer');
    expect(validateExpression('('.repeat(1000))).not.toBeNull();
  });

  it('never throws and never permits what it cannot read', () => {
    const word = fc.constantFrom(
      'MIT',
      'isc',
      'AND',
      'or',
      'WITH',
      '(',
      ')',
      '+',
      ' ',
      'LicenseRef-x',
      'Apache-2.0+',
      'x',
      ':',
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.array(word).map((words) => words.join(' ')),
        ),
        (source) => {
          const parsed = parseExpression(source);
          if (!parsed.ok) expect(satisfies(source, ['MIT', 'ISC', 'Apache-2.0', 'LicenseRef-x'])).toBe(false);
          else expect(textOf(parsed.text)).toBe(parsed.text);
        },
      ),
    );
  });
});

describe('satisfies', () => {
  it.each<[string, string[], boolean]>([
    ['MIT', ['mit'], true],
    ['MIT', [], false],
    ['MIT OR GPL-3.0-only', ['mit'], true],
    ['MIT AND GPL-3.0-only', ['mit'], false],
    ['MIT AND ISC OR GPL-3.0-only', ['mit', 'isc'], true],
    ['MIT AND (ISC OR GPL-3.0-only)', ['mit', 'gpl-3.0'], true],
    // "or later" includes the version itself, which the licensee may choose…
    ['Apache-2.0+', ['apache-2.0'], true],
    ['GPL-2.0-or-later', ['gpl-2.0'], true],
    ['GPL-2.0+', ['GPL-2.0-or-later'], true],
    // …but listing "or later" accepts neither the bare version nor a later one.
    ['Apache-2.0', ['apache-2.0+'], false],
    ['GPL-2.0-only', ['GPL-2.0-or-later'], false],
    ['GPL-3.0-only', ['GPL-2.0-or-later'], false],
    ['GPL-3.0-only', ['gpl-3.0'], true],
    ['GPL-3.0', ['GPL-3.0-only'], true],
    ['GPL-2.0-only WITH Classpath-exception-2.0', ['GPL-2.0-only'], false],
    ['GPL-2.0-only WITH Classpath-exception-2.0', ['GPL-2.0-only with Classpath-exception-2.0'], true],
    ['GPL-2.0-only', ['GPL-2.0-only WITH Classpath-exception-2.0'], false],
    ['LicenseRef-Gemma', ['LicenseRef-gemma'], true],
    ['LicenseRef-gemma', ['LicenseRef-gem'], false],
    ['MIT', ['MIT OR ISC', 'nonsense', ''], false],
  ])('%s against %j is %s', (expression, whitelist, expected) => {
    expect(satisfies(expression, whitelist)).toBe(expected);
  });

  it('is monotone: a shorter whitelist satisfies nothing more', () => {
    const id = fc.constantFrom(
      'MIT',
      'ISC',
      'GPL-2.0-only',
      'GPL-2.0-or-later',
      'Apache-2.0+',
      'Apache-2.0',
      'LicenseRef-x',
    );
    const expression = fc
      .array(fc.tuple(id, fc.constantFrom('AND', 'OR')), { minLength: 1, maxLength: 6 })
      .map((parts) => parts.map(([one, operator], at) => (at === 0 ? one : `${operator} ${one}`)).join(' '));
    fc.assert(
      fc.property(expression, fc.array(id), fc.array(id), (source, some, more) => {
        if (satisfies(source, some)) expect(satisfies(source, [...some, ...more])).toBe(true);
      }),
    );
  });
});

describe('licensesIn', () => {
  it('names each licence once', () => {
    expect(licensesIn('MIT AND (isc OR MIT) AND LicenseRef-x AND GPL-2.0+')).toEqual([
      'MIT',
      'ISC',
      'LicenseRef-x',
      'GPL-2.0',
    ]);
    expect(licensesIn('MIT AND')).toEqual([]);
  });
});
