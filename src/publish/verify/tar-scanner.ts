import { BLOCK } from '../../image/tar.ts';

export interface ScannedEntry {
  /** Relative to the root, without `./` or a slash before it. */
  path: string;
  type: 'file' | 'directory' | 'other';
  /** Bytes. */
  size: number;
}

/** Takes an entry's content as it comes. */
export interface EntrySink {
  data(bytes: Uint8Array): void;
  end(): void;
}

/** Names and pax records of real archives are far below this. */
const MOST_META = 1024 * 1024;

/**
 * Reads a tar of anybody's as it streams by (POSIX.1-2017 pax, GNU long names), handing each regular file to a sink.
 *
 *     header ──file──▶ content ──▶ padding ──▶ header … two zero blocks ──▶ end
 *        └──pax or long name──▶ meta ──▶ padding ──▶ header of the entry it is about
 */
export class TarScanner {
  readonly #open: (entry: ScannedEntry) => EntrySink | null;
  #block: Buffer[] = [];
  #blockBytes = 0;
  /** What the bytes on their way belong to; null between entries. */
  #current: { left: number; padding: number; sink: EntrySink | null } | null = null;
  #pax = new Map<string, string>();
  #longName: string | null = null;
  #ended = false;

  constructor(open: (entry: ScannedEntry) => EntrySink | null) {
    this.#open = open;
  }

  /** @throws TypeError for what is no tar */
  push(chunk: Uint8Array): void {
    let rest = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    while (rest.byteLength > 0 && !this.#ended) {
      rest = this.#current === null ? this.#header(rest) : this.#content(this.#current, rest);
    }
  }

  /** @throws TypeError when the archive ends amid an entry */
  finish(): void {
    if (this.#current !== null || this.#blockBytes > 0) throw new TypeError('the archive breaks off');
  }

  #content(current: { left: number; padding: number; sink: EntrySink | null }, rest: Buffer): Buffer {
    const taken = rest.subarray(0, current.left);
    if (taken.byteLength > 0) current.sink?.data(taken);
    current.left -= taken.byteLength;
    const padding = Math.min(current.padding, rest.byteLength - taken.byteLength);
    if (current.left === 0) {
      current.padding -= padding;
      if (current.padding === 0) this.#close(current.sink);
    }
    return rest.subarray(taken.byteLength + padding);
  }

  #close(sink: EntrySink | null): void {
    this.#current = null;
    sink?.end();
  }

  #header(rest: Buffer): Buffer {
    const taken = rest.subarray(0, BLOCK - this.#blockBytes);
    this.#block.push(Buffer.from(taken));
    this.#blockBytes += taken.byteLength;
    if (this.#blockBytes === BLOCK) {
      const block = Buffer.concat(this.#block);
      this.#block = [];
      this.#blockBytes = 0;
      this.#take(block);
    }
    return rest.subarray(taken.byteLength);
  }

  #take(block: Buffer): void {
    if (block.every((byte) => byte === 0)) {
      this.#ended = true;
      return;
    }
    const type = String.fromCharCode(block[156] ?? 0);
    const size = numberAt(block, 124, 12);
    if (type === 'x' || type === 'g' || type === 'L' || type === 'K') {
      if (size > MOST_META) throw new TypeError('a header is too large');
      this.#begin(size, this.#meta(type));
      return;
    }
    const path = this.#pax.get('path') ?? this.#longName ?? nameIn(block);
    const whole = this.#pax.has('size') ? Number(this.#pax.get('size')) : size;
    if (!Number.isSafeInteger(whole) || whole < 0) throw new TypeError('an entry has no usable size');
    this.#pax = new Map();
    this.#longName = null;
    const kind = type === '0' || type === '\0' ? 'file' : type === '5' ? 'directory' : 'other';
    const entry: ScannedEntry = { path: normal(path), type: kind, size: kind === 'file' ? whole : 0 };
    const sink = this.#open(entry);
    // Links and devices have no content, whatever their size says.
    this.#begin(kind === 'file' ? whole : 0, sink);
  }

  #begin(size: number, sink: EntrySink | null): void {
    if (size === 0) {
      this.#close(sink);
      return;
    }
    this.#current = { left: size, padding: (BLOCK - (size % BLOCK)) % BLOCK, sink };
  }

  #meta(type: string): EntrySink {
    const parts: Buffer[] = [];
    return {
      data: (bytes) => void parts.push(Buffer.from(bytes)),
      end: () => {
        const content = Buffer.concat(parts);
        if (type === 'x') this.#pax = paxIn(content);
        if (type === 'L') this.#longName = content.toString('utf8').replace(/\0.*$/s, '');
      },
    };
  }
}

function nameIn(block: Buffer): string {
  const text = (from: number, length: number) => block.toString('utf8', from, from + length).replace(/\0.*$/s, '');
  const prefix = block.toString('latin1', 257, 263) === 'ustar\0' ? text(345, 155) : '';
  return prefix === '' ? text(0, 100) : `${prefix}/${text(0, 100)}`;
}

/** Octal, or GNU's base 256 for large numbers. */
function numberAt(block: Buffer, from: number, length: number): number {
  if (((block[from] ?? 0) & 0x80) !== 0) return Number(block.readBigUInt64BE(from + length - 8));
  const digits = block
    .toString('latin1', from, from + length)
    .replace(/[\0 ]+$/, '')
    .trim();
  if (!/^[0-7]*$/.test(digits)) throw new TypeError('it is no tar archive');
  return digits === '' ? 0 : Number.parseInt(digits, 8);
}

function paxIn(content: Buffer): Map<string, string> {
  const found = new Map<string, string>();
  for (let at = 0; at < content.length; ) {
    const length = Number(/^\d+(?= )/.exec(content.toString('latin1', at, at + 12))?.[0]);
    if (!(length > 0) || at + length > content.length) throw new TypeError('a pax record is broken');
    const [, key = '', value = ''] = /^\d+ ([^=]+)=(.*)\n$/s.exec(content.toString('utf8', at, at + length)) ?? [];
    found.set(key, value);
    at += length;
  }
  return found;
}

function normal(path: string): string {
  return path.replace(/^(?:\.?\/)+/, '');
}
