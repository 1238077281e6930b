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

/**
 * One pass through a blob's content: counted, hashed and compared with what was declared. What goes wrong in the content is
 * kept in `failure`, apart from what goes wrong where the bytes go.
 */
export class Feed {
  readonly #content: BlobContent;
  readonly #onBytes: (bytes: number) => void;
  readonly #stopped = new AbortController();
  readonly #signal: AbortSignal;
  readonly #hasher = new Hasher();
  #failure: { error: unknown } | null = null;
  #complete = false;

  constructor(content: BlobContent, { signal, onBytes = () => undefined }: WriteOptions) {
    this.#content = content;
    this.#onBytes = onBytes;
    const stopped = this.#stopped.signal;
    this.#signal = signal === undefined ? stopped : AbortSignal.any([signal, stopped]);
  }

  /** The chunks. Ends normally only when size and digest are as declared. */
  async *chunks(): AsyncGenerator<Uint8Array, void, undefined> {
    try {
      for await (const chunk of this.#content.open(this.#signal)) {
        if (this.#stopped.signal.aborted) return;
        this.#hasher.update(chunk);
        if (this.#hasher.size > this.#content.size) throw this.#mismatch('download-corrupt', 'more');
        this.#onBytes(chunk.byteLength);
        yield chunk;
      }
      if (this.#hasher.size < this.#content.size) throw this.#mismatch('download-truncated', 'only');
      const { digest } = this.#content;
      if (digest !== null && digest !== this.#hasher.digest()) {
        throw new PublisherError(
          'download-corrupt',
          `Content with digest ${this.digest} came where ${digest} was declared`,
        );
      }
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
    if (this.#hasher.size > 0) this.#onBytes(-Math.min(this.#hasher.size, this.#content.size));
  }

  get failure(): { error: unknown } | null {
    return this.#failure;
  }

  /** Whether every byte came and was as declared. */
  get complete(): boolean {
    return this.#complete;
  }

  get digest(): Digest {
    return this.#hasher.digest();
  }

  get descriptor(): Descriptor {
    return { mediaType: this.#content.mediaType, digest: this.digest, size: this.#hasher.size };
  }

  #mismatch(code: 'download-corrupt' | 'download-truncated', how: string): PublisherError {
    const { size, mediaType } = this.#content;
    return new PublisherError(
      code,
      `Content of type ${mediaType} gave ${how} ${this.#hasher.size} bytes, not the ${size} declared`,
    );
  }
}
