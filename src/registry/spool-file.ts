import { randomBytes } from 'node:crypto';
import { type FileHandle, open, rm } from 'node:fs/promises';
import { PublisherError } from '../errors.ts';
import { diskFailure } from './layout-files.ts';

const READ_BYTES = 256 * 1024;

/** A file without a name, so that nothing is left of a process that was killed: written once, then read as often as needed. */
export class SpoolFile implements AsyncDisposable {
  /** Bytes it has room for, and bytes it has. */
  readonly size: number;
  written = 0;
  #handle: FileHandle | null = null;
  readonly #release: () => void;

  constructor(size: number, release: () => void) {
    this.size = size;
    this.#release = release;
  }

  async create(directory: string): Promise<void> {
    const path = `${directory}/.publisher-${randomBytes(8).toString('hex')}.spool`;
    this.#handle = await open(path, 'wx+', 0o600);
    await rm(path);
  }

  /** @throws PublisherError `environment` when the disk is full after all */
  async write(chunk: Uint8Array): Promise<void> {
    for (let at = 0; at < chunk.byteLength; ) {
      // FileHandle.write may write less than asked.
      const { bytesWritten } = await this.#open.write(chunk, at, chunk.byteLength - at, this.written).catch(full);
      at += bytesWritten;
      this.written += bytesWritten;
    }
  }

  /** Everything written, in chunks that belong to the reader. */
  async *read(): AsyncGenerator<Uint8Array, void, undefined> {
    for (let at = 0; at < this.written; ) {
      const buffer = Buffer.allocUnsafeSlow(Math.min(READ_BYTES, this.written - at));
      const { bytesRead } = await this.#open.read(buffer, 0, buffer.byteLength, at);
      if (bytesRead === 0) throw new PublisherError('environment', 'A spooled layer lost its end');
      at += bytesRead;
      yield buffer.subarray(0, bytesRead);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const handle = this.#handle;
    this.#handle = null;
    await handle?.close().catch(() => undefined);
    this.#release();
  }

  get #open(): FileHandle {
    if (this.#handle === null) throw new PublisherError('internal', 'A spooled layer is used after it was given up');
    return this.#handle;
  }
}

function full(error: unknown): never {
  throw diskFailure(error, 'a spooled layer');
}
