import type { ReviewContext } from '../review/context.ts';
import type { CommandJob, ReviewJob } from '../review/types.ts';

/** Has every open pull request we know of looked at again; a review whose catalogs did not change keeps its plan. */
export async function refreshPulls(
  job: Extract<CommandJob, { kind: 'refresh' }>,
  { store, reviews, queue }: ReviewContext,
): Promise<void> {
  const { installationId, repoId, owner, repo } = job;
  const open = [
    ...(await reviews.reviewsInState(store.db, repoId, 'queued')),
    ...(await reviews.reviewsInState(store.db, repoId, 'planned')),
    ...(await reviews.reviewsInState(store.db, repoId, 'building')),
    ...(await reviews.reviewsInState(store.db, repoId, 'concluded')),
  ];
  for (const pr of new Set(open.map((review) => review.pr))) {
    const review: ReviewJob = { installationId, repoId, owner, repo, pr, rebuild: null, force: false };
    await queue.enqueue('review', review, { key: `${repoId}#${pr}` });
  }
}
