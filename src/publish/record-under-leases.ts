import { PublisherError } from '../errors.ts';
import type { Transaction } from '../store/database.ts';
import { lockLeases } from '../store/leases.ts';
import type { Store } from '../store/open.ts';
import type { PublishLease } from './publish-lease.ts';

/** Writes down what was published, all or nothing, unless somebody else publishes there by now. No network inside. */
export type RecordPublished = (write: (tx: Transaction) => Promise<void>) => Promise<void>;

/**
 * What a publisher that was suspended after its last tag would write down is old: its leases are others', and so are the tags. The rows of
 * the leases are locked before it is compared whose they are, so that whoever takes one over writes afterwards.
 *
 * @throws PublisherError `cancelled` when a lease is another's; nothing is written then
 */
export function recordUnderLeases(
  store: Pick<Store, 'transaction'>,
  leases: ReadonlyMap<string, PublishLease>,
): RecordPublished {
  const held = [...leases.values()].map(({ lease }) => lease);
  return (write) =>
    store.transaction(async (tx) => {
      if (!(await lockLeases(tx.db, held))) {
        throw new PublisherError('cancelled', 'Somebody else publishes there by now.', { retryable: true });
      }
      await write(tx);
    });
}
