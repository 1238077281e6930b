import { z } from 'zod';
import type { Queue } from '../../jobs/queue.ts';
import type { ReleaseOptions } from '../../publish/release/options.ts';
import { CATALOG_PATH } from '../../review/context.ts';
import { pullSchema } from '../../review/types.ts';
import type { Transaction } from '../../store/database.ts';
import { catalogId } from '../../store/publications.ts';
import { requestNewRelease, requestRelease } from '../../store/releases.ts';
import type { RepoRef } from '../types.ts';

export const releaseJobSchema = pullSchema.omit({ pr: true }).extend({
  /** Name of the release; what was asked for with it is in the ledger. */
  tag: z.string(),
  /** Issue or pull request on which somebody asked for it; null for a release that was published on GitHub. */
  issue: z.number().nullable(),
});
export type ReleaseJob = z.infer<typeof releaseJobSchema>;

/**
 * Asks for a release and enqueues its job, in one transaction. Somebody who asks for it gets it anew; an event begins only what was never
 * released.
 */
export async function enqueueRelease(
  queue: Queue,
  { installationId, repoId, owner, repo }: RepoRef,
  { options, issue }: { options: ReleaseOptions; issue: number | null },
  transaction: Transaction,
): Promise<void> {
  const catalog = catalogId(repoId, CATALOG_PATH);
  if (issue !== null) await requestRelease(transaction.db, catalog, options);
  else if (!(await requestNewRelease(transaction.db, catalog, options))) return;
  const job: ReleaseJob = { installationId, repoId, owner, repo, tag: options.tag, issue };
  await queue.enqueue('release', job, { key: `release ${repoId} ${options.tag}`, transaction });
}
