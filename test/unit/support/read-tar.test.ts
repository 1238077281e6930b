import { describe, expect, it } from 'vitest';
import { tarArchive } from '../../../src/image/tar.ts';
import { readTar } from '../../support/image/read-tar.ts';

const ARCHIVE = tarArchive([
  { entry: { path: 'a', size: 3, mode: 0o644 }, content: Buffer.from('abc') },
  { entry: { path: 'ü', size: 0, mode: 0o644 }, content: new Uint8Array() },
]);

function changed(at: number, byte: number): Uint8Array {
  const copy = Uint8Array.from(ARCHIVE);
  copy[at] = byte;
  return copy;
}

describe('readTar', () => {
  it('reads what is as it should be', () => {
    expect(readTar(ARCHIVE).map(({ path }) => path)).toEqual(['a', 'ü']);
  });

  it.each([
    ['a changed header', changed(0, 66), 'checksum'],
    ['no magic', changed(257, 66), 'ustar'],
    ['bytes in the padding', changed(512 + 3, 1), 'padding'],
    ['bytes in the end', changed(ARCHIVE.length - 1, 1), 'two zero blocks'],
    ['half an end', ARCHIVE.subarray(0, -512), 'two zero blocks'],
    ['a longer end', Buffer.concat([ARCHIVE, Buffer.alloc(512)]), 'two zero blocks'],
    ['content that is cut off', ARCHIVE.subarray(0, 512), 'longer than the archive'],
    ['a pax record of another length', changed(1024 + 512, 0x35), 'pax'],
  ])('refuses %s', (_what, bytes, message) => {
    expect(() => readTar(bytes)).toThrow(message);
  });
});
