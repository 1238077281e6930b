import type { TargetState } from '../report/types.ts';
import type { ReviewContext } from '../review/context.ts';
import { type ModelPublication, setModelPublication } from '../store/publishing.ts';
import type { Branch } from './branch.ts';

/**
 * Has images built again whose builds ended well and which still cannot be published: a registry lost them, or they were not scanned. Once a
 * commit: what a second build does not mend, none does. The publication waits for these builds already.
 *
 * @returns the row with that written down; null when they were built again for this commit before
 */
export async function buildAgain(
  { owner, head }: Pick<Branch, 'owner' | 'head'>,
  row: ModelPublication,
  states: readonly TargetState[],
  { store, builds, queue }: Pick<ReviewContext, 'store' | 'builds' | 'queue'>,
): Promise<ModelPublication | null> {
  if (row.details.rebuilt === head) return null;
  const rebuilt: ModelPublication = { ...row, details: { ...row.details, rebuilt: head } };
  await store.transaction(async (tx) => {
    for (const { target } of states) {
      const { request } = target;
      if (request === null) continue;
      const key = { inputs: request.key, destination: target.repositories.join(',') };
      const { queued } = await builds.requestBuild(tx.db, { ...key, owner, request, again: true });
      if (!queued) continue;
      // Layers are there or moved again; reading back those that are mends nothing.
      const options = { key: `${key.inputs} ${key.destination}`, transaction: tx };
      await queue.enqueue('build', { ...key, verify: false }, options);
    }
    await setModelPublication(tx.db, rebuilt);
  });
  return rebuilt;
}
