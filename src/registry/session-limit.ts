import type { Clock } from '../clock.ts';

/** What is left is for what still has to be said when all bytes are sent. */
const USABLE = 0.95;

/** Milliseconds of an upload's time that may be used for its bytes. */
export function usableMs(maxSessionMs: number): number {
  return maxSessionMs * USABLE;
}

/** Ends a stream before the registry does: its time is up whether the source or the registry was the slow one. */
export class SessionLimit implements Disposable {
  /** Aborted when the time is up, or with the caller's own signal. */
  readonly signal: AbortSignal;
  readonly #up = new AbortController();
  readonly #stopped = new AbortController();

  constructor(clock: Clock, maxSessionMs: number | null, signal?: AbortSignal) {
    this.signal = signal === undefined ? this.#up.signal : AbortSignal.any([signal, this.#up.signal]);
    if (maxSessionMs === null) return;
    const until = clock.now() + usableMs(maxSessionMs);
    const watch = async () => {
      for (let left = until - clock.now(); left > 0; left = until - clock.now()) {
        await clock.sleep(left, this.#stopped.signal);
      }
      if (!this.#stopped.signal.aborted) this.#up.abort(new Error('the time for this upload is up'));
    };
    watch().catch(() => undefined);
  }

  get expired(): boolean {
    return this.#up.signal.aborted;
  }

  stop(): void {
    this.#stopped.abort();
  }

  [Symbol.dispose](): void {
    this.stop();
  }
}
