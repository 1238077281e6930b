import { randomUUID } from 'node:crypto';
import { PublisherError } from '../errors.ts';
import { type LeasedParts, leased } from '../publish/leased.ts';
import { keepPublishLeases, publishLeaseName } from '../publish/publish-lease.ts';
import type { ReviewContext } from '../review/context.ts';

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
  const options = { holder: randomUUID(), ttlMs: publishLeaseMs, logger };
  const leases = await keepPublishLeases(store.db, repositories.map(publishLeaseName), options);
  if (leases === null) throw new LeaseTaken();
  return leased(store, leases, { commit, stillWanted, signal }, work);
}
