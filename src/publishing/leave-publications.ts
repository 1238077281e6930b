import type { ReviewContext } from '../review/context.ts';
import { conclude } from '../review/review-job.ts';
import { type BuildKey, detach, publicationsWaiting } from '../store/attachments.ts';
import { cancelUnattached } from '../store/builds.ts';
import { cancelUnattachedRuntime } from '../store/runtimes.ts';

/**
 * Builds and runtimes that the default branch asks for no longer, or that are done, are waited for no longer by its publications; those
 * that nobody else waits for are cancelled. A merged pull request that still showed one is told.
 */
export async function leavePublications(
  repoId: number,
  keep: readonly BuildKey[],
  context: Pick<ReviewContext, 'store' | 'queue'>,
): Promise<void> {
  const { db } = context.store;
  const kept = new Set(keep.map(keyOf));
  for (const attachment of await publicationsWaiting(db, repoId)) {
    if (kept.has(keyOf(attachment))) continue;
    await detach(db, attachment);
    await cancelUnattached(db, attachment);
    await cancelUnattachedRuntime(db, { key: attachment.inputs, repository: attachment.destination });
    if (attachment.pr > 0) await conclude(context, attachment);
  }
}

const keyOf = ({ inputs, destination }: BuildKey): string => JSON.stringify([inputs, destination]);
