/**
 * Tar framing (POSIX.1-2017 pax) as pure functions, so that a layer's bytes depend on nothing but its entries: mtime 0, uid
 * and gid 0, no names of users, fixed order of headers. File content is never touched here: it streams between
 * {@link tarHeader} and {@link tarPadding}.
 */
export const BLOCK = 512;
/** Two zero blocks end an archive. */
export const TAR_END = new Uint8Array(2 * BLOCK);

const USTAR_NAME_BYTES = 100;
/** Largest size that fits the 11 octal digits of a ustar header; beyond it a pax `size` record is needed. */
const USTAR_MAX_SIZE = 0o77777777777;
const encoder = new TextEncoder();

export interface TarEntry {
  /** Relative to the image's root, `/`-separated; a directory ends in `/`. */
  path: string;
  /** Bytes of content; 0 for a directory. */
  size: number;
  mode: 0o644 | 0o755 | 0o1777;
}

/** Zero bytes that follow `size` bytes of content up to the next block. */
export function tarPadding(size: number): Uint8Array {
  return new Uint8Array((BLOCK - (size % BLOCK)) % BLOCK);
}

/** Header blocks of an entry: a ustar header, with a pax header before it when name or size do not fit. */
export function tarHeader(entry: TarEntry): Uint8Array {
  const records = paxRecords(entry);
  const main = ustarHeader({
    name: encoder.encode(entry.path),
    size: entry.size,
    mode: entry.mode,
    type: entry.path.endsWith('/') ? '5' : '0',
  });
  if (records === '') return main;
  const content = encoder.encode(records);
  const pax = ustarHeader({ name: encoder.encode('././@PaxHeader'), size: content.length, mode: 0o644, type: 'x' });
  return concatBytes([pax, content, tarPadding(content.length), main]);
}

/** Bytes of a whole archive of these entries, its end included. */
export function tarSize(entries: readonly TarEntry[]): number {
  let total = TAR_END.length;
  for (const entry of entries) total += tarHeader(entry).length + entry.size + tarPadding(entry.size).length;
  return total;
}

/** A whole archive of small files held in memory. */
export function tarArchive(files: readonly { entry: TarEntry; content: Uint8Array }[]): Uint8Array {
  const parts: Uint8Array[] = [];
  for (const { entry, content } of files) parts.push(tarHeader(entry), content, tarPadding(content.length));
  return concatBytes([...parts, TAR_END]);
}

export function concatBytes(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

function paxRecords(entry: TarEntry): string {
  const name = encoder.encode(entry.path);
  // A name outside ASCII has no defined encoding in ustar; in a pax record it is UTF-8.
  const needsPath = name.length > USTAR_NAME_BYTES || name.some((byte) => byte > 0x7e);
  const path = needsPath ? paxRecord('path', entry.path) : '';
  const size = entry.size > USTAR_MAX_SIZE ? paxRecord('size', String(entry.size)) : '';
  return path + size;
}

/** `"<length> <key>=<value>\n"`, where the length counts itself. */
function paxRecord(key: string, value: string): string {
  const rest = encoder.encode(` ${key}=${value}\n`).length;
  let length = rest + String(rest).length;
  if (rest + String(length).length !== length) length += 1;
  return `${length} ${key}=${value}\n`;
}

interface Ustar {
  name: Uint8Array;
  size: number;
  mode: number;
  type: '0' | '5' | 'x';
}

function ustarHeader({ name, size, mode, type }: Ustar): Uint8Array {
  const block = new Uint8Array(BLOCK);
  const put = (text: string, at: number) => block.set(encoder.encode(text), at);
  const octal = (value: number, digits: number) => `${value.toString(8).padStart(digits, '0')}\0`;
  block.set(name.subarray(0, USTAR_NAME_BYTES), 0);
  put(octal(mode, 7), 100);
  put(octal(0, 7), 108); // uid
  put(octal(0, 7), 116); // gid
  put(octal(Math.min(size, USTAR_MAX_SIZE), 11), 124);
  put(octal(0, 11), 136); // mtime
  put('        ', 148); // the checksum counts itself as spaces
  put(type, 156);
  put('ustar\u000000', 257);
  put(octal(0, 7), 329);
  put(octal(0, 7), 337);
  const sum = block.reduce((total, byte) => total + byte, 0);
  put(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return block;
}
