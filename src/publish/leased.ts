import type { Store } from '../store/open.ts';
import { recalled } from '../store/recalled.ts';
import { lastWritten, recordTagMove } from '../store/tag-moves.ts';
import { type PublishLease, publishGuard, releaseAll } from './publish-lease.ts';
import { type RecordPublished, recordUnderLeases } from './record-under-leases.ts';
import type { PublishContext } from './types.ts';

/** The parts of a publication that leases and the ledger answer for. */
export type LeasedParts = Pick<PublishContext, 'guard' | 'wrote' | 'recalls' | 'moved' | 'signal'> & {
  record: RecordPublished;
};

/**
 * Does something under leases that are held, and gives them back.
 *
 * @param stillWanted asked before and after every tag that moves
 */
export async function leased<R>(
  store: Store,
  leases: ReadonlyMap<string, PublishLease>,
  { commit, stillWanted, signal }: { commit: string | null; stillWanted: () => Promise<boolean>; signal: AbortSignal },
  work: (parts: LeasedParts) => Promise<R>,
): Promise<R> {
  const { db } = store;
  try {
    return await work({
      guard: publishGuard({ db, leases, stillWanted }),
      wrote: (repository, tag) => lastWritten(db, repository, tag),
      recalls: (repository, tag, digest) => recalled(db, { repository, tag, digest }),
      moved: (move) => recordTagMove(db, { ...move, commit }),
      record: recordUnderLeases(store, leases),
      signal: AbortSignal.any([signal, store.lost, ...[...leases.values()].map((lease) => lease.signal)]),
    });
  } finally {
    await releaseAll(leases);
  }
}
