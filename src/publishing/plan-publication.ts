import type { Catalog, CatalogDiff } from '../catalog/types.ts';
import { BaseResolver } from '../plan/bases.ts';
import { planningRefusal } from '../plan/ceilings.ts';
import { planCatalog } from '../plan/plan.ts';
import type { TagFields } from '../publish/tags.ts';
import type { ReviewContext } from '../review/context.ts';
import { claimPlaces, refuseForeign, refuseTakenTags } from '../review/ownership.ts';
import { type PinSource, pinsOf } from '../review/pins.ts';
import { planContext, quiet } from '../review/plan-review.ts';
import { NOTHING_PLANNED } from '../review/review-job.ts';
import type { ReviewPlan } from '../review/types.ts';
import { openBase } from '../services.ts';
import type { Branch, Wanted } from './branch.ts';
import { keepShown } from './keep-shown.ts';

export interface PublicationInputs {
  pins: PinSource[];
  /** Plans of the merged pull requests that brought the models, the newest first. */
  shown: readonly ReviewPlan[];
  experimental: string[];
  tagFields: TagFields;
}

/**
 * Plans models of the default branch with what was resolved before. There is nobody to wait for: the merge approved what is on the branch.
 * The Hub is asked for gating, licence and safety again, and may deny what it permitted; revisions and bases stay.
 */
export async function planPublication(
  { owner, catalogId }: Branch,
  catalog: Catalog,
  wanted: readonly Wanted[],
  { pins, shown, experimental, tagFields }: PublicationInputs,
  { services, store }: ReviewContext,
  signal: AbortSignal,
): Promise<ReviewPlan> {
  const diff: CatalogDiff = { added: wanted.map(({ short }) => short), changed: [], removed: [] };
  const nothing: ReviewPlan = {
    ...NOTHING_PLANNED,
    catalog: { kind: 'valid', warnings: [] },
    scan: catalog.settings.scan,
    approvedBy: 'the default branch',
  };
  const refusal = planningRefusal(catalog, diff, services.environment.ceilings);
  if (refusal !== null) return { ...nothing, failure: refusal };
  const context = planContext(owner, services);
  const plan = await planCatalog({
    catalog,
    diff,
    experimental,
    hub: services.hub(owner, { patient: true }),
    pins: pinsOf(pins, catalog, null),
    bases: new BaseResolver(openBase(services, owner)),
    context,
    tagFields,
    signal,
  });
  const who = { catalog: catalogId, destinations: context, mayAsk: true };
  const owned = await refuseForeign(keepShown(plan.targets, shown), catalog, who, { db: store.db, services, signal });
  const free = await refuseTakenTags(
    owned.targets,
    catalog,
    { destinations: context, fields: tagFields },
    { services, signal },
  );
  const targets = free.map((target) => quiet(target, services.redact));
  return claimPlaces({ ...nothing, targets, places: owned.places, notes: plan.warnings }, catalogId, store.db);
}
