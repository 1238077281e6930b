import type { PublisherError } from '../errors.ts';
import { checkReports } from '../report/checks.ts';
import type { ReviewContext } from './context.ts';
import { CATALOG_PATH } from './context.ts';
import type { ReviewJob } from './types.ts';
import { writeChecks } from './write-checks.ts';

/** Fails the required check of a head whose review could not be made, with the reason. */
export async function setReviewFailure(job: ReviewJob, error: PublisherError, context: ReviewContext): Promise<void> {
  const github = await context.github(job.installationId);
  const repo = { owner: job.owner, name: job.repo };
  const pull = await github.pullRequest(repo, job.pr);
  const report = {
    catalogPath: CATALOG_PATH,
    headSha: pull.headSha,
    catalog: null,
    diff: null,
    targets: [],
    scanning: context.services.environment.scan,
    notes: [],
    failure: `The review failed (${error.code}): ${context.services.redact(error.message)}`,
  };
  await writeChecks(
    github,
    repo,
    { repoId: job.repoId, pr: job.pr, headSha: pull.headSha },
    checkReports(report),
    context,
  );
}
