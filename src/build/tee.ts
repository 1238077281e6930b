import { PublisherError } from '../errors.ts';
import { Hasher } from '../registry/digest.ts';
import type { BlobContent, Digest } from '../registry/types.ts';

/** Bytes that the fastest reader may be ahead of the slowest. */
const MOST_AHEAD = 1024 * 1024;

/** One reader of a shared content. */
export interface Branch {
  content: BlobContent;
  /** Tells that nobody reads (on): the others need not wait for this one. */
  leave(): void;
}

/**
 * One content for several readers, read and hashed once: the slowest sets the pace, and at most {@link MOST_AHEAD} bytes wait for it.
 * Reading begins with the first reader and waits until every one has opened or left. A branch can be read once; opening it again is an error,
 * since its first bytes are gone.
 *
 *     content ──▶ pump ──┬──▶ queue ──▶ reader
 *                        ├──▶ queue ──▶ reader
 *                        └──▶ (left)              all left: the content is closed
 */
export function tee(content: BlobContent, count: number): Branch[] {
  const pump = new Pump(content, count);
  return Array.from({ length: count }, (_, at) => ({
    content: {
      mediaType: content.mediaType,
      size: content.size,
      digest: content.digest,
      open: (signal: AbortSignal) => pump.read(at, signal),
      verified: () => pump.digest,
    },
    leave: () => pump.leave(at),
  }));
}

interface Reader {
  state: 'expected' | 'reading' | 'gone';
  queue: Uint8Array[];
  queued: number;
}

class Pump {
  readonly #content: BlobContent;
  readonly #readers: Reader[];
  readonly #hasher = new Hasher();
  readonly #closed = new AbortController();
  #outcome: 'running' | 'ended' | { error: unknown } = 'running';
  #started = false;
  #bell = Promise.withResolvers<void>();

  constructor(content: BlobContent, count: number) {
    this.#content = content;
    this.#readers = Array.from({ length: count }, () => ({ state: 'expected', queue: [], queued: 0 }));
  }

  get digest(): Digest {
    return this.#hasher.digest();
  }

  async *read(at: number, signal: AbortSignal): AsyncGenerator<Uint8Array, void, undefined> {
    const reader = this.#readerAt(at);
    if (reader.state !== 'expected') {
      const text = 'What several registries take from one download is not repeated for one of them.';
      throw new PublisherError('registry-unavailable', text, { retryable: false });
    }
    reader.state = 'reading';
    if (!this.#started) {
      this.#started = true;
      this.#run().catch(() => {});
    }
    const stop = () => this.#ring();
    signal.addEventListener('abort', stop, { once: true });
    try {
      for (;;) {
        signal.throwIfAborted();
        const chunk = reader.queue.shift();
        if (chunk !== undefined) {
          reader.queued -= chunk.byteLength;
          if (reader.queued === 0) this.#ring();
          yield chunk;
        } else if (this.#outcome === 'running') await this.#bell.promise;
        else if (this.#outcome === 'ended') return;
        else throw this.#outcome.error;
      }
    } finally {
      signal.removeEventListener('abort', stop);
      this.leave(at);
    }
  }

  leave(at: number): void {
    const reader = this.#readerAt(at);
    reader.state = 'gone';
    reader.queue = [];
    reader.queued = 0;
    if (this.#readers.every(({ state }) => state === 'gone')) this.#closed.abort();
    this.#ring();
  }

  async #run(): Promise<void> {
    try {
      for await (const chunk of this.#content.open(this.#closed.signal)) {
        this.#hasher.update(chunk);
        for (const reader of this.#readers) {
          if (reader.state === 'gone') continue;
          reader.queue.push(chunk);
          reader.queued += chunk.byteLength;
        }
        this.#ring();
        while (this.#readers.some(({ queued }) => queued >= MOST_AHEAD)) await this.#bell.promise;
        if (this.#closed.signal.aborted) return;
      }
      this.#verify();
      this.#outcome = 'ended';
    } catch (error) {
      this.#outcome = { error };
    } finally {
      this.#ring();
    }
  }

  #verify(): void {
    const { size, digest } = this.#content;
    if (this.#hasher.size !== size) {
      const code = this.#hasher.size < size ? 'download-truncated' : 'download-corrupt';
      throw new PublisherError(code, `Shared content gave ${this.#hasher.size} bytes, not the ${size} declared`);
    }
    if (digest !== null && digest !== this.digest) {
      throw new PublisherError('download-corrupt', `Content with digest ${this.digest} came where ${digest} was due`);
    }
  }

  /** Wakes everybody who waits; each looks again at what concerns it. */
  #ring(): void {
    const rung = this.#bell;
    this.#bell = Promise.withResolvers();
    rung.resolve();
  }

  #readerAt(at: number): Reader {
    const reader = this.#readers[at];
    if (reader === undefined) throw new TypeError(`no branch ${at}`);
    return reader;
  }
}
