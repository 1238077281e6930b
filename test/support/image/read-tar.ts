const BLOCK = 512;

export interface ReadEntry {
  path: string;
  type: 'file' | 'directory';
  size: number;
  mode: number;
  uid: number;
  gid: number;
  mtime: number;
  content: Buffer;
}

/** Reads a pax archive and throws at anything that is not exactly as POSIX.1 has it: checksums, padding, the end. */
export function readTar(archive: Uint8Array): ReadEntry[] {
  const bytes = Buffer.from(archive.buffer, archive.byteOffset, archive.byteLength);
  const entries: ReadEntry[] = [];
  let at = 0;
  while (!isZero(bytes.subarray(at, at + BLOCK))) {
    const { entry, next } = readHeader(bytes, at);
    if (next + entry.size > bytes.length) throw new Error(`${entry.path} is longer than the archive`);
    const content = bytes.subarray(next, next + entry.size);
    at = next + entry.size + gapAfter(entry.size);
    if (!isZero(bytes.subarray(next + entry.size, at))) throw new Error(`the padding of ${entry.path} is not zero`);
    entries.push({ ...entry, content });
  }
  if (bytes.length - at !== 2 * BLOCK || !isZero(bytes.subarray(at))) throw new Error('not ended by two zero blocks');
  return entries;
}

/** One entry's header at an offset, pax records applied, and where its content begins. */
export function readHeader(bytes: Uint8Array, at = 0): { entry: Omit<ReadEntry, 'content'>; next: number } {
  const first = readUstar(Buffer.from(bytes).subarray(at, at + BLOCK));
  if (first.type !== 'x') return { entry: entryOf(first, new Map()), next: at + BLOCK };
  const from = at + BLOCK;
  const records = readPax(Buffer.from(bytes).subarray(from, from + first.size));
  const main = from + first.size + gapAfter(first.size);
  const ustar = readUstar(Buffer.from(bytes).subarray(main, main + BLOCK));
  return { entry: entryOf(ustar, records), next: main + BLOCK };
}

type Ustar = Omit<ReadEntry, 'content' | 'type'> & { type: string };

function readUstar(block: Buffer): Ustar {
  if (block.length !== BLOCK) throw new Error('half a header');
  const text = (from: number, length: number) => block.toString('utf8', from, from + length).replace(/\0[\s\S]*$/, '');
  const octal = (from: number, length: number) => {
    const digits = block.toString('latin1', from, from + length);
    if (!/^[0-7]+\0 ?$/.test(digits)) throw new Error(`not an octal field: ${JSON.stringify(digits)}`);
    return Number.parseInt(digits, 8);
  };
  if (block.toString('latin1', 257, 265) !== 'ustar\x0000') throw new Error('not a ustar header');
  const sum = block.reduce((total, byte, index) => total + (index >= 148 && index < 156 ? 32 : byte), 0);
  if (sum !== octal(148, 8)) throw new Error('the checksum is wrong');
  if (text(265, 32) !== '' || text(297, 32) !== '') throw new Error('names of users are in it');
  return {
    path: text(0, 100),
    mode: octal(100, 8),
    uid: octal(108, 8),
    gid: octal(116, 8),
    size: octal(124, 12),
    mtime: octal(136, 12),
    type: text(156, 1),
  };
}

function readPax(records: Buffer): Map<string, string> {
  const found = new Map<string, string>();
  for (let at = 0; at < records.length; ) {
    const length = Number(/^\d+ /.exec(records.toString('latin1', at, at + 12))?.[0]);
    const record = records.toString('utf8', at, at + length);
    const match = /^\d+ ([^=]+)=([\s\S]*)\n$/.exec(record);
    if (!(length > 0) || match === null || Buffer.byteLength(record) !== length)
      throw new Error(`not a pax record: ${JSON.stringify(record)}`);
    found.set(match[1] ?? '', match[2] ?? '');
    at += length;
  }
  return found;
}

function entryOf(ustar: Ustar, records: Map<string, string>): Omit<ReadEntry, 'content'> {
  const path = records.get('path') ?? ustar.path;
  if (ustar.type !== '0' && ustar.type !== '5') throw new Error(`${path} is neither file nor directory`);
  const type = ustar.type === '5' ? 'directory' : 'file';
  if ((type === 'directory') !== path.endsWith('/')) throw new Error(`${path} is not named as what it is`);
  return { ...ustar, path, type, size: Number(records.get('size') ?? ustar.size) };
}

function gapAfter(size: number): number {
  return (BLOCK - (size % BLOCK)) % BLOCK;
}

function isZero(bytes: Uint8Array): boolean {
  return bytes.length > 0 ? bytes.every((byte) => byte === 0) : true;
}
