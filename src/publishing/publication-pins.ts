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
    ...merged.flatMap((review) => pinsOfMerge(review, published)),
    ...[...waiting.values()].map(ofWaiting),
    ...current.map(ofPublication),
  ];
}

/** The merged pull request that brought a model, while it is not published; null for none. */
export function broughtBy(
  short: string,
  { merged, published }: Pick<ResolvedBefore, 'merged' | 'published'>,
): number | null {
  const found = merged.find(
    (review) => isNews(review, short, published) && review.plan?.targets.some(({ model }) => model.short === short),
  );
  return found?.pr ?? null;
}

function pinsOfMerge(review: Review<ReviewPlan>, published: readonly Publication[]): PinSource[] {
  if (review.plan === null) return [];
  const targets = review.plan.targets.filter(({ model }) => isNews(review, model.short, published));
  return targets.length === 0 ? [] : [{ targets, revisions: review.plan.revisions }];
}

/** Whatever was published after a merge already had its say. */
function isNews({ mergedAt }: Review<ReviewPlan>, short: string, published: readonly Publication[]): boolean {
  const last = published.find((publication) => publication.short === short);
  return mergedAt !== null && (last === undefined || last.publishedAt < mergedAt);
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
