import { createHash, type Hash } from 'node:crypto';
import { PublisherError } from '../errors.ts';
import type { HubFile } from './types.ts';

export interface Verifier {
  /** @throws PublisherError `download-corrupt` as soon as there are more bytes than declared */
  update(chunk: Uint8Array): void;
  /** @throws PublisherError `download-truncated` or `download-corrupt` */
  finish(): void;
  /** Bytes so far. */
  readonly size: number;
  /** One that goes on from here, however this one does. */
  copy(): Verifier;
}

/** Checks a download against the Hub's listing: size, and sha256 (LFS) or git blob SHA-1 (`blob <size>\0` + content). */
export function createVerifier(id: string, file: HubFile): Verifier {
  return verifierFrom(id, file, contentHash(file), 0);
}

/** The hash by which the Hub lists a file, before any of its content; hexadecimal, `sha256 ?? oid` is what it has to come to. */
export function contentHash({ size, sha256 }: Pick<HubFile, 'size' | 'sha256'>): Hash {
  return sha256 === null ? createHash('sha1').update(`blob ${size}\0`) : createHash('sha256');
}

function verifierFrom(id: string, file: HubFile, hash: Hash, from: number): Verifier {
  const expected = file.sha256 ?? file.oid;
  let size = from;
  return {
    get size() {
      return size;
    },
    copy: () => verifierFrom(id, file, hash.copy(), size),
    update(chunk) {
      size += chunk.byteLength;
      if (size > file.size) {
        const text = `${file.path} of ${id} has more than the ${file.size} bytes the Hub lists`;
        throw new PublisherError('download-corrupt', text);
      }
      hash.update(chunk);
    },
    finish() {
      if (size < file.size) throw truncated(id, file, size);
      const got = hash.digest('hex');
      if (got === expected) return;
      const kind = file.sha256 === null ? 'git SHA-1' : 'sha256';
      throw new PublisherError('download-corrupt', `${file.path} of ${id} has ${kind} ${got} instead of ${expected}`);
    },
  };
}

export function truncated(id: string, file: HubFile, got: number, cause?: unknown): PublisherError {
  const text = `${file.path} of ${id} broke off: ${got} of ${file.size} bytes arrived`;
  return new PublisherError('download-truncated', text, { cause });
}
