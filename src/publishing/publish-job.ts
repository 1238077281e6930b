import { asPublisherError } from '../errors.ts';
import type { JobContext } from '../jobs/worker.ts';
import type { ReviewContext } from '../review/context.ts';
import { settlePreviews } from './previews.ts';
import { publishCatalog } from './publish-catalog.ts';
import type { PublishJob } from './types.ts';

/** Jobs of the `publish` queue. */
export async function runPublish(job: JobContext & { data: PublishJob }, context: ReviewContext): Promise<void> {
  try {
    if (job.data.kind === 'previews') await settlePreviews(job.data, context, job.signal);
    else await publishCatalog(job.data, job, context);
  } catch (thrown) {
    const error = asPublisherError(thrown);
    const { kind, owner, repo } = job.data;
    const fields = { kind, repo: `${owner}/${repo}`, code: error.code, error: context.services.redact(error.message) };
    context.logger.warn(fields, 'Publication interrupted');
    throw error;
  }
}
