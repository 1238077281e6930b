import type { Catalog } from '../catalog/types.ts';
import { asPublisherError } from '../errors.ts';
import type { DestinationContext } from '../plan/destinations.ts';
import type { PlannedTarget } from '../plan/types.ts';
import { conflictSentence, immutableConflicts } from '../publish/immutable-conflicts.ts';
import { type Ownership, ownershipRefusal, readOwnership } from '../publish/ownership.ts';
import { placesOf } from '../publish/places.ts';
import { publicationTags } from '../publish/publication-tags.ts';
import type { TagFields } from '../publish/tags.ts';
import { parseReference } from '../registry/reference.ts';
import type { Services } from '../services.ts';
import type { Database } from '../store/database.ts';
import { claimRepository, holderOf } from '../store/repositories.ts';
import { awaitsApproval } from './approval.ts';
import type { ReviewPlan } from './types.ts';

/** Whose repositories they may be, and whether registries may be asked: not for a fork's commit that nobody approved. */
interface Who {
  catalog: string;
  destinations: DestinationContext;
  mayAsk: boolean;
}

/** Model → every `host/repository` it is published to, aliases included. */
export type PlacesByModel = Record<string, string[]>;

/**
 * Fails the targets whose repositories may not be written: an alias that the operator does not allow, a repository of another catalog, one
 * with content of nobody knows whom. The ledger answers where it can; else marker and tags are read, once, and nothing else is asked of
 * that registry.
 *
 * @throws PublisherError, retryable, when a registry does not answer
 */
export async function refuseForeign(
  targets: readonly PlannedTarget[],
  { models, settings }: Pick<Catalog, 'models' | 'settings'>,
  who: Who,
  { db, services, signal }: { db: Database; services: Pick<Services, 'target'>; signal: AbortSignal },
): Promise<{ targets: PlannedTarget[]; places: PlacesByModel }> {
  const places: PlacesByModel = {};
  const refusals = new Map<string, string[]>();
  const owner = who.destinations.owner;
  for (const short of new Set(targets.filter(({ action }) => action === 'build').map(({ model }) => model.short))) {
    const model = models.find((candidate) => candidate.short === short);
    if (model === undefined) continue;
    const found = placesOf(model, settings, who.destinations);
    const refused = [...found.problems];
    const repositories = found.places.map(({ repository }) => repository);
    for (const repository of refused.length > 0 || !who.mayAsk ? [] : repositories) {
      const refusal = await refusalOf(repository, who.catalog, owner, { db, services, signal });
      if (refusal !== null) refused.push(refusal);
    }
    places[short] = repositories;
    refusals.set(short, refused);
  }
  return { targets: targets.map((target) => failed(target, refusals.get(target.model.short) ?? [])), places };
}

/**
 * Fails the targets that would move an immutable tag of the catalog's: found now, nothing is built for a publication that cannot be. Reads
 * only tags of templates that are immutable.
 *
 * @throws PublisherError, retryable, when a registry does not answer
 */
export async function refuseTakenTags(
  targets: readonly PlannedTarget[],
  { models, settings }: Pick<Catalog, 'models' | 'settings'>,
  { destinations, fields = {} }: { destinations: DestinationContext; fields?: TagFields },
  { services, signal }: { services: Pick<Services, 'target'>; signal: AbortSignal },
): Promise<PlannedTarget[]> {
  if (!settings.tags.some(({ immutable }) => immutable)) return [...targets];
  const open = (repository: string) => services.target(parseReference(repository), destinations.owner);
  const checked: PlannedTarget[] = [];
  for (const target of targets) {
    const model = models.find(({ short }) => short === target.model.short);
    if (target.action !== 'build' || target.inputs === null || model === undefined) {
      checked.push(target);
      continue;
    }
    const mine = targets.filter(({ action, model: { short } }) => action === 'build' && short === model.short);
    const { tags = [] } = publicationTags({ targets: mine, model, settings, fields })[mine.indexOf(target)] ?? {};
    const { places } = placesOf(model, settings, destinations, tags);
    const conflicts = await immutableConflicts(places, target.inputs, open, signal);
    checked.push(failed(target, conflicts.map(conflictSentence)));
  }
  return checked;
}

/** Claims the repositories of what is built now: the first catalog has them. Targets of those that are another's by now fail. */
export async function claimPlaces(plan: ReviewPlan, catalog: string, db: Database): Promise<ReviewPlan> {
  const refusals = new Map<string, string[]>();
  for (const target of plan.targets) {
    const { short } = target.model;
    if (target.action !== 'build' || awaitsApproval(target, plan) || refusals.has(short)) continue;
    const refused: string[] = [];
    for (const repository of plan.places[short] ?? []) {
      const holder = await claimRepository(db, repository, catalog);
      if (holder.catalog !== catalog) refused.push(sentence(repository, { state: 'other', who: holder.catalog }));
    }
    refusals.set(short, refused);
  }
  return { ...plan, targets: plan.targets.map((target) => failed(target, refusals.get(target.model.short) ?? [])) };
}

async function refusalOf(
  repository: string,
  catalog: string,
  owner: string | null,
  { db, services, signal }: { db: Database; services: Pick<Services, 'target'>; signal: AbortSignal },
): Promise<string | null> {
  const holder = await holderOf(db, repository);
  if (holder !== null) {
    return holder.catalog === catalog ? null : ownershipRefusal(repository, { state: 'other', who: holder.catalog });
  }
  try {
    const target = services.target(parseReference(repository), owner);
    return ownershipRefusal(repository, await readOwnership(target, catalog, signal));
  } catch (thrown) {
    const error = asPublisherError(thrown);
    if (error.retryable || signal.aborted) throw error;
    return `Whose ${repository} is cannot be read: ${error.message}`;
  }
}

const sentence = (repository: string, ownership: Ownership): string => ownershipRefusal(repository, ownership) ?? '';

function failed(target: PlannedTarget, refused: readonly string[]): PlannedTarget {
  if (refused.length === 0 || target.action !== 'build') return target;
  const warnings = [...refused, ...target.warnings];
  return { ...target, action: 'fail', request: null, awaits: null, inputs: null, warnings };
}
