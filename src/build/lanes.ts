import { cancelled } from '../http/retry.ts';

/**
 * Runs a task for every item, at most `width` at once; results come in the items' order. After the first failure no further item
 * is started; running tasks are aborted through their signal and awaited before the failure is rethrown.
 *
 * @throws the first failure; PublisherError `cancelled` when the signal ended it between two tasks
 */
export async function inLanes<T, R>(
  items: readonly T[],
  width: number,
  signal: AbortSignal | undefined,
  task: (item: T, signal: AbortSignal) => Promise<R>,
): Promise<R[]> {
  const failure = new AbortController();
  const either = signal === undefined ? failure.signal : AbortSignal.any([signal, failure.signal]);
  const results: R[] = [];
  const queue = items.entries();
  const lane = async () => {
    for (const [at, item] of queue) {
      if (signal?.aborted) throw cancelled(signal);
      failure.signal.throwIfAborted();
      results[at] = await task(item, either);
    }
  };
  const settled = await Promise.allSettled(
    Array.from({ length: Math.min(width, items.length) }, () =>
      lane().catch((thrown: unknown) => {
        failure.abort(thrown);
        throw thrown;
      }),
    ),
  );
  // The first abort's reason is the first failure: later ones are its echo.
  if (failure.signal.aborted) throw failure.signal.reason;
  for (const lane of settled) if (lane.status === 'rejected') throw lane.reason;
  return results;
}
