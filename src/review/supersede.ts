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
    const checks = checkReports(await reportOf(old, context)).map((check) => ended(check, newHead));
    await writeChecks(github, { owner: old.owner, name: old.repo }, old, checks, context);
    await setReviewState(context.store.db, old.id, 'superseded');
  });
}

function ended(check: CheckReport, newHead: string): CheckReport {
  if (check.status === 'completed') return check;
  const title = `Superseded by ${newHead.slice(0, 12)}`;
  return { ...check, status: 'completed', conclusion: 'cancelled', title, summary: `${title}.` };
}
