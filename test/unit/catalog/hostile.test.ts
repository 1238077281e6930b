import { describe, expect, test } from 'vitest';
import { MAX_CATALOG_BYTES, parseCatalog } from '../../../src/catalog/parse.ts';
import { problemsOf, validCatalog } from './support.ts';

describe('texts that are no catalog', () => {
  test.each([
    ['nothing', '', '1:1 : the catalog is empty; it needs a list `models`'],
    ['white space', ' \n\t\n', '1:1 : the catalog is empty; it needs a list `models`'],
    ['only comments', '# nothing yet\n', '1:1 : the catalog is empty; it needs a list `models`'],
    ['null', '~', '1:1 : the catalog is empty; it needs a list `models`'],
    ['a NUL', 'models: []\n# \0', '2:3 : the character U+0000 is not allowed in YAML; remove it'],
    ['a control character', 'models: [] # \u009b', '1:14 : the character U+009B is not allowed in YAML; remove it'],
    ['half a surrogate pair', 'models: [] # \ud800', '1:14 : the character U+D800 is not allowed in YAML; remove it'],
    ['lone carriage returns', 'models: []\r# x', '1:11 : the character U+000D is not allowed in YAML; remove it'],
    ['an unfinished list', 'models: [', '1:10 : not valid YAML: Flow sequence in block collection'],
    ['tabs', 'models:\n\t- id: a/b', '2:1 : YAML is indented with spaces, not tabs'],
    ['two documents', 'models: []\n---\nmodels: []', '2:1 : the catalog has several YAML documents'],
    ['an unknown alias', 'models: *nobody', '1:9 models: there is no anchor &nobody before this alias'],
    ['an alias of itself', 'models: &a [*a]', '1:13 models[0]: there is no anchor &a before this alias'],
    ['a merge of text', 'models: []\n<<: x', '2:1 "<<": `<<` takes a map, or a list of maps'],
    ['a key twice', 'models: []\nmodels: []', '2:1 models: the key "models" is already on line 1; keep one'],
  ])('%s', (_what, text, message) => {
    expect(problemsOf(text)[0]).toContain(message);
  });

  test('a control character that came in through an escape is found in its value', () => {
    expect(problemsOf('models: [{id: a/b, short: x, serve_args: ["\\0"]}]')).toEqual([
      '1:43 models[0].serve_args[0]: must be a single line without control characters',
    ]);
  });
});

describe('size', () => {
  const padded = (bytes: number) => `models: []\n#${'x'.repeat(bytes - 12)}`;

  test('1 MiB is allowed, one byte more is not', () => {
    expect(parseCatalog(padded(MAX_CATALOG_BYTES)).valid).toBe(true);
    expect(problemsOf(padded(MAX_CATALOG_BYTES + 1))[0]).toContain('larger than 1048576 bytes');
  });

  test('is counted in bytes, not in characters', () => {
    expect(problemsOf(`models: []\n#${'é'.repeat(MAX_CATALOG_BYTES / 2)}`)[0]).toContain('larger than 1048576 bytes');
  });
});

describe('texts made to exhaust', () => {
  const bomb = [
    'a: &a [x, x, x, x, x, x, x, x, x, x]',
    ...'bcdefghi'.split('').map((name, index) => {
      const earlier = `*${'abcdefgh'[index]}`;
      return `${name}: &${name} [${Array(10).fill(earlier).join(', ')}]`;
    }),
    'models: *i',
  ].join('\n');

  test.each([
    ['an alias bomb', bomb, 'holds more than 1000000 values once its aliases are written out'],
    [
      'a merge bomb',
      `a: &a {${Array.from({ length: 5_000 }, (_, key) => `k${key}: 1`).join(',')}}\nmodels:\n${'- <<: *a\n'.repeat(50_000)}`,
      'holds more than 1000000 values once its aliases are written out',
    ],
    [
      'aliases in aliases',
      `- &a0 [x]\n${Array.from({ length: 500 }, (_, index) => `- &a${index + 1} [*a${index}]\n`).join('')}`,
      'is nested more than 64 levels deep once its aliases are written out',
    ],
    ['deep lists', '['.repeat(1_000_000), 'nested more than 64 levels deep'],
    ['deep maps', '{a: '.repeat(250_000), 'nested more than 64 levels deep'],
    ['deep compact lists', '- '.repeat(500_000), 'nested more than 64 levels deep'],
    ['deep keys', '? '.repeat(500_000), 'nested more than 64 levels deep'],
    [
      'deep indentation',
      Array.from({ length: 1_400 }, (_, depth) => `${' '.repeat(depth)}a:`).join('\n'),
      'nested more than 64 levels deep',
    ],
    ['a key repeated', 'a: 1\n'.repeat(100_000), 'the key "a" is already on line 1'],
    ['many unknown keys', Array.from({ length: 50_000 }, (_, key) => `k${key}: 1`).join('\n'), 'unknown key'],
    ['many syntax errors', `[${','.repeat(200_000)}]`, 'not valid YAML'],
  ])(
    '%s is refused in linear time',
    (_what, text, message) => {
      const result = parseCatalog(text);
      expect(result.valid ? [] : result.problems.map((problem) => problem.message).join('\n')).toContain(message);
    },
    10_000,
  );

  test('a hundred and more uses of one alias are no attack', () => {
    const models = Array.from({ length: 500 }, (_, index) => `  - {id: a/b, short: m-${index}, serve_args: *args}\n`);
    const { models: parsed } = validCatalog(
      `models:\n  - {id: a/b, short: m, serve_args: &args ["-x"]}\n${models.join('')}`,
    );
    expect(parsed).toHaveLength(501);
  });

  test('ten thousand models are read within seconds', () => {
    const lines = Array.from(
      { length: 10_000 },
      (_, index) => `  - id: org/model-${index}\n    short: model-${index}\n`,
    );
    const started = performance.now();
    expect(validCatalog(`models:\n${lines.join('')}`).models).toHaveLength(10_000);
    // Measured at one second; the bound leaves room for a busy machine and none for anything quadratic.
    expect(performance.now() - started).toBeLessThan(10_000);
  });
});
