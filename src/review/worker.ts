import { runCommand } from '../commands/run-command.ts';
import { asPublisherError } from '../errors.ts';
import type { JobContext } from '../jobs/worker.ts';
import { workMirrors } from '../publish/mirror/work.ts';
import { runPublish } from '../publishing/publish-job.ts';
import { runRelease } from '../publishing/release/release-job.ts';
import { releaseJobSchema } from '../publishing/release/request-release.ts';
import { publishJobSchema } from '../publishing/types.ts';
import { runRescan } from '../watch/rescan-job.ts';
import { rescanJobSchema } from '../watch/types.ts';
import { runBuild } from './build-job.ts';
import { concludeReview } from './conclude-job.ts';
import type { ReviewContext } from './context.ts';
import { setReviewFailure } from './failure.ts';
import { reviewPull } from './review-job.ts';
import { runRuntime } from './runtime-job.ts';
import {
  buildJobSchema,
  commandJobSchema,
  concludeJobSchema,
  type ReviewJob,
  reviewJobSchema,
  runtimeJobSchema,
} from './types.ts';

/** Builds at once in one process; each streams in bounded memory. What one account may have at once is less. */
const BUILDS = 6;
/** Builders compile and unpack: each wants processors and disk. */
const RUNTIMES = 2;
/** Publications move tags and few bytes; one that waits for its registry must not hold up another's. */
const PUBLICATIONS = 4;

/** Begins to run all jobs of the product in this process. */
export function startWorkers(context: ReviewContext): void {
  const { queue } = context;
  queue.work('review', { concurrency: 4, data: reviewJobSchema }, (job) => runReview(job, context));
  queue.work('build', { concurrency: BUILDS, data: buildJobSchema }, (job) => runBuild(job, context));
  queue.work('runtime', { concurrency: RUNTIMES, data: runtimeJobSchema }, (job) => runRuntime(job, context));
  queue.work('publish', { concurrency: PUBLICATIONS, data: publishJobSchema }, (job) => runPublish(job, context));
  // One scan after another anyway, see `serialScanner`.
  queue.work('rescan', { concurrency: 1, data: rescanJobSchema }, (job) => runRescan(job, context));
  queue.work('command', { concurrency: 4, data: commandJobSchema }, ({ data }) => runCommand(data, context));
  workMirrors(context);
  queue.work('release', { concurrency: 2, data: releaseJobSchema }, (job) => runRelease(job, context));
  queue.work('conclude', { concurrency: 4, data: concludeJobSchema }, ({ data }) => concludeReview(data, context));
}

/** A review that cannot be made has to be told where people look: in the required check. */
export async function runReview(job: JobContext & { data: ReviewJob }, context: ReviewContext): Promise<void> {
  try {
    await reviewPull(job.data, context, job.signal);
  } catch (thrown) {
    const error = asPublisherError(thrown);
    context.logger.error(
      { pr: job.data.pr, code: error.code, error: context.services.redact(error.message) },
      'Review failed',
    );
    const final = !job.signal.aborted && (job.lastAttempt || !error.retryable);
    if (final) await setReviewFailure(job.data, error, context);
    throw error;
  }
}
