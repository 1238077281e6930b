import type { GitHub, Repo } from '../github/types.ts';
import type { ReviewContext } from '../review/context.ts';
import type { ReviewPlan } from '../review/types.ts';
import { type Review, type ReviewState, setReviewMerged } from '../store/reviews.ts';

/** A pull request with a review in one of these may still be merged. */
export const OPEN_REVIEWS: ReviewState[] = ['queued', 'planned', 'building', 'concluded'];
/** Merged heads looked back at: what is older has long been published. */
export const MOST_MERGED = 200;

/**
 * The heads that were merged into a branch, the newest merge first, with what they resolved. GitHub is asked about those whose models are to
 * be published now: the push of a merge may be heard of before the merge, or the merge never.
 */
export async function mergedPlans(
  github: GitHub,
  repo: Repo,
  { repoId, branch, shorts }: { repoId: number; branch: string; shorts: ReadonlySet<string> },
  { store, reviews }: ReviewContext,
): Promise<Review<ReviewPlan>[]> {
  for (const state of OPEN_REVIEWS) {
    for (const review of await reviews.reviewsInState(store.db, repoId, state)) {
      const concerned = review.plan?.targets.some(({ model }) => shorts.has(model.short)) === true;
      if (!concerned || review.baseRef !== branch || review.mergedAt !== null) continue;
      const pull = await github.pullRequest(repo, review.pr);
      if (pull.merged && pull.headSha === review.headSha) await setReviewMerged(store.db, review.id);
    }
  }
  const merged = await reviews.mergedReviews(store.db, repoId, MOST_MERGED);
  return merged.filter(({ baseRef }) => baseRef === branch);
}
