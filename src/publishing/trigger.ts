import type { Queue } from '../jobs/queue.ts';
import type { ReviewContext } from '../review/context.ts';
import type { PullRef } from '../review/types.ts';
import type { Attachment } from '../store/attachments.ts';
import { knownCatalogs } from '../store/catalogs.ts';
import type { Transaction } from '../store/database.ts';
import type { PublishJob, RepoRef } from './types.ts';

/** Has the default branch looked at. What is published already stays as it is, so asking too often only costs a look. */
export async function enqueuePublish(
  queue: Queue,
  { installationId, repoId, owner, repo }: RepoRef,
  options: { transaction?: Transaction; delayMs?: number } = {},
): Promise<void> {
  const job: PublishJob = { kind: 'catalog', installationId, repoId, owner, repo };
  await queue.enqueue('publish', job, { key: `publish ${repoId}`, ...options });
}

/** Has the previews of a pull request written, moved or removed. */
export async function enqueuePreviews(queue: Queue, pull: PullRef): Promise<void> {
  const { installationId, repoId, owner, repo, pr } = pull;
  const job: PublishJob = { kind: 'previews', installationId, repoId, owner, repo, pr };
  await queue.enqueue('publish', job, { key: `previews ${repoId}#${pr}` });
}

/** Tells the publications among those who wait for a build or a runtime that it has ended. */
export async function publishWaiting(
  attachments: readonly Attachment[],
  { store, queue }: Pick<ReviewContext, 'store' | 'queue'>,
  transaction?: Transaction,
): Promise<void> {
  const repoIds = new Set(attachments.flatMap(({ kind, repoId }) => (kind === 'publication' ? [repoId] : [])));
  for (const repoId of repoIds) {
    // One that is not known yet has its first look still ahead of it.
    for (const known of await knownCatalogs(transaction?.db ?? store.db, { repoId })) {
      await enqueuePublish(queue, known, transaction === undefined ? {} : { transaction });
    }
  }
}
