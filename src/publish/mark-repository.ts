import { PublisherError } from '../errors.ts';
import type { PublishTarget } from '../registry/types.ts';
import type { Database } from '../store/database.ts';
import { holderOf, noteMarked } from '../store/repositories.ts';
import { type Ownership, ownershipRefusal, readOwnership, writeMarker } from './ownership.ts';
import type { PublishGuard } from './types.ts';

interface Marking {
  /** The ledger; null where there is none. */
  db: Database | null;
  /** Whether somebody who may said that the repository is to be this catalog's, whosesoever it is. */
  adopted: boolean;
  guard: PublishGuard;
  signal: AbortSignal;
}

/**
 * Makes sure, under the lease of a repository and before the first tags of a publication, that it says whose it is. Ledger and marker are
 * read again: since a publication was planned, another catalog may have adopted the repository, or written its marker from another ledger.
 *
 * @throws PublisherError `denied` unless it is this catalog's, nobody's and empty, or adopted; nothing is written then
 */
export async function markRepository(
  target: PublishTarget,
  catalog: string,
  { db, adopted, guard, signal }: Marking,
): Promise<void> {
  const { name } = target;
  const holder = db === null ? null : await holderOf(db, name);
  if (holder !== null && holder.catalog !== catalog) refuse(name, { state: 'other', who: holder.catalog });
  const ownership = await readOwnership(target, catalog, signal);
  if (ownership.state !== 'ours') {
    // Where the ledger says that our marker was there, and now there is none, the images are ours: registries tidy tags away.
    const lost = ownership.state === 'unclaimed-with-content' && holder?.marked === true;
    if (!adopted && holder?.adopted !== true && !lost) refuse(name, ownership);
    await guard(name);
    await writeMarker(target, catalog, signal);
  }
  if (db !== null) await noteMarked(db, name, catalog);
}

function refuse(repository: string, ownership: Ownership): void {
  const refusal = ownershipRefusal(repository, ownership);
  if (refusal !== null) throw new PublisherError('denied', refusal);
}
