import { type BuildKey, detachPull } from '../store/attachments.ts';
import { cancelUnattached } from '../store/builds.ts';
import { cancelUnattachedRuntime } from '../store/runtimes.ts';
import type { ReviewContext } from './context.ts';

/** Builds and runtimes that a pull request no longer waits for are cancelled, unless somebody else does; all but those to `keep`. */
export async function leaveBuilds(
  { repoId, pr }: { repoId: number; pr: number },
  keep: readonly BuildKey[],
  { store }: Pick<ReviewContext, 'store'>,
): Promise<void> {
  for (const left of await detachPull(store.db, repoId, pr, keep)) {
    await cancelUnattached(store.db, left);
    await cancelUnattachedRuntime(store.db, { key: left.inputs, repository: left.destination });
  }
}
