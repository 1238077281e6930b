import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { diffCatalogs } from '../../../src/catalog/diff.ts';
import { parseCatalog } from '../../../src/catalog/parse.ts';
import type { CatalogResult } from '../../../src/catalog/types.ts';
import { validCatalog } from './support.ts';

const KEYS = [
  'models',
  'defaults',
  'runtimes',
  'id',
  'short',
  'publish',
  'tags',
  'image',
  '__proto__',
  'constructor',
  '<<',
];

/** Any YAML value, with keys that the format knows among others. */
const { value: anyValue } = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 5, depthSize: 'small' },
    fc.constantFrom(null, true, false, 'auto', 'a/b', 'x', 'linux/amd64'),
    fc.string(),
    fc.double(),
    fc.array(tie('value'), { maxLength: 4 }),
    fc
      .array(fc.tuple(fc.oneof(fc.constantFrom(...KEYS), fc.string()), tie('value')), { maxLength: 5 })
      .map((pairs) => new Map(pairs)),
  ),
}));

const short = fc.stringMatching(/^[a-z0-9]{1,6}(-[a-z0-9]{1,4})?$/);
const maybe = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined });

const model = fc.record({
  id: fc.constantFrom('a/b', 'org/name', 'gpt2'),
  revision: maybe(fc.constantFrom(null, 'main')),
  permissive: maybe(fc.constantFrom('auto', true, false)),
  gated: maybe(fc.constantFrom('auto', true, false)),
  serve_args: maybe(fc.array(fc.constantFrom('-a', '-b', '8000'), { maxLength: 3 })),
  publish: maybe(fc.dictionary(fc.constantFrom('ghcr', 'dockerhub', 'quay'), fc.boolean())),
  files: maybe(fc.record({ exclude: fc.uniqueArray(fc.constantFrom('*.bin', '*.pt')) })),
  runtimes: maybe(fc.constantFrom(['default'], ['second'], ['second', 'default'])),
});

const catalog = fc.record({
  defaults: fc.record({
    base_image: maybe(fc.constantFrom('a:1', 'b:2')),
    registries: fc.constant({ quay: 'quay.io/acme' }),
    tags: maybe(
      fc.constantFrom(['r{sha}-{variant}'], ['{date}-{variant}', { template: '{variant}', immutable: true }]),
    ),
    limits: maybe(fc.record({ fat_max_bytes: fc.constantFrom('1GB', '2GiB', 5_000) })),
  }),
  runtimes: fc.constant({ second: { engine: 'sglang', image: 'c:3' } }),
  models: fc
    .uniqueArray(fc.tuple(short, model), { maxLength: 6, selector: ([name]) => name })
    .map((models) => models.map(([name, rest]) => ({ short: name, ...rest }))),
});

function expectSound(result: CatalogResult, text: string): void {
  if (result.valid) return;
  const lines = text.split('\n').length;
  expect(result.problems.length).toBeGreaterThan(0);
  for (const { line, column, message } of result.problems) {
    expect(line).toBeGreaterThanOrEqual(1);
    expect(line).toBeLessThanOrEqual(lines);
    expect(column).toBeGreaterThanOrEqual(1);
    expect(message).not.toBe('');
  }
  const places = result.problems.map(({ line, column }) => line * 1e7 + column);
  expect(places).toEqual([...places].sort((a, b) => a - b));
}

describe('parsing never throws and always says where', () => {
  test('whatever the text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 200 }), (text) => expectSound(parseCatalog(text), text)),
      { numRuns: 500 },
    );
  });

  test('whatever YAML’s own characters are strewn in', () => {
    const pieces = fc.constantFrom(
      'models:',
      '- ',
      '? ',
      ': ',
      '{',
      '}',
      '[',
      ']',
      ',',
      '&a ',
      '*a',
      '<<: ',
      '!!set ',
      '|',
      '>',
      '"',
      "'",
      '\n',
      '  ',
      'id',
      'a/b',
      '#',
      '---',
      '%YAML 1.1\n',
      '\t',
      '\r\n',
      '~',
      '!x ',
    );
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 40 }), (list) => {
        const text = list.join('');
        expectSound(parseCatalog(text), text);
      }),
      { numRuns: 1_000 },
    );
  });

  test('whatever the structure', () => {
    fc.assert(
      fc.property(anyValue, fc.boolean(), (value, nested) => {
        const text = stringify(nested ? { models: [value], defaults: value, runtimes: { r: value } } : value);
        expectSound(parseCatalog(text), text);
      }),
      { numRuns: 500 },
    );
  });
});

describe('differences are of meaning', () => {
  test('a catalog does not differ from itself', () => {
    fc.assert(
      fc.property(catalog, (written) => {
        const parsed = validCatalog(stringify(written));
        expect(diffCatalogs(parsed, parsed)).toEqual({ added: [], changed: [], removed: [] });
      }),
      { numRuns: 100 },
    );
  });

  test('neither comments nor the order of models or keys make one', () => {
    fc.assert(
      fc.property(catalog, fc.boolean(), (written, flow) => {
        const reversed = reverseKeys({ ...written, models: [...written.models].reverse() });
        const text = stringify(reversed, flow ? { collectionStyle: 'flow' } : {});
        const again = validCatalog(`# a comment\n${text}\n# another\n`);
        expect(diffCatalogs(validCatalog(stringify(written)), again)).toEqual({ added: [], changed: [], removed: [] });
      }),
      { numRuns: 100 },
    );
  });

  test('additions one way are removals the other, and changes are the same models', () => {
    fc.assert(
      fc.property(catalog, catalog, (one, other) => {
        const [a, b] = [validCatalog(stringify(one)), validCatalog(stringify(other))];
        const [there, back] = [diffCatalogs(a, b), diffCatalogs(b, a)];
        expect([...there.added].sort()).toEqual([...back.removed].sort());
        expect(there.changed.map((change) => change.short).sort()).toEqual(
          back.changed.map((change) => change.short).sort(),
        );
      }),
      { numRuns: 100 },
    );
  });
});

/** Maps from the last key to the first, at every level; lists stay as they are. */
function reverseKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reverseKeys);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([key, inner]) => [key, reverseKeys(inner)]),
  );
}
