import type { GitHub } from '../github/types.ts';
import { checkReports } from '../report/checks.ts';
import type { Review } from '../store/reviews.ts';
import type { ReviewContext } from './context.ts';
import { reportOf } from './report-of.ts';
import type { ReviewPlan } from './types.ts';
import { writeChecks } from './write-checks.ts';

/** Concludes what is unfinished on a commit that is no longer the head, naming the newer one. */
export async function supersede(
  old: Review<ReviewPlan>,
  newHead: string,
  github: GitHub,
  context: ReviewContext,
): Promise<void> {
  const title = `Superseded by ${newHead.slice(0, 12)}`;
  const unfinished = checkReports(await reportOf(old, context))
    .filter(({ status }) => status !== 'completed')
    .map((check) => ({
      ...check,
      status: 'completed' as const,
      conclusion: 'cancelled' as const,
      title,
      summary: `${title}.`,
    }));
  await writeChecks(github, { owner: old.owner, name: old.repo }, old, unfinished, context);
}
