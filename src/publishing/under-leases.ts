import { randomUUID } from 'node:crypto';
import { PublisherError } from '../errors.ts';
import { keepPublishLeases, publishGuard, publishLeaseName, releaseAll } from '../publish/publish-lease.ts';
import { type RecordPublished, recordUnderLeases } from '../publish/record-under-leases.ts';
import type { PublishContext } from '../publish/types.ts';
import type { ReviewContext } from '../review/context.ts';
import { recalled } from '../store/recalled.ts';
import { lastWritten, recordTagMove } from '../store/tag-moves.ts';

/** The parts of a publication that leases and the ledger answer for. */
export type LeasedParts = Pick<PublishContext, 'guard' | 'wrote' | 'recalls' | 'moved' | 'signal'> & {
  record: RecordPublished;
};

/** Somebody else publishes there and is expected to end: waiting for that is no failure, as any other `busy` is. */
export class LeaseTaken extends PublisherError {
  constructor() {
    super('busy', 'Somebody else is publishing to the same repositories.');
    this.name = 'LeaseTaken';
  }
}

/**
 * Does something as the only publisher of these repositories.
 *
 * @param stillWanted asked before and after every tag that moves
 * @throws LeaseTaken while somebody else publishes to one of them
 */
export async function underLeases<R>(
  repositories: readonly string[],
  { commit, stillWanted, signal }: { commit: string; stillWanted: () => Promise<boolean>; signal: AbortSignal },
  { store, logger, publishLeaseMs }: Pick<ReviewContext, 'store' | 'logger' | 'publishLeaseMs'>,
  work: (parts: LeasedParts) => Promise<R>,
): Promise<R> {
  const { db } = store;
  const options = { holder: randomUUID(), ttlMs: publishLeaseMs, logger };
  const leases = await keepPublishLeases(db, repositories.map(publishLeaseName), options);
  if (leases === null) throw new LeaseTaken();
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
