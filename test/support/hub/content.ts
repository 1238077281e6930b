import { createHash } from 'node:crypto';

/** Bytes that need not exist: a file of a gigabyte is a function of its seed. */
export interface Content {
  readonly size: number;
  /** Bytes `start` (included) to `end` (excluded), in pieces. */
  slice(start: number, end: number): Iterable<Buffer>;
}

const BLOCK = 1024 * 1024;

export function fixed(data: string | Uint8Array): Content {
  const bytes = Buffer.from(data);
  return {
    size: bytes.length,
    *slice(start, end) {
      if (start < end) yield bytes.subarray(start, end);
    },
  };
}

/** Pseudo-random bytes: one block expanded from the seed, each further block being that one with its number written into it. */
export function seeded(seed: string, size: number): Content {
  let first: Buffer | undefined;
  return {
    size,
    *slice(start, end) {
      first ??= expand(seed, Math.min(BLOCK, Math.max(size, 8)));
      for (let at = start; at < end; ) {
        const index = Math.floor(at / BLOCK);
        const block = Buffer.from(first);
        block.writeDoubleLE(index, 0);
        const from = at - index * BLOCK;
        const piece = block.subarray(from, Math.min(BLOCK, from + end - at));
        at += piece.length;
        yield piece;
      }
    },
  };
}

export function joined(...parts: Content[]): Content {
  return {
    size: parts.reduce((sum, { size }) => sum + size, 0),
    *slice(start, end) {
      let offset = 0;
      for (const part of parts) {
        const from = Math.max(0, start - offset);
        const to = Math.min(part.size, end - offset);
        if (from < to) yield* part.slice(from, to);
        offset += part.size;
      }
    },
  };
}

export function sha256Of(content: Content): string {
  const hash = createHash('sha256');
  for (const piece of content.slice(0, content.size)) hash.update(piece);
  return hash.digest('hex');
}

/** Git's object id for a blob of this content. */
export function gitOidOf(content: Content): string {
  const hash = createHash('sha1').update(`blob ${content.size}\0`);
  for (const piece of content.slice(0, content.size)) hash.update(piece);
  return hash.digest('hex');
}

export function bytesOf(content: Content): Buffer {
  return Buffer.concat([...content.slice(0, content.size)]);
}

/** SHA-256 in counter mode. */
function expand(seed: string, size: number): Buffer {
  const parts: Buffer[] = [];
  for (let index = 0; index * 32 < size; index++) parts.push(createHash('sha256').update(`${seed}:${index}`).digest());
  return Buffer.concat(parts).subarray(0, size);
}
