import type { Catalog } from '../catalog/types.ts';
import { asPublisherError, PublisherError } from '../errors.ts';
import type { JobContext } from '../jobs/worker.ts';
import type { ReviewContext } from '../review/context.ts';
import { setModelPublication } from '../store/publishing.ts';
import type { Branch, Wanted } from './branch.ts';

/** Whether no further run of the job follows: then people have to read what went wrong, as nobody reads a log. */
export function isFinal(thrown: unknown, { signal, lastAttempt }: Pick<JobContext, 'signal' | 'lastAttempt'>): boolean {
  if (signal.aborted) return false;
  // What is not one of ours is tried again by the queue.
  return lastAttempt || (thrown instanceof PublisherError && !thrown.retryable && thrown.code !== 'cancelled');
}

/**
 * Fails every model that was to be published, for a reason that is none of theirs alone. What was resolved for a model stays.
 *
 * @param pullOf the pull request that brought a model
 */
export async function giveUp(
  { catalogId, head }: Branch,
  { models }: Catalog,
  wanted: readonly Wanted[],
  { thrown, pullOf }: { thrown: unknown; pullOf: (short: string) => number | null },
  { store, services }: Pick<ReviewContext, 'store' | 'services'>,
): Promise<void> {
  const failure = services.redact(asPublisherError(thrown).message);
  for (const { short, entry, known } of wanted) {
    const model = models.find((candidate) => candidate.short === short);
    const details = {
      ...(known?.details ?? { revision: null, bases: {}, issue: false, rebuilt: null }),
      ...{ model: model?.id ?? '', wanted: model?.revision ?? null, pr: pullOf(short) ?? known?.details.pr ?? null },
      ...{ failure, notes: [], told: false },
    };
    const same = known?.details.model === details.model && known.details.wanted === details.wanted;
    const resolved = same ? {} : { revision: null, bases: {} };
    await setModelPublication(store.db, {
      ...{ catalog: catalogId, short, state: 'failed', entry, commit: head },
      details: { ...details, ...resolved },
    });
  }
}
