import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { mergeCatalogs } from '../../../src/catalog/merge.ts';
import { parseCatalog } from '../../../src/catalog/parse.ts';
import type { Catalog } from '../../../src/catalog/types.ts';

const catalog = (models: object[], defaults: object = {}, rest: object = {}): Catalog => {
  const result = parseCatalog(JSON.stringify({ defaults, models, ...rest }));
  if (!result.valid) throw new Error(result.problems.map(({ message }) => message).join('; '));
  return result.catalog;
};
const a = { id: 'acme/a', short: 'a' };
const b = { id: 'acme/b', short: 'b' };
const c = { id: 'acme/c', short: 'c' };

function merged(base: Catalog, head: Catalog, target: Catalog): Catalog {
  const result = mergeCatalogs(base, head, target);
  if (!result.ok) throw new Error(result.problems.map(({ message }) => message).join('; '));
  return result.catalog;
}

const shorts = (value: Catalog) => value.models.map(({ short }) => short);

describe('merging catalogs', () => {
  test('keeps what either side added, and drops what either removed', () => {
    expect(shorts(merged(catalog([a]), catalog([a, b]), catalog([a, c])))).toEqual(['a', 'c', 'b']);
    expect(shorts(merged(catalog([a, b]), catalog([b]), catalog([a, b, c])))).toEqual(['b', 'c']);
    expect(shorts(merged(catalog([a, b]), catalog([a, b, c]), catalog([b])))).toEqual(['b', 'c']);
  });

  test('takes the side that changed an entry, and either when both changed it alike', () => {
    const changed = { ...a, revision: 'v2' };
    expect(merged(catalog([a]), catalog([changed]), catalog([a, b])).models[0]?.revision).toBe('v2');
    expect(merged(catalog([a]), catalog([a]), catalog([changed])).models[0]?.revision).toBe('v2');
    expect(merged(catalog([a]), catalog([changed]), catalog([changed])).models[0]?.revision).toBe('v2');
  });

  test('calls an entry that both changed differently a conflict, on the line it has in head', () => {
    const head = parseCatalog('models:\n  - {id: acme/b, short: b}\n  - {id: acme/a, short: a, revision: v2}\n');
    if (!head.valid) throw new Error('the catalog is valid');
    const result = mergeCatalogs(catalog([a]), head.catalog, catalog([{ ...a, revision: 'v3' }]));
    expect(result).toMatchObject({ ok: false, problems: [{ line: 3, path: 'models.a' }] });
  });

  test('finds a short that each side added for another model', () => {
    const result = mergeCatalogs(
      catalog([]),
      catalog([{ id: 'acme/x', short: 'same' }]),
      catalog([{ id: 'acme/y', short: 'same' }]),
    );
    expect(result).toMatchObject({ ok: false, problems: [{ path: 'models.same' }] });
  });

  test('finds names that clash only together: an alias, a runtime and a registry that are gone', () => {
    const runtimes = { runtimes: { other: { engine: 'vllm', image: 'quay.io/x/y:1' } } };
    const alias = mergeCatalogs(catalog([a]), catalog([a, b]), catalog([{ ...a, aliases: ['b'] }]));
    expect(alias).toMatchObject({ ok: false, problems: [{ message: expect.stringContaining('hf-b') }] });
    const runtime = mergeCatalogs(
      catalog([a], {}, runtimes),
      catalog([a, { ...b, runtimes: ['other'] }], {}, runtimes),
      catalog([a]),
    );
    expect(runtime).toMatchObject({ ok: false, problems: [{ message: expect.stringContaining('`other`') }] });
    const registries = { registries: { own: 'registry.example.com/x' } };
    const registry = mergeCatalogs(
      catalog([a], registries),
      catalog([a, { ...b, publish: { own: true } }], registries),
      catalog([a]),
    );
    expect(registry).toMatchObject({ ok: false, problems: [{ message: expect.stringContaining('`own`') }] });
  });

  test('merges defaults key by key and registries name by name', () => {
    const base = catalog([a], {});
    const head = catalog([a], { limits: { fat_max_bytes: '1GB' }, registries: { one: 'one.example.com/x' } });
    const target = catalog([a], { scan: { fail_on: ['high'] }, registries: { two: 'two.example.com/x' } });
    const { settings } = merged(base, head, target);
    expect(settings.limits.fatMaxBytes).toBe(1e9);
    expect(settings.scan.failOn).toEqual(['high']);
    expect(Object.keys(settings.registries)).toEqual(expect.arrayContaining(['one', 'two']));
    const clash = mergeCatalogs(base, head, catalog([a], { limits: { fat_max_bytes: '2GB' } }));
    expect(clash).toMatchObject({ ok: false, problems: [{ path: 'defaults.limits' }] });
  });

  test('is what the changed side says when the other did not change', () => {
    const models = fc.uniqueArray(
      fc.record({ id: fc.constantFrom('acme/x', 'acme/y'), short: fc.stringMatching(/^[a-z]{1,3}$/) }),
      {
        selector: ({ short }) => short,
        maxLength: 6,
      },
    );
    fc.assert(
      fc.property(models, models, (one, two) => {
        const [base, other] = [catalog(one), catalog(two)];
        const sorted = (value: Catalog) => [...value.models].map(({ id, short }) => `${short}=${id}`).sort();
        expect(sorted(merged(base, other, base))).toEqual(sorted(other));
        expect(sorted(merged(base, base, other))).toEqual(sorted(other));
        expect(sorted(merged(base, other, other))).toEqual(sorted(other));
      }),
      { numRuns: 60 },
    );
  });
});
