import { messageOf, PublisherError } from '../errors.ts';
import type { Logger } from '../log.ts';
import type { Database } from '../store/database.ts';
import { type AcquiredLease, acquireLease, holdsLease, releaseLease, renewLease } from '../store/leases.ts';
import type { PublishGuard } from './types.ts';

/** A lease that is renewed in the background. */
export interface PublishLease {
  lease: AcquiredLease;
  /** Aborted, with a PublisherError `cancelled`, when the lease is lost or may be. */
  signal: AbortSignal;
  /** Whether it may have run out by this process's own clock, which goes on while the process does not. */
  mayHaveRunOut(): boolean;
  /** Stops renewing and lets others have it. */
  release(): Promise<void>;
}

export interface PublishLeaseOptions {
  /** Unique among everything that runs. */
  holder: string;
  /** Milliseconds; renewed after a third of them. */
  ttlMs: number;
  logger: Logger;
  /** Milliseconds from any fixed point, never set back; `performance.now` unless a test has its own. */
  monotonic?: () => number;
}

/** The name of the lease over one repository, `host/repository`. */
export const publishLeaseName = (repository: string): string => `publish ${repository}`;

/**
 * Takes a lease and keeps it until it is released; null while somebody else has it. Time is counted from before a request was sent, so that
 * this side always believes the lease to end earlier than the database does.
 */
export async function keepPublishLease(
  db: Database,
  name: string,
  { holder, ttlMs, logger, monotonic = () => performance.now() }: PublishLeaseOptions,
): Promise<PublishLease | null> {
  let sent = monotonic();
  const lease = await acquireLease(db, name, holder, ttlMs);
  if (lease === null) return null;
  const lost = new AbortController();
  const mayHaveRunOut = () => monotonic() - sent >= ttlMs;
  const lose = () => lost.abort(new PublisherError('cancelled', `The lease of ${name} was lost.`, { retryable: true }));
  const renew = async () => {
    if (mayHaveRunOut()) lose();
    if (lost.signal.aborted) return;
    const now = monotonic();
    try {
      if (await renewLease(db, lease, ttlMs)) sent = now;
      else lose();
    } catch (error) {
      logger.warn({ name, error: messageOf(error) }, 'Lease not renewed');
    }
  };
  const timer = setInterval(() => void renew(), ttlMs / 3);
  return {
    lease,
    signal: lost.signal,
    mayHaveRunOut,
    async release() {
      clearInterval(timer);
      await releaseLease(db, lease);
    },
  };
}

/** Several leases as one, e.g. over every repository of a publication: all or none. Names are taken in one order, so that two never wait for each other. */
export async function keepPublishLeases(
  db: Database,
  names: readonly string[],
  options: PublishLeaseOptions,
): Promise<Map<string, PublishLease> | null> {
  const kept = new Map<string, PublishLease>();
  for (const name of [...new Set(names)].sort()) {
    const lease = await keepPublishLease(db, name, options).catch(async (error: unknown) => {
      await releaseAll(kept);
      throw error;
    });
    if (lease === null) {
      await releaseAll(kept);
      return null;
    }
    kept.set(name, lease);
  }
  return kept;
}

export async function releaseAll(kept: ReadonlyMap<string, PublishLease>): Promise<void> {
  for (const lease of kept.values()) await lease.release();
}

/**
 * The guard of a publication under leases: refuses as soon as the lease of a repository is not certainly ours, by our own clock and by the
 * database, or `stillWanted` says that something newer is.
 */
export function publishGuard({
  db,
  leases,
  stillWanted,
}: {
  db: Database;
  leases: ReadonlyMap<string, PublishLease>;
  stillWanted: (repository: string) => Promise<boolean>;
}): PublishGuard {
  return async (repository) => {
    const kept = leases.get(publishLeaseName(repository));
    if (kept === undefined) throw new PublisherError('internal', `Nobody holds a lease of ${repository}.`);
    const assertHeld = () => {
      kept.signal.throwIfAborted();
      if (!kept.mayHaveRunOut()) return;
      throw new PublisherError('cancelled', `The lease of ${repository} has run out.`, { retryable: true });
    };
    assertHeld();
    if (!(await stillWanted(repository))) {
      throw new PublisherError('cancelled', `Something newer is wanted in ${repository}.`, { retryable: true });
    }
    if (!(await holdsLease(db, kept.lease))) {
      throw new PublisherError('cancelled', `The lease of ${repository} is another's.`, { retryable: true });
    }
    // Both questions took time, in which this process may have been suspended.
    assertHeld();
  };
}
