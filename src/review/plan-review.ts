import type { Catalog } from '../catalog/types.ts';
import { BaseResolver } from '../plan/bases.ts';
import { planCatalog } from '../plan/plan.ts';
import type { Pins } from '../plan/types.ts';
import { defaultPublishAllow } from '../registry/patterns.ts';
import type { Digest } from '../registry/types.ts';
import type { CatalogState } from '../report/types.ts';
import type { ReviewContext } from './context.ts';
import type { ReviewJob, ReviewPlan } from './types.ts';

export interface PlanReviewInput {
  job: ReviewJob;
  fork: boolean;
  base: Catalog | null;
  head: Catalog;
  state: CatalogState;
  /** The plans of this pull request before, the newest first: their pins hold. */
  earlier: readonly ReviewPlan[];
}

/** Plans what a pull request changes. What it resolved before stays pinned, unless the entry changed or a rebuild asks anew. */
export async function planReview(
  { job, fork, base, head, state, earlier }: PlanReviewInput,
  { services }: ReviewContext,
  signal: AbortSignal,
): Promise<ReviewPlan> {
  const pins = pinsOf(earlier, head, job.rebuild);
  const plan = await planCatalog({
    catalog: head,
    base,
    hub: services.hub(job.owner),
    pins,
    bases: new BaseResolver((reference) => services.source(reference, job.owner), pins.bases),
    context: {
      owner: job.owner,
      namespaceSuffix: '',
      publishAllow: services.publishAllow ?? defaultPublishAllow(job.owner),
      entrypointSha256: services.entrypoint.sha256,
    },
    signal,
  });
  return {
    catalog: plan.targets.length === 0 ? { kind: 'untouched' } : state,
    diff: plan.diff,
    targets: plan.targets,
    revisions: Object.fromEntries(head.models.map(({ short, revision }) => [short, revision])),
    scan: head.settings.scan,
    notes: [...plan.warnings, ...moved(earlier[0] ?? null, plan.targets)],
    awaitingApproval: fork,
    failure: null,
  };
}

/**
 * Revisions and base digests resolved earlier, of models whose id and revision are as they were. A plan in which the Hub or the
 * registry did not answer, or the catalog was broken, does not lose what one before it had pinned.
 */
export function pinsOf(earlier: readonly ReviewPlan[], head: Catalog, rebuild: ReviewJob['rebuild']): Pins {
  const pins: Pins = { revisions: {}, bases: {} };
  if (rebuild?.shorts === 'all') return pins;
  const released = new Set(rebuild?.shorts ?? []);
  const bases: Record<string, Digest> = {};
  const entries = new Map(head.models.map((entry) => [entry.short, entry]));
  for (const { targets, revisions } of earlier) {
    for (const { model, revision, base } of targets) {
      const entry = entries.get(model.short);
      if (entry === undefined || entry.id !== model.id || released.has(model.short)) continue;
      const sameField = (revisions[model.short] ?? null) === entry.revision;
      if (revision !== null && sameField) pins.revisions[model.short] ??= revision;
      if (base.digest !== null) bases[base.reference] ??= base.digest;
    }
  }
  return { ...pins, bases };
}

/** What a rebuild resolved anew, old → new. */
function moved(earlier: ReviewPlan | null, targets: ReviewPlan['targets']): string[] {
  const notes = new Set<string>();
  for (const target of targets) {
    const before = earlier?.targets.find(
      ({ model, runtime, variant }) =>
        model.short === target.model.short && runtime === target.runtime && variant === target.variant,
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
