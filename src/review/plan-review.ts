import type { Catalog, CatalogDiff } from '../catalog/types.ts';
import { BaseResolver } from '../plan/bases.ts';
import { buildingRefusal, planningRefusal } from '../plan/ceilings.ts';
import { planCatalog } from '../plan/plan.ts';
import type { TargetContext } from '../plan/target.ts';
import type { PlannedTarget } from '../plan/types.ts';
import { timeFields } from '../publish/tag-fields.ts';
import type { TagFields } from '../publish/tags.ts';
import { defaultPublishAllow } from '../registry/patterns.ts';
import { openBase, type Services } from '../services.ts';
import { catalogId } from '../store/publications.ts';
import { CATALOG_PATH, type ReviewContext } from './context.ts';
import { refuseForeign, refuseTakenTags } from './ownership.ts';
import { pinsOf } from './pins.ts';
import type { Catalogs } from './read-catalogs.ts';
import type { ReviewJob, ReviewPlan } from './types.ts';

/** What only the merge will know, for tags that name it. */
const LATER: TagFields = { branch: 'main', ...timeFields(0) };

export interface PlanReviewInput {
  job: ReviewJob;
  fork: boolean;
  approvedBy: string | null;
  catalogs: Extract<Catalogs, { kind: 'planned' }>;
  /** The plans of this pull request before, the newest first: their pins hold. */
  earlier: readonly ReviewPlan[];
  /** Models that somebody asked for on experimental runtimes before. */
  experimental: readonly string[];
}

/**
 * Plans what a pull request changes. What it resolved before stays pinned, unless the entry changed or a rebuild asks anew. The
 * operator's ceilings come before the first request.
 */
export async function planReview(
  { job, fork, approvedBy, catalogs, earlier, experimental: before }: PlanReviewInput,
  { services, store }: ReviewContext,
  signal: AbortSignal,
): Promise<ReviewPlan> {
  const { catalog, target, diff, state, weakenings, against } = catalogs;
  const { ceilings } = services.environment;
  const overrides = newOverrides(catalog, target);
  const experimental = [...new Set([...before, ...askedExperimental(job.rebuild, diff)])];
  const nothing: ReviewPlan = {
    catalog: state,
    diff,
    targets: [],
    revisions: {},
    places: {},
    experimental,
    scan: catalog.settings.scan,
    notes: [],
    fork,
    overrides,
    approvedBy,
    weakenings,
    against,
    failure: null,
  };
  const refusal = planningRefusal(catalog, diff, ceilings);
  // A diff of thousands of models is not worth keeping: the refusal has the number.
  if (refusal !== null) return { ...nothing, diff: null, overrides: [], failure: refusal };
  const pins = pinsOf(earlier, catalog, job.rebuild);
  const plan = await planCatalog({
    catalog,
    base: target,
    diff,
    experimental,
    hub: services.hub(job.owner, { patient: true }),
    pins,
    bases: new BaseResolver(openBase(services, job.owner)),
    context: planContext(job.owner, services),
    laterFields: LATER,
    signal,
  });
  const destinations = planContext(job.owner, services);
  // What is not built needs no registry, and a fork's commit is only planned: once it is approved, it is planned again.
  const failure = buildingRefusal(diff, ceilings);
  const mayAsk = failure === null && (!fork || approvedBy !== null);
  const who = { catalog: catalogId(job.repoId, CATALOG_PATH), destinations, mayAsk };
  const owned = await refuseForeign(plan.targets, catalog, who, { db: store.db, services, signal });
  const targets = mayAsk
    ? await refuseTakenTags(owned.targets, catalog, { destinations }, { services, signal })
    : owned.targets;
  const untouched = [plan.targets, plan.warnings, weakenings].every((list) => list.length === 0);
  return {
    ...nothing,
    catalog: untouched ? { kind: 'untouched' } : state,
    targets: targets.map((target) => quiet(target, services.redact)),
    places: owned.places,
    revisions: Object.fromEntries(catalog.models.map(({ short, revision }) => [short, revision])),
    notes: [...plan.warnings, ...moved(earlier[0] ?? null, plan.targets)],
    failure,
  };
}

/** A model that a later push adds was not meant by "all". */
function askedExperimental(rebuild: ReviewJob['rebuild'], { added, changed }: CatalogDiff): string[] {
  if (rebuild?.experimental !== true) return [];
  return rebuild.shorts === 'all' ? [...added, ...changed.map(({ short }) => short)] : rebuild.shorts;
}

/** What the operator and this installation add to a plan of an account's catalog. */
export function planContext(owner: string, services: Services): TargetContext {
  return {
    owner,
    namespaceSuffix: '',
    publishAllow: services.publishAllow ?? defaultPublishAllow(owner),
    entrypointSha256: services.entrypoint.sha256,
    buildkit: services.buildkit,
    recipe: services.recipe,
    maxImageBytes: services.environment.ceilings.maxImageBytes,
  };
}

/** What Hub and registry said is kept for good: without secrets, should one of them have told us ours. */
export function quiet(target: PlannedTarget, redact: (text: string) => string): PlannedTarget {
  const reasons = target.reasons.map((reason) => ({ ...reason, message: redact(reason.message) }));
  return { ...target, reasons, warnings: target.warnings.map(redact) };
}

/** Models whose licence override the target branch does not have: a person has to look before weights are shipped on its word. */
function newOverrides(catalog: Catalog, target: Catalog | null): string[] {
  const before = new Map(target?.models.map((model) => [model.short, model]));
  return catalog.models.flatMap((model) => {
    const old = before.get(model.short);
    const overrides = model.permissive === true || model.overrideSpdx !== null;
    const known =
      old?.id === model.id && old.permissive === model.permissive && old.overrideSpdx === model.overrideSpdx;
    return overrides && !known ? [model.short] : [];
  });
}

/** What a rebuild resolved anew, old → new. */
function moved(earlier: ReviewPlan | null, targets: ReviewPlan['targets']): string[] {
  const notes = new Set<string>();
  for (const target of targets) {
    const before = earlier?.targets.find(
      ({ model: { id, short }, runtime, variant }) =>
        id === target.model.id &&
        short === target.model.short &&
        runtime === target.runtime &&
        variant === target.variant,
    );
    if (before === undefined) continue;
    if (before.revision !== null && target.revision !== null && before.revision !== target.revision) {
      notes.add(`${target.model.short}: revision ${before.revision.slice(0, 12)} → ${target.revision.slice(0, 12)}`);
    }
    if (before.base.digest !== null && target.base.digest !== null && before.base.digest !== target.base.digest) {
      notes.add(`${target.model.short}: base ${before.base.digest.slice(0, 19)} → ${target.base.digest.slice(0, 19)}`);
    }
  }
  return [...notes];
}
