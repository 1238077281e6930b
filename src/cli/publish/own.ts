import { PublisherError } from '../../errors.ts';
import { markRepository } from '../../publish/mark-repository.ts';
import { ownershipRefusal, readOwnership } from '../../publish/ownership.ts';
import type { PublishGuard } from '../../publish/types.ts';
import type { PublishTarget } from '../../registry/types.ts';
import { adoptRepository, claimRepository } from '../../store/repositories.ts';
import type { CommandLedger } from './ledger.ts';

/**
 * Whether a catalog may publish to repositories: those that nobody has, or it has already; with `force`, it adopts them.
 *
 * @throws PublisherError `denied` naming each that is another's, before anything else is asked of that registry
 */
export async function assertOwn(
  targets: readonly PublishTarget[],
  catalog: string,
  { ledger, force, signal }: { ledger: CommandLedger; force: boolean; signal: AbortSignal },
): Promise<void> {
  const refusals: string[] = [];
  for (const target of targets) {
    if (force) {
      await adoptRepository(ledger.store.db, target.name, catalog);
      continue;
    }
    const refusal = ownershipRefusal(target.name, await readOwnership(target, catalog, signal));
    if (refusal !== null) refusals.push(refusal);
  }
  // Nothing is claimed of a publication that does not take place.
  if (refusals.length === 0 && !force) {
    for (const { name } of targets) {
      const holder = await claimRepository(ledger.store.db, name, catalog);
      const refusal = ownershipRefusal(name, { state: 'other', who: holder.catalog });
      if (holder.catalog !== catalog && refusal !== null) refusals.push(refusal);
    }
  }
  if (refusals.length > 0) throw new PublisherError('denied', refusals.join(' '));
}

/**
 * Writes down in each repository whose it is, under its lease and before the first tags of a publication.
 *
 * @param force the repositories are adopted
 * @throws PublisherError `denied` for one that is another's by now
 */
export async function markOwn(
  targets: readonly PublishTarget[],
  catalog: string,
  {
    ledger: { store },
    force,
    parts: { guard, signal },
  }: { ledger: CommandLedger; force: boolean; parts: { guard: PublishGuard; signal: AbortSignal } },
): Promise<void> {
  for (const target of targets) {
    await markRepository(target, catalog, { db: store.db, adopted: force, guard, signal });
  }
}
