import type { GitHub, Repo } from '../github/types.ts';
import { mayPreview, previewSteps } from '../publishing/previews.ts';
import { enqueuePreviews } from '../publishing/trigger.ts';
import { checkReports, REQUIRED_CHECK } from '../report/checks.ts';
import { commentBody } from '../report/comment.ts';
import type { ReviewReport } from '../report/types.ts';
import { verdict } from '../report/verdict.ts';
import { previewsOfPull } from '../store/previews.ts';
import { type Review, setReviewState } from '../store/reviews.ts';
import { concluding, type ReviewContext } from './context.ts';
import { reportOf } from './report-of.ts';
import { isOver } from './supersede.ts';
import type { ConcludeJob, ReviewPlan } from './types.ts';
import { writeChecks } from './write-checks.ts';

/** The marker of the one comment of a pull request. */
export const COMMENT_MARKER = 'report';

/** Makes checks and comment of a head commit say what the ledger says. Runs any number of times with the same end. */
export async function concludeReview(job: ConcludeJob, context: ReviewContext): Promise<void> {
  const { store, reviews, logger } = context;
  const review = await reviews.findReview(store.db, job);
  if (review === null || isOver(review)) return;
  const github: GitHub = await context.github(review.installationId);
  await context.locks.run(concluding(job), async () => {
    const repo: Repo = { owner: review.owner, name: review.repo };
    const current = await reviews.findReview(store.db, job);
    if (current === null || isOver(current)) return;
    const report = await reportOf(current, context);
    const checks = checkReports(report);
    const required = checks.filter(({ name }) => name === REQUIRED_CHECK);
    await writeChecks(
      github,
      repo,
      current,
      checks.filter((check) => !required.includes(check)),
      context,
    );
    const body = commentBody(report, await wasTold(job, context));
    const pull = await github.pullRequest(repo, job.pr);
    // A comment is about the head there is now; checks belong to their commit for ever.
    if (body !== null && pull.headSha === job.headSha) {
      await github.upsertComment(repo, job.pr, COMMENT_MARKER, context.services.redact(body));
    }
    // Last of all: whoever waits for it finds everything else as it should be.
    await writeChecks(github, repo, current, required, context);
    await askForPreviews(current, report, context);
    const { concluded, conclusion } = verdict(report);
    if (concluded && current.plan !== null && current.state !== 'concluded') {
      await setReviewState(store.db, current.id, 'concluded');
      logger.info(
        { repo: `${repo.owner}/${repo.name}`, pr: job.pr, head: job.headSha, conclusion },
        'Pull request concluded',
      );
    }
  });
}

/** Tags are written by a job of their own: a registry that is down must not keep GitHub from hearing. */
async function askForPreviews(
  review: Review<ReviewPlan>,
  report: ReviewReport,
  { store, queue }: ReviewContext,
): Promise<void> {
  if (!mayPreview(review)) return;
  const { write, remove } = previewSteps(report, review.pr, await previewsOfPull(store.db, review.repoId, review.pr));
  if (write.length + remove.length > 0) await enqueuePreviews(queue, review);
}

/** Whether an earlier head had a comment that must not go on saying what is no longer so. */
async function wasTold({ repoId, pr, headSha }: ConcludeJob, { store, reviews }: ReviewContext): Promise<boolean> {
  const others = await reviews.reviewsOfPull(store.db, { repoId, pr });
  return others.some(
    (other) => other.headSha !== headSha && other.plan !== null && other.plan.catalog?.kind !== 'untouched',
  );
}
