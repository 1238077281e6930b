import { describe, expect, it } from 'vitest';
import { tarArchive } from '../../../src/image/tar.ts';
import { overlay, type ReadLayer } from '../../../src/publish/verify/layer-files.ts';
import { TarScanner } from '../../../src/publish/verify/tar-scanner.ts';

const LONG = `models/${'n'.repeat(150)}/wörld.bin`;
const archive = tarArchive([
  { entry: { path: 'models/', size: 0, mode: 0o755 }, content: new Uint8Array() },
  { entry: { path: 'models/a.bin', size: 700, mode: 0o644 }, content: Buffer.alloc(700, 'a') },
  { entry: { path: 'models/empty', size: 0, mode: 0o644 }, content: new Uint8Array() },
  { entry: { path: LONG, size: 512, mode: 0o644 }, content: Buffer.alloc(512, 'b') },
]);

function scanned(bytes: Uint8Array, step: number) {
  const found: [string, string][] = [];
  const scanner = new TarScanner(({ path, type }) => {
    let text = '';
    return {
      data: (chunk) => {
        text += Buffer.from(chunk).toString();
      },
      end: () => void found.push([`${type} ${path}`, text]),
    };
  });
  for (let at = 0; at < bytes.length; at += step) scanner.push(bytes.subarray(at, at + step));
  scanner.finish();
  return found;
}

describe('a tar that streams by', () => {
  it.each([1, 7, 512, 100_000])('is read in chunks of %d bytes', (step) => {
    expect(scanned(archive, step)).toEqual([
      ['directory models/', ''],
      ['file models/a.bin', 'a'.repeat(700)],
      ['file models/empty', ''],
      [`file ${LONG}`, 'b'.repeat(512)],
    ]);
  });

  it('that breaks off is noticed', () => {
    expect(() => scanned(archive.subarray(0, 1100), 64)).toThrow('breaks off');
  });

  it('that is none is refused', () => {
    expect(() => scanned(Buffer.alloc(2048, 'z'), 512)).toThrow(TypeError);
  });
});

describe('layers upon each other', () => {
  const file = (content: string): ReadLayer['entries'][number][1] => {
    const layer = { mediaType: 'layer', digest: `sha256:${'0'.repeat(64)}`, size: 1 } as const;
    return { type: 'file', size: content.length, sha256: content, oid: null, content: null, layer };
  };
  const layer = (files: Record<string, string>): ReadLayer => ({
    diffId: `sha256:${'0'.repeat(64)}`,
    entries: Object.entries(files).map(([path, content]) => [path, file(content)]),
  });
  const seen = (...layers: Record<string, string>[]) =>
    Object.fromEntries([...overlay(layers.map(layer))].map(([path, { sha256 }]) => [path, sha256]));

  it('show the uppermost', () => {
    expect(seen({ 'a/x': '1', 'a/y': '1' }, { 'a/x': '2' })).toEqual({ 'a/x': '2', 'a/y': '1' });
  });

  it('hide what a whiteout takes away, a folder with all that is in it', () => {
    expect(seen({ 'a/x': '1', 'a/b/y': '1', 'ab/z': '1' }, { '.wh.a': '' })).toEqual({ 'ab/z': '1' });
    expect(seen({ 'a/x': '1', 'a/y': '1' }, { 'a/.wh.x': '' })).toEqual({ 'a/y': '1' });
  });

  it('hide all below an opaque folder, but not what the same layer brings', () => {
    expect(seen({ 'a/x': '1', 'b/x': '1' }, { 'a/n': '2', 'a/.wh..wh..opq': '' })).toEqual({ 'b/x': '1', 'a/n': '2' });
  });
});
