import type { PublisherError } from '../errors.ts';
import type { ReviewContext } from './context.ts';
import { conclude, factsOf, NOTHING_PLANNED } from './review-job.ts';
import type { ReviewJob } from './types.ts';

/** Fails the required check of a head whose review could not be made, with the reason: in the ledger first, like everything. */
export async function setReviewFailure(job: ReviewJob, error: PublisherError, context: ReviewContext): Promise<void> {
  const { reviews, services, store } = context;
  const github = await context.github(job.installationId);
  const pull = await github.pullRequest({ owner: job.owner, name: job.repo }, job.pr);
  const review = await reviews.beginReview(store.db, factsOf(job, pull));
  const failure = `The review failed (${error.code}): ${services.redact(error.message)}`;
  // Depending on nothing, it is made again by whatever comes next.
  const plan = { ...(review.plan ?? NOTHING_PLANNED), against: null, failure };
  await reviews.setReviewPlan(store.db, review.id, plan, 'planned');
  await conclude(context, review);
}
