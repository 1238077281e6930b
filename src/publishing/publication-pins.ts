import type { PinSource } from '../review/pins.ts';
import type { ReviewPlan } from '../review/types.ts';
import type { Publication } from '../store/publications.ts';
import type { ModelPublication } from '../store/publishing.ts';
import type { Review } from '../store/reviews.ts';

/** What may have resolved a model before, each as the ledger has it. */
export interface ResolvedBefore {
  /** The newest merge first. */
  merged: readonly Review<ReviewPlan>[];
  /** What waits for its builds. */
  waiting: ReadonlyMap<string, ModelPublication>;
  /** Every publication of the catalog, the newest first. */
  published: readonly Publication[];
}

/**
 * What pins the models that are published now, in this order: merged pull requests that have not been published since, what this
 * publication itself resolved and waits with, what is published.
 */
export function pinSources({ merged, waiting, published }: ResolvedBefore): PinSource[] {
  const current = published.filter(({ state }) => state === 'published');
  return [
    ...merged.flatMap((review) => pinsOfMerge(review, { merged, published })),
    ...[...waiting.values()].map(ofWaiting),
    ...current.map(ofPublication),
  ];
}

/** The merged pull request that brought a model, while it is not published; null for none. */
export function broughtBy(short: string, before: Merges): number | null {
  const found = newsOf(short, before).find((review) => review.plan?.targets.some(({ model }) => model.short === short));
  return found?.pr ?? null;
}

type Merges = Pick<ResolvedBefore, 'merged' | 'published'>;

function pinsOfMerge(review: Review<ReviewPlan>, before: Merges): PinSource[] {
  if (review.plan === null) return [];
  const targets = review.plan.targets.filter(({ model }) => newsOf(model.short, before).includes(review));
  return targets.length === 0 ? [] : [{ targets, revisions: review.plan.revisions }];
}

/**
 * Merges that no publication of a model was made for yet: those after the last one that is recorded with it, which stands for all before.
 * Not by time: a merge may come after the last look at the branch and before the publication is recorded.
 */
function newsOf(short: string, { merged, published }: Merges): Review<ReviewPlan>[] {
  const recorded = new Set(published.flatMap((one) => (one.short === short && one.pr !== null ? [one.pr] : [])));
  const known = merged.filter(({ mergedAt }) => mergedAt !== null);
  const last = known.findIndex(({ pr }) => recorded.has(pr));
  return last === -1 ? known : known.slice(0, last);
}

function ofWaiting({ short, details }: ModelPublication): PinSource {
  const { model, revision, bases, wanted } = details;
  const target = { model: { id: model, short }, revision };
  const targets = Object.entries(bases).map(([reference, digest]) => ({ ...target, base: { reference, digest } }));
  const none = { ...target, base: { reference: '', digest: null } };
  return { targets: targets.length === 0 ? [none] : targets, revisions: { [short]: wanted } };
}

function ofPublication({ model, short, revision, base, wanted }: Publication): PinSource {
  return { targets: [{ model: { id: model, short }, revision, base }], revisions: { [short]: wanted } };
}
