import type { ReviewContext } from '../review/context.ts';
import { isOver } from '../review/supersede.ts';
import { pullsWithPreviews } from '../store/previews.ts';
import { enqueuePreviews } from './trigger.ts';
import type { RepoRef } from './types.ts';

/** Has the previews of closed pull requests removed that are still there: their registry was away for longer than the job tried. */
export async function removeStranded(ref: RepoRef, { store, reviews, queue }: ReviewContext): Promise<void> {
  for (const pr of await pullsWithPreviews(store.db, ref.repoId)) {
    const known = await reviews.reviewsOfPull(store.db, { repoId: ref.repoId, pr });
    if (known.every(isOver)) await enqueuePreviews(queue, { ...ref, pr });
  }
}
