import { asPublisherError, type PublisherError } from '../../errors.ts';
import { inLanes } from '../lanes.ts';
import type { RuntimeRequest } from './types.ts';

/** Runtimes built at once: each already uses all of its builder. */
const AT_ONCE = 2;

export type RuntimeOutcome<T> =
  | { request: RuntimeRequest; built: T }
  | { request: RuntimeRequest; error: PublisherError };

/** Builds runtimes side by side; one that fails is an outcome and stops no other. In the order of the requests. */
export function buildAll<T>(
  requests: readonly RuntimeRequest[],
  build: (request: RuntimeRequest, signal: AbortSignal) => Promise<T>,
  signal: AbortSignal,
): Promise<RuntimeOutcome<T>[]> {
  return inLanes(requests, AT_ONCE, undefined, async (request) => {
    try {
      signal.throwIfAborted();
      return { request, built: await build(request, signal) };
    } catch (thrown) {
      return { request, error: asPublisherError(thrown) };
    }
  });
}
