import { describe, expect, test } from 'vitest';
import { diffCatalogs } from '../../../src/catalog/diff.ts';
import { parseCatalog } from '../../../src/catalog/parse.ts';
import type { Catalog } from '../../../src/catalog/types.ts';
import { buildingRefusal, planningRefusal } from '../../../src/plan/ceilings.ts';

const ceilings = { maxModels: 20, maxChangedPerPr: 3, maxPlannedPerPr: 10, maxTargetsPerModel: 8 };

function catalog(count: number, fields: object = {}): Catalog {
  const models = Array.from({ length: count }, (_, at) => ({ id: `acme/m${at}`, short: `m${at}`, ...fields }));
  const result = parseCatalog(JSON.stringify({ models }));
  if (!result.valid) throw new Error(result.problems.map(({ message }) => message).join('; '));
  return result.catalog;
}

describe('the operator’s ceilings', () => {
  test('a catalog of too many models is not planned, whatever it changes', () => {
    const large = catalog(21);
    expect(planningRefusal(large, diffCatalogs(large, large), ceilings)).toMatch(/21 models.*20.*MAX_MODELS/);
    expect(planningRefusal(catalog(20), diffCatalogs(catalog(20), catalog(20)), ceilings)).toBeNull();
  });

  test('more changed models than are planned, or than are built, are refused with number, ceiling and setting', () => {
    const diff = diffCatalogs(null, catalog(11));
    expect(planningRefusal(catalog(11), diff, ceilings)).toMatch(/11 models.*10.*MAX_PLANNED_PER_PR/);
    expect(planningRefusal(catalog(10), diffCatalogs(null, catalog(10)), ceilings)).toBeNull();
    expect(buildingRefusal(diff, ceilings)).toMatch(/11 models.*3.*MAX_CHANGED_PER_PR/);
    expect(buildingRefusal(diffCatalogs(null, catalog(3)), ceilings)).toBeNull();
  });

  test('a touched model that multiplies too far is named; an untouched one is left alone', () => {
    const wide = catalog(1, { aliases: ['x', 'y'] });
    expect(planningRefusal(wide, diffCatalogs(null, wide), ceilings)).toMatch(
      /`m0` multiplies to 12 .* 8 \(MAX_TARGETS_PER_MODEL\)/,
    );
    expect(planningRefusal(wide, diffCatalogs(wide, wide), ceilings)).toBeNull();
  });
});
