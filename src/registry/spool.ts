import { mkdir, statfs } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { PublisherError } from '../errors.ts';
import { cancelled } from '../http/retry.ts';
import { unlessAborted } from '../http/unless-aborted.ts';
import { diskFailure } from './layout-files.ts';
import { SpoolFile } from './spool-file.ts';

export interface SpoolOptions {
  /** Default: the system's folder for temporary files (`TMPDIR`). */
  directory?: string;
  /** Bytes of all spooled layers together. Default 20 GB: two layers of the usual largest size. */
  maxBytes?: number;
  /** Bytes free in the folder; tests decide. */
  freeBytes?: (directory: string) => Promise<number>;
}

const DEFAULT_BYTES = 20e9;

/**
 * The exception to "no disk": room for layers that a registry does not take as they stream, one file each, bounded in all. Who
 * finds no room waits until others are done.
 */
export class Spool {
  readonly #directory: string;
  readonly #maxBytes: number;
  readonly #freeBytes: (directory: string) => Promise<number>;
  readonly #files = new Set<SpoolFile>();
  /** Those who wait for room take their turns. */
  #turn: Promise<unknown> = Promise.resolve();
  #released = Promise.withResolvers<void>();

  constructor({ directory = tmpdir(), maxBytes = DEFAULT_BYTES, freeBytes = freeIn }: SpoolOptions = {}) {
    this.#directory = directory;
    this.#maxBytes = maxBytes;
    this.#freeBytes = freeBytes;
  }

  /** Bytes promised to files that are open now. */
  get reserved(): number {
    return [...this.#files].reduce((sum, { size }) => sum + size, 0);
  }

  /**
   * An empty file for `size` bytes; dispose of it to give the room back.
   *
   * @throws PublisherError `environment` when there is too little room even with nobody else in it, or no access; `cancelled`
   */
  async open(size: number, signal?: AbortSignal): Promise<SpoolFile> {
    const turn = this.#turn.then(() => this.#claim(size, signal));
    this.#turn = turn.catch(() => undefined);
    const file = await unlessAborted(turn, signal);
    try {
      await file.create(this.#directory);
    } catch (error) {
      await file[Symbol.asyncDispose]();
      throw diskFailure(error, this.#directory);
    }
    return file;
  }

  async #claim(size: number, signal?: AbortSignal): Promise<SpoolFile> {
    if (size > this.#maxBytes) {
      throw new PublisherError(
        'environment',
        `A layer of ${size} bytes does not fit into ${this.#directory}, where at most ${this.#maxBytes} bytes may be at a time: lower limits.layer_max_bytes`,
      );
    }
    for (;;) {
      const free = await this.#freeNow();
      // Nobody may be waiting for the answer by now, and so nobody would give the room back.
      if (signal?.aborted) throw cancelled(signal);
      if (free >= size && this.reserved + size <= this.#maxBytes) break;
      if (this.#files.size === 0) {
        throw new PublisherError(
          'environment',
          `A layer has to be stored in ${this.#directory}, which needs ${size} bytes, and ${free} are free: make room, or set TMPDIR to another folder`,
        );
      }
      await unlessAborted(this.#released.promise, signal);
    }
    const file = new SpoolFile(size, () => this.#release(file));
    this.#files.add(file);
    return file;
  }

  /** What is free and not promised to files that are still being filled. */
  async #freeNow(): Promise<number> {
    try {
      await mkdir(this.#directory, { recursive: true });
      const free = await this.#freeBytes(this.#directory);
      return [...this.#files].reduce((left, { size, written }) => left - (size - written), free);
    } catch (error) {
      throw diskFailure(error, this.#directory);
    }
  }

  #release(file: SpoolFile): void {
    this.#files.delete(file);
    this.#released.resolve();
    this.#released = Promise.withResolvers();
  }
}

async function freeIn(directory: string): Promise<number> {
  const { bavail, bsize } = await statfs(directory);
  return bavail * bsize;
}
