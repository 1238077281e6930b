import type { Catalog, CatalogDiff } from '../catalog/types.ts';
import { PublisherError } from '../errors.ts';
import { BaseResolver } from '../plan/bases.ts';
import { planningRefusal } from '../plan/ceilings.ts';
import { planCatalog } from '../plan/plan.ts';
import type { PlannedTarget } from '../plan/types.ts';
import type { TagFields } from '../publish/tags.ts';
import type { ReviewContext } from '../review/context.ts';
import { claimPlaces, type PlacesByModel, refuseForeign, refuseTakenTags } from '../review/ownership.ts';
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

export interface PublicationPlan {
  plan: ReviewPlan;
  /** By `short`: why nobody can say yet whether its repositories and tags are free. Its targets are as planned; none may be built. */
  unanswered: ReadonlyMap<string, PublisherError>;
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
): Promise<PublicationPlan> {
  const diff: CatalogDiff = { added: wanted.map(({ short }) => short), changed: [], removed: [] };
  const nothing: ReviewPlan = {
    ...NOTHING_PLANNED,
    catalog: { kind: 'valid', warnings: [] },
    scan: catalog.settings.scan,
    approvedBy: 'the default branch',
  };
  const refusal = planningRefusal(catalog, diff, services.environment.ceilings);
  if (refusal !== null) return { plan: { ...nothing, failure: refusal }, unanswered: new Map() };
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
  const targets: PlannedTarget[] = [];
  const places: PlacesByModel = {};
  const unanswered = new Map<string, PublisherError>();
  // Each model by itself: a registry that does not answer for one holds up no other.
  const kept = keepShown(plan.targets, shown);
  for (const short of new Set(kept.map(({ model }) => model.short))) {
    const mine = kept.filter(({ model }) => model.short === short);
    try {
      const owned = await refuseForeign(mine, catalog, who, { db: store.db, services, signal });
      Object.assign(places, owned.places);
      const tags = { destinations: context, fields: tagFields };
      targets.push(...(await refuseTakenTags(owned.targets, catalog, tags, { services, signal })));
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof PublisherError)) throw error;
      unanswered.set(short, error);
      targets.push(...mine);
    }
  }
  const told = targets.map((target) => quiet(target, services.redact));
  const planned = await claimPlaces({ ...nothing, targets: told, places, notes: plan.warnings }, catalogId, store.db);
  return { plan: planned, unanswered };
}
