import type { GitHub } from '../github/types.ts';
import { checkReports } from '../report/checks.ts';
import type { CheckReport } from '../report/types.ts';
import { type Review, setReviewState } from '../store/reviews.ts';
import { concluding, type ReviewContext } from './context.ts';
import { reportOf } from './report-of.ts';
import type { ReviewPlan } from './types.ts';
import { writeChecks } from './write-checks.ts';

/**
 * Ends the review of a commit that is no longer the head. What is unfinished on it concludes `cancelled`, naming the newer one;
 * what has finished is written once more, since the job that would have told GitHub may come too late to do so.
 */
export async function supersede(
  old: Review<ReviewPlan>,
  newHead: string,
  github: GitHub,
  context: ReviewContext,
): Promise<void> {
  await context.locks.run(concluding(old), async () => {
    const title = `Superseded by ${newHead.slice(0, 12)}`;
    const checks = endUnfinished(checkReports(await reportOf(old, context)), title);
    await writeChecks(github, { owner: old.owner, name: old.repo }, old, checks, context);
    await setReviewState(context.store.db, old.id, 'superseded');
  });
}

/** Whether the last word on a head's checks was written: nothing may be told of it any more. */
export function isOver({ state }: Pick<Review<ReviewPlan>, 'state'>): boolean {
  return state === 'superseded' || state === 'closed';
}

/** What has not concluded by itself concludes as cancelled, saying why. */
export function endUnfinished(checks: CheckReport[], title: string): CheckReport[] {
  return checks.map((check) =>
    check.status === 'completed'
      ? check
      : { ...check, status: 'completed', conclusion: 'cancelled', title, summary: `${title}.`, actions: [] },
  );
}
