import type { Catalog } from '../catalog/types.ts';
import { messageOf } from '../errors.ts';
import type { DestinationContext } from '../plan/destinations.ts';
import type { PlannedTarget } from '../plan/types.ts';
import { conflictSentence, immutableConflicts } from './immutable-conflicts.ts';
import { placesOf } from './places.ts';
import { publicationTags } from './publication-tags.ts';
import type { TagFields } from './tags.ts';
import type { PublishContext } from './types.ts';

export interface TakenOptions extends Pick<PublishContext, 'open' | 'signal'> {
  catalog: Catalog;
  context: DestinationContext;
  /** Of the catalog's commit and branch. */
  fields?: TagFields;
  /** Milliseconds for all of them, after which the rest is not known. */
  patienceMs: number;
}

/**
 * A plan whose immutable tags name other images already fails where it does, before anything is built. Nothing is asked where the catalog has
 * no immutable templates. A registry that does not answer is a warning: publishing looks again.
 */
export async function failTaken(targets: readonly PlannedTarget[], options: TakenOptions): Promise<PlannedTarget[]> {
  const { catalog } = options;
  if (!catalog.settings.tags.some(({ immutable }) => immutable)) return [...targets];
  const told = new Map<PlannedTarget, PlannedTarget>();
  const patience = AbortSignal.timeout(options.patienceMs);
  for (const model of catalog.models) {
    const building = targets.filter(({ action, model: { short } }) => action === 'build' && short === model.short);
    const rendered = publicationTags({ ...options, targets: building, model, settings: catalog.settings });
    const { places } = placesOf(model, catalog.settings, options.context);
    for (const [at, target] of building.entries()) {
      const tags = rendered[at]?.tags ?? [];
      const tagged = places.map((place) => ({ ...place, tags }));
      told.set(target, await failIfTaken(target, tagged, options, patience));
    }
  }
  return targets.map((target) => told.get(target) ?? target);
}

async function failIfTaken(
  target: PlannedTarget,
  places: Parameters<typeof immutableConflicts>[0],
  { open, signal }: TakenOptions,
  patience: AbortSignal,
): Promise<PlannedTarget> {
  if (target.inputs === null) return target;
  try {
    const conflicts = await immutableConflicts(places, target.inputs, open, AbortSignal.any([signal, patience]));
    if (conflicts.length === 0) return target;
    const warnings = [...conflicts.map(conflictSentence), ...target.warnings];
    return { ...target, action: 'fail', request: null, awaits: null, inputs: null, warnings };
  } catch (error) {
    signal.throwIfAborted();
    const warning = `Whether its immutable tags are free is not known: ${messageOf(error)}`;
    return { ...target, warnings: [...target.warnings, warning] };
  }
}
