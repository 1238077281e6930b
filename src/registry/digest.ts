import { createHash } from 'node:crypto';
import type { Digest } from './types.ts';

const DIGEST = /^sha256:[0-9a-f]{64}$/;

/** Whether `text` is a sha256 digest in the canonical form of the OCI image specification ("Digests"). */
export function isDigest(text: string): text is Digest {
  return DIGEST.test(text);
}

export function digestOf(bytes: Uint8Array): Digest {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

/** The 64 hexadecimal digits of a digest. */
export function hexOf(digest: Digest): string {
  return digest.slice('sha256:'.length);
}

/** Counts and hashes what passes through it. */
export class Hasher {
  #hash = createHash('sha256');
  #size = 0;

  update(chunk: Uint8Array): void {
    this.#hash.update(chunk);
    this.#size += chunk.byteLength;
  }

  /** Bytes seen so far. */
  get size(): number {
    return this.#size;
  }

  /** The digest of everything seen; may be asked for again, and more may follow. */
  digest(): Digest {
    return `sha256:${this.#hash.copy().digest('hex')}`;
  }
}
