import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** Bytes of chunks between two collections. */
const EVERY = 32 * 1024 * 1024;

/**
 * Chunks of a stream are tiny objects with much memory behind them, so that V8 sees no reason to hurry: hundreds of MiB wait to be
 * collected. Collecting the young generation by bytes moved costs about a millisecond a time and bounds what a build holds.
 *
 * @returns to be called with the bytes of each chunk
 */
export function createCollector(): (bytes: number) => void {
  let collect: (() => void) | null = null;
  let since = 0;
  return (bytes) => {
    since += bytes;
    if (since < EVERY) return;
    since = 0;
    // Made only for a build that streams that much.
    collect ??= minorCollection();
    collect();
  };
}

function minorCollection(): () => void {
  setFlagsFromString('--expose-gc');
  const gc: unknown = runInNewContext('gc');
  // An engine without it works all the same, with more memory.
  return typeof gc === 'function' ? () => void gc({ type: 'minor' }) : () => {};
}
