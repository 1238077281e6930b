import type { Catalog, CatalogDiff, Model, Runtime } from '../catalog/types.ts';

/** The operator's ceilings over what one pull request may ask for; counts. */
export interface PullCeilings {
  maxModels: number;
  maxChangedPerPr: number;
  maxPlannedPerPr: number;
  maxTargetsPerModel: number;
}

/** Why a catalog is not planned at all, naming number, ceiling and setting; null when it may be. Checked before the first request. */
export function planningRefusal(catalog: Catalog, diff: CatalogDiff, ceilings: PullCeilings): string | null {
  const { maxModels, maxPlannedPerPr, maxTargetsPerModel } = ceilings;
  if (catalog.models.length > maxModels) {
    return `The catalog has ${catalog.models.length} models, over the operator's ceiling of ${maxModels} (MAX_MODELS).`;
  }
  const touched = touchedModels(diff);
  if (touched.size > maxPlannedPerPr) {
    return `This pull request touches ${touched.size} models, over the operator's ceiling of ${maxPlannedPerPr} that are planned (MAX_PLANNED_PER_PR).`;
  }
  for (const model of catalog.models) {
    if (!touched.has(model.short)) continue;
    const refusal = targetsRefusal(model, catalog, maxTargetsPerModel);
    if (refusal !== null) return refusal;
  }
  return null;
}

/** Why a model is neither planned nor published, being more than the operator lets one multiply to; null when it is not. */
export function targetsRefusal(
  model: Model,
  { runtimes, settings }: Pick<Catalog, 'runtimes' | 'settings'>,
  ceiling: number,
): string | null {
  const count = targetsOf(model, runtimes, settings.tags.length);
  if (count <= ceiling) return null;
  return `\`${model.short}\` multiplies to ${count} targets (platforms × runtimes × registries × tags × names), over the operator's ceiling of ${ceiling} (MAX_TARGETS_PER_MODEL).`;
}

/** Why what was planned is not built; null when it may be. */
export function buildingRefusal(diff: CatalogDiff, { maxChangedPerPr }: PullCeilings): string | null {
  const count = touchedModels(diff).size;
  if (count <= maxChangedPerPr) return null;
  return `This pull request touches ${count} models, over the operator's ceiling of ${maxChangedPerPr} that are built (MAX_CHANGED_PER_PR): split it.`;
}

function touchedModels({ added, changed }: CatalogDiff): Set<string> {
  return new Set([...added, ...changed.map(({ short }) => short)]);
}

/** What one variant of a model multiplies to. */
function targetsOf(model: Model, runtimes: readonly Runtime[], tags: number): number {
  const platforms = model.runtimes.reduce(
    (sum, name) => sum + (runtimes.find((runtime) => runtime.name === name)?.platforms.length ?? 0),
    0,
  );
  return platforms * Math.max(1, model.publish.length) * Math.max(1, tags) * (1 + model.aliases.length);
}
