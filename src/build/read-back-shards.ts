import { createHash, type Hash } from 'node:crypto';
import { contentHash } from '../huggingface/verify.ts';
import type { SplitFile } from '../image/safetensors/types.ts';
import type { Expectation } from './verify-layer.ts';

/** How far a split file has been read back. */
interface Reading {
  /** Over the original's bytes: its head, then the data of the shards so far. */
  whole: Hash;
  /** The shard whose turn it is. */
  next: number;
}

/**
 * Judges shards that are read back from layers, in the order of their data. A shard has no hash of its own that could be held against it;
 * but its header is known, and with the original's head the data of all shards must come to the hash the Hub lists. So nothing is proven
 * before {@link missing} says that the last shard of each file has been compared.
 */
export class ReadBackShards {
  /** Hex sha256 of each shard read, by its path. */
  readonly hashes = new Map<string, string>();
  readonly #readings = new Map<SplitFile, Reading>();

  expectation(split: SplitFile, index: number): Expectation {
    const { file, parts } = split;
    const part = parts[index];
    const reading = this.#readingOf(split);
    const what = part?.path ?? `part ${index} of ${file.path}`;
    if (part === undefined || index !== reading.next) {
      return { what: `${what}, which is not the next,`, size: 1, take: () => false, end: () => null };
    }
    const shard = createHash('sha256');
    const head = part.header.byteLength;
    return {
      what,
      size: part.size,
      take(bytes, at) {
        shard.update(bytes);
        const ofHeader = bytes.subarray(0, Math.max(0, head - at));
        reading.whole.update(bytes.subarray(ofHeader.byteLength));
        return Buffer.compare(ofHeader, part.header.subarray(at, at + ofHeader.byteLength)) === 0;
      },
      end: () => {
        this.hashes.set(part.path, shard.digest('hex'));
        reading.next += 1;
        if (reading.next < parts.length) return null;
        const same = reading.whole.digest('hex') === (file.sha256 ?? file.oid);
        return same ? null : `the shards of ${file.path} together have other bytes than the Hub's file`;
      },
    };
  }

  /** A file of which shards are still to come; null when all have been compared. */
  missing(): string | null {
    const open = [...this.#readings].find(([{ parts }, { next }]) => next < parts.length);
    return open?.[0].file.path ?? null;
  }

  #readingOf(split: SplitFile): Reading {
    const reading = this.#readings.get(split) ?? { whole: contentHash(split.file).update(split.head), next: 0 };
    this.#readings.set(split, reading);
    return reading;
  }
}
