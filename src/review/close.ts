import type { GitHub, PullRequest } from '../github/types.ts';
import { enqueuePreviews, enqueuePublish } from '../publishing/trigger.ts';
import { checkReports } from '../report/checks.ts';
import { turnIntoPublications } from '../store/attachments.ts';
import { type Review, setReviewMerged, setReviewState } from '../store/reviews.ts';
import { concluding, type ReviewContext } from './context.ts';
import { leaveBuilds } from './leave-builds.ts';
import { reportOf } from './report-of.ts';
import { endUnfinished, isOver, supersede } from './supersede.ts';
import type { ReviewPlan } from './types.ts';
import { writeChecks } from './write-checks.ts';

/**
 * A pull request that is over. Merged: what it waited for is waited for by its publication, and its checks go on to be told. Closed
 * unmerged: it leaves its builds, which are cancelled unless somebody else waits, and what is unfinished ends. Its previews go either way.
 */
export async function closeReviews(
  known: readonly Review<ReviewPlan>[],
  pull: PullRequest,
  github: GitHub,
  context: ReviewContext,
): Promise<void> {
  const { store, queue, logger } = context;
  const [newest] = known;
  if (newest === undefined) return;
  const { repoId, pr } = newest;
  if (pull.merged) {
    const turned = await turnIntoPublications(store.db, repoId, pr, pull.headSha);
    for (const review of known) {
      if (isOver(review)) continue;
      // Merged before the push that made its head was looked at: what is unfinished on older heads has no other end.
      if (review.headSha !== pull.headSha) await supersede(review, pull.headSha, github, context);
      // Told to the end: the default branch's later changes are none of its business.
      else if (review.state === 'concluded') await setReviewState(store.db, review.id, 'closed');
      else if (waitsForRuntime(review)) await endChecks(review, 'Merged: its publication goes on', github, context);
    }
    const merged = known.find(({ headSha }) => headSha === pull.headSha);
    if (merged !== undefined) await setReviewMerged(store.db, merged.id);
    await enqueuePublish(queue, newest);
    await enqueuePreviews(queue, newest);
    logger.info({ pr, builds: turned.length }, 'Pull request merged');
    return;
  }
  for (const review of known.filter((review) => !isOver(review))) {
    await endChecks(review, 'The pull request was closed', github, context);
  }
  await leaveBuilds({ repoId, pr }, [], context);
  await enqueuePreviews(queue, newest);
  logger.info({ pr }, 'Pull request closed');
}

/** What waits for a runtime is planned again when that is there, and a merged pull request is not planned any more: the publication is. */
const waitsForRuntime = ({ plan }: Review<ReviewPlan>): boolean =>
  plan?.targets.some(({ awaits }) => awaits !== null) === true;

async function endChecks(
  review: Review<ReviewPlan>,
  why: string,
  github: GitHub,
  context: ReviewContext,
): Promise<void> {
  await context.locks.run(concluding(review), async () => {
    const checks = endUnfinished(checkReports(await reportOf(review, context)), why);
    await writeChecks(github, { owner: review.owner, name: review.repo }, review, checks, context);
    await setReviewState(context.store.db, review.id, 'closed');
  });
}
