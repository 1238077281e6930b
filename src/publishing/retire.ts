import type { Catalog } from '../catalog/types.ts';
import type { ReviewContext } from '../review/context.ts';
import { currentPublications, retireTarget } from '../store/publications.ts';
import { forgetModelPublication, type ModelPublication } from '../store/publishing.ts';
import type { Branch } from './branch.ts';
import { closeIssue } from './tell.ts';

/** What the catalog names no longer is looked at no longer: its tags stay. `catalog` null: none of it is left. */
export async function retireRemoved(
  branch: Branch,
  catalog: Catalog | null,
  known: ReadonlyMap<string, ModelPublication>,
  { store, logger }: Pick<ReviewContext, 'store' | 'logger'>,
): Promise<void> {
  const { catalogId } = branch;
  const runtimes = new Map(catalog?.models.map((model) => [model.short, model.runtimes]));
  for (const publication of await currentPublications(store.db, { catalog: catalogId })) {
    const { short, runtime, variant } = publication;
    if (runtimes.get(short)?.includes(runtime) === true) continue;
    await retireTarget(store.db, publication);
    logger.info({ catalog: catalogId, short, runtime, variant }, 'Publication retired');
  }
  for (const [short, row] of known) {
    if (runtimes.has(short)) continue;
    // The row is what remembers the issue, so it goes last.
    await closeIssue(branch, row);
    await forgetModelPublication(store.db, catalogId, short);
  }
}
