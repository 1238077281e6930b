import { PublisherError } from '../errors.ts';
import { digestOf, Hasher } from './digest.ts';
import type { BlobContent, Descriptor, Digest, ImageTarget, WriteOptions } from './types.ts';

/** Bytes in memory as the content of a blob. */
export function blobOf(bytes: Uint8Array, mediaType: string): BlobContent & { digest: Digest } {
  return {
    mediaType,
    size: bytes.byteLength,
    digest: digestOf(bytes),
    async *open() {
      if (bytes.byteLength > 0) yield bytes;
    },
  };
}

/** Writes bytes unless the target has them. */
export async function ensureBlob(
  target: ImageTarget,
  bytes: Uint8Array,
  mediaType: string,
  options: WriteOptions = {},
): Promise<Descriptor> {
  const descriptor = { mediaType, digest: digestOf(bytes), size: bytes.byteLength };
  if (await target.has(descriptor, options)) return descriptor;
  return target.write(blobOf(bytes, mediaType), options);
}

/** What was reported as sent, so that it can be taken back. */
export class Tally {
  #reported = 0;
  readonly #onBytes: (bytes: number) => void;

  constructor(onBytes: (bytes: number) => void = () => undefined) {
    this.#onBytes = onBytes;
  }

  add(bytes: number): void {
    this.#reported += bytes;
    this.#onBytes(bytes);
  }

  rewind(): void {
    if (this.#reported > 0) this.add(-this.#reported);
  }
}

/**
 * One pass through a blob's content: counted, hashed and compared with what was declared. What goes wrong in the content is
 * kept in `failure`, apart from what goes wrong where the bytes go.
 *
 *     chunks ──▶ … ──▶ size and digest as declared ──▶ onDigest ──▶ the last chunk ──▶ end
 *
 * The last chunk waits for all that, so that a request with a Content-Length cannot be complete before its content is known to be good.
 */
export class Feed {
  readonly #content: BlobContent;
  readonly #tally: Tally;
  readonly #onDigest: WriteOptions['onDigest'];
  readonly #stopped = new AbortController();
  readonly #signal: AbortSignal;
  readonly #hasher: Hasher | null;
  #size = 0;
  #digest: Digest | null = null;
  #failure: { error: unknown } | null = null;
  #complete = false;

  constructor(content: BlobContent, { signal, onBytes, onDigest }: WriteOptions) {
    this.#content = content;
    this.#tally = new Tally(onBytes);
    this.#onDigest = onDigest;
    this.#hasher = content.verified === undefined ? new Hasher() : null;
    const stopped = this.#stopped.signal;
    this.#signal = signal === undefined ? stopped : AbortSignal.any([signal, stopped]);
  }

  /** The chunks. Ends normally only when size and digest are as declared. */
  async *chunks(): AsyncGenerator<Uint8Array, void, undefined> {
    try {
      let held: Uint8Array | null = null;
      for await (const chunk of this.#content.open(this.#signal)) {
        if (this.#stopped.signal.aborted) return;
        this.#hasher?.update(chunk);
        this.#size += chunk.byteLength;
        if (this.#size > this.#content.size) throw this.#mismatch('download-corrupt', 'more');
        this.#tally.add(chunk.byteLength);
        if (held !== null) yield held;
        held = chunk;
      }
      if (this.#stopped.signal.aborted) return;
      this.#digest = this.#verify();
      await this.#onDigest?.(this.descriptor);
      if (held !== null) yield held;
      this.#complete = true;
    } catch (error) {
      // Once nobody wants the content, it may complain about that; nobody listens.
      if (this.#stopped.signal.aborted) return;
      this.#failure = { error };
      throw error;
    }
  }

  /** Tells the content that nobody reads on. */
  stop(): void {
    this.#stopped.abort();
  }

  /** Takes back what was reported as sent, because it will be sent again. */
  rewind(): void {
    this.#tally.rewind();
  }

  get failure(): { error: unknown } | null {
    return this.#failure;
  }

  /** Whether every byte came and was as declared; the last ones may be on their way to the reader. */
  get verified(): boolean {
    return this.#digest !== null;
  }

  /** Whether the reader took every byte, too. */
  get complete(): boolean {
    return this.#complete;
  }

  /** Of verified content. */
  get digest(): Digest {
    if (this.#digest === null) {
      throw new PublisherError('internal', 'The digest of content was asked for before its end');
    }
    return this.#digest;
  }

  get descriptor(): Descriptor {
    return { mediaType: this.#content.mediaType, digest: this.digest, size: this.#size };
  }

  #verify(): Digest {
    if (this.#size < this.#content.size) throw this.#mismatch('download-truncated', 'only');
    const { digest, verified } = this.#content;
    const found = this.#hasher?.digest() ?? verified?.();
    if (found === undefined) throw new PublisherError('internal', 'Content has neither been hashed nor hashed itself');
    if (digest !== null && digest !== found) {
      throw new PublisherError('download-corrupt', `Content with digest ${found} came where ${digest} was declared`);
    }
    return found;
  }

  #mismatch(code: 'download-corrupt' | 'download-truncated', how: string): PublisherError {
    const { size, mediaType } = this.#content;
    return new PublisherError(
      code,
      `Content of type ${mediaType} gave ${how} ${this.#size} bytes, not the ${size} declared`,
    );
  }
}
