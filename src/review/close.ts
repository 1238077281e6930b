import type { GitHub, PullRequest } from '../github/types.ts';
import type { PlannedTarget } from '../plan/types.ts';
import { checkReports } from '../report/checks.ts';
import { turnIntoPublications } from '../store/attachments.ts';
import { type Review, setReviewState } from '../store/reviews.ts';
import { concluding, type ReviewContext } from './context.ts';
import { leaveBuilds } from './leave-builds.ts';
import { reportOf } from './report-of.ts';
import { endUnfinished, isOver, supersede } from './supersede.ts';
import type { ReviewPlan } from './types.ts';
import { writeChecks } from './write-checks.ts';

/**
 * A pull request that is over. Merged: what it waited for is waited for by its publication, and its checks go on to be told. Closed
 * unmerged: it leaves its builds, which are cancelled unless somebody else waits, and what is unfinished ends.
 */
export async function closeReviews(
  known: readonly Review<ReviewPlan>[],
  pull: PullRequest,
  github: GitHub,
  context: ReviewContext,
): Promise<void> {
  const { store, logger } = context;
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
      else await endWaiting(review, context);
    }
    logger.info({ pr, builds: turned.length }, 'Pull request merged');
    return;
  }
  for (const review of known.filter((review) => !isOver(review))) {
    await context.locks.run(concluding(review), async () => {
      const checks = endUnfinished(checkReports(await reportOf(review, context)), 'The pull request was closed');
      await writeChecks(github, { owner: review.owner, name: review.repo }, review, checks, context);
      await setReviewState(store.db, review.id, 'closed');
    });
  }
  await leaveBuilds({ repoId, pr }, [], context);
  logger.info({ pr }, 'Pull request closed');
}

/**
 * What waits for a runtime is planned when that is there, and a merged pull request is not planned any more: it ends here. The runtime itself is
 * built to the end, for whatever publishes the merge.
 */
async function endWaiting(review: Review<ReviewPlan>, { store, reviews, queue }: ReviewContext): Promise<void> {
  const { plan, id, repoId, pr, headSha } = review;
  if (plan === null || plan.targets.every(({ awaits }) => awaits === null)) return;
  const targets = plan.targets.map((target): PlannedTarget => {
    if (target.awaits === null) return target;
    const why = `Merged before runtime \`${target.awaits.runtime.name}\` was there: nothing was built.`;
    return { ...target, action: 'fail', awaits: null, warnings: [why, ...target.warnings] };
  });
  await store.transaction(async (tx) => {
    await reviews.setReviewPlan(tx.db, id, { ...plan, targets }, review.state);
    await queue.enqueue('conclude', { repoId, pr, headSha }, { key: `${repoId}#${pr}@${headSha}`, transaction: tx });
  });
}
