import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseCatalog } from '../../../src/catalog/parse.ts';
import { stricterCatalog } from '../../../src/catalog/stricter.ts';
import { type Catalog, SEVERITIES } from '../../../src/catalog/types.ts';

const catalog = (defaults: object = {}, rest: object = {}): Catalog => {
  const result = parseCatalog(JSON.stringify({ defaults, models: [{ id: 'acme/a', short: 'a' }], ...rest }));
  if (!result.valid) throw new Error(result.problems.map(({ message }) => message).join('; '));
  return result.catalog;
};

describe('a pull request is judged at the stricter of two catalogs', () => {
  test('equal settings weaken nothing', () => {
    expect(stricterCatalog(catalog(), catalog(), false)).toEqual({ catalog: catalog(), weakenings: [] });
  });

  test('a longer whitelist counts only after the merge, a shorter one at once', () => {
    const longer = stricterCatalog(catalog({ spdx_permissive_whitelist: ['MIT', 'llama3'] }), catalog(), false);
    expect(longer.catalog.settings.whitelist).toEqual(['MIT']);
    expect(longer.weakenings).toEqual([expect.stringContaining('llama3')]);
    const shorter = stricterCatalog(catalog({ spdx_permissive_whitelist: ['mit'] }), catalog(), false);
    expect(shorter).toMatchObject({ catalog: { settings: { whitelist: ['mit'] } }, weakenings: [] });
  });

  test('limits, scan settings and ignores are taken at their stricter', () => {
    const ignore = [{ id: 'CVE-1', reason: 'because' }];
    const head = catalog({
      limits: { fat_max_bytes: '1TB' },
      scan: { fail_on: ['high'], ignore_unfixed: true, base_findings: 'warn', ignore },
    });
    const trusted = catalog({ scan: { fail_on: ['critical'], ignore_unfixed: false, base_findings: 'fail' } });
    const { catalog: strict, weakenings } = stricterCatalog(head, trusted, false);
    expect(strict.settings.limits.fatMaxBytes).toBe(200e9);
    expect(strict.settings.scan).toEqual({
      failOn: ['critical', 'high'],
      ignoreUnfixed: false,
      baseFindings: 'fail',
      ignore: [],
    });
    expect(weakenings).toHaveLength(5);
  });

  test('a registry that the default branch does not have gets no image, unless there is no catalog there yet', () => {
    const head = catalog({
      registries: { ghcr: 'evil.example.com/x', new: 'new.example.com/x' },
      publish: { ghcr: true, new: true, dockerhub: true },
    });
    const { catalog: strict, weakenings } = stricterCatalog(head, catalog(), false);
    expect(strict.models[0]?.publish).toEqual(['dockerhub']);
    expect(weakenings).toEqual([expect.stringMatching(/registries.*ghcr, new/)]);
    expect(stricterCatalog(head, catalog(), true).catalog.models[0]?.publish).toHaveLength(3);
  });

  test('images and platforms come from head; build, builder and smoke commands from the default branch', () => {
    const runtime = (fields: object) => ({ runtimes: { own: { engine: 'vllm', ...fields } } });
    const head = catalog({}, runtime({ image: 'quay.io/x/y:2', builder: 'buildkit', smoke: ['sh', '-c', 'id'] }));
    const { catalog: strict, weakenings } = stricterCatalog(
      head,
      catalog({}, runtime({ image: 'quay.io/x/y:1' })),
      false,
    );
    expect(strict.runtimes.find(({ name }) => name === 'own')).toMatchObject({
      image: 'quay.io/x/y:2',
      builder: 'assemble',
      smoke: null,
    });
    expect(weakenings).toEqual([expect.stringContaining('`own`')]);
  });

  describe('a runtime that is built', () => {
    const RECIPE = { target: 'final-llamacpp', args: { LLAMA_SERVER_VERSION: 'b1' } };
    const own = (fields: object) => catalog({}, { runtimes: { own: { engine: 'llamacpp', ...fields } } });
    const strict = (head: Catalog, trusted: Catalog) => {
      const { catalog: result, weakenings } = stricterCatalog(head, trusted, false);
      const runtime = result.runtimes.find(({ name }) => name === 'own');
      return { image: runtime?.image, build: runtime?.build, told: weakenings.length };
    };
    const other = { ...RECIPE, args: { LLAMA_SERVER_VERSION: 'b2' } };

    test.each([
      [
        'keeps the recipe that is trusted',
        { build: other },
        { build: RECIPE },
        { image: null, build: RECIPE, told: 1 },
      ],
      [
        'gives way to an image at once',
        { image: 'quay.io/x/y:2' },
        { build: RECIPE },
        { image: 'quay.io/x/y:2', build: null, told: 0 },
      ],
      [
        'does not take an image’s place yet',
        { build: RECIPE },
        { image: 'quay.io/x/y:1' },
        { image: 'quay.io/x/y:1', build: null, told: 1 },
      ],
    ])('%s', (_, head, trusted, expected) => {
      expect(strict(own(head), own(trusted))).toEqual(expected);
    });

    test('that nobody has merged yet stands on nothing', () => {
      expect(strict(own({ build: RECIPE }), catalog())).toEqual({ image: null, build: null, told: 1 });
    });

    test('goes where the default branch says', () => {
      const moved = stricterCatalog(catalog({ project: 'mine' }), catalog({ project: 'ours' }), false);
      expect(moved.catalog.settings.project).toBe('ours');
      expect(moved.weakenings).toEqual([expect.stringContaining('`project`')]);
    });
  });

  test('never permits what either side forbids', () => {
    const settings = fc.record({
      spdx_permissive_whitelist: fc.uniqueArray(fc.constantFrom('mit', 'isc', 'gpl-3.0', 'apache-2.0')),
      scan: fc.record({
        fail_on: fc.uniqueArray(fc.constantFrom(...SEVERITIES)),
        ignore_unfixed: fc.boolean(),
        base_findings: fc.constantFrom('warn', 'fail'),
      }),
      limits: fc.record({
        fat_max_bytes: fc.integer({ min: 1, max: 1e12 }),
        layer_max_bytes: fc.integer({ min: 1024, max: 1e12 }),
      }),
    });
    fc.assert(
      fc.property(settings, settings, (one, two) => {
        const [head, trusted] = [catalog(one), catalog(two)];
        const { settings: strict } = stricterCatalog(head, trusted, false).catalog;
        for (const side of [head.settings, trusted.settings]) {
          expect(side.whitelist).toEqual(expect.arrayContaining(strict.whitelist));
          expect(strict.scan.failOn).toEqual(expect.arrayContaining(side.scan.failOn));
          expect(strict.scan.ignoreUnfixed && !side.scan.ignoreUnfixed).toBe(false);
          expect(strict.limits.fatMaxBytes).toBeLessThanOrEqual(side.limits.fatMaxBytes);
          expect(strict.limits.layerMaxBytes).toBeLessThanOrEqual(side.limits.layerMaxBytes);
        }
      }),
      { numRuns: 60 },
    );
  });
});
