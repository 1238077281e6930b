import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { byteOrder, fileList, parseFileList } from '../../../src/image/file-list.ts';

const revision = 'a'.repeat(40);
const sha256 = 'b'.repeat(64);
const oid = 'c'.repeat(40);
const file = (path: string, size = 1) => ({ path, size, sha256: null, oid });

describe('fileList', () => {
  it('is the line format that the entrypoint reads', () => {
    const files = [{ path: 'model.safetensors', size: 123, sha256, oid }, file('config.json', 12)];
    expect(fileList('org/name', revision, files)).toBe(
      `{"model":"org/name","revision":"${revision}","files":[\n` +
        `{"path":"config.json","size":12,"oid":"${oid}"},\n` +
        `{"path":"model.safetensors","size":123,"sha256":"${sha256}"}\n` +
        ']}\n',
    );
  });

  it('escapes only quotes and backslashes and leaves other text as UTF-8', () => {
    const list = fileList('org/name', revision, [file('weird "name" \\ ü/文.json')]);
    expect(list).toContain('"weird \\"name\\" \\\\ ü/文.json"');
    expect(parseFileList(list).files).toEqual([{ path: 'weird "name" \\ ü/文.json', size: 1, oid }]);
  });

  it('sorts by bytes, as a shell in the C locale does', () => {
    const list = fileList(
      'org/name',
      revision,
      ['\u{1f600}', '\uffee', 'a', 'B', 'a/b', 'a-b'].map((path) => file(path)),
    );
    expect(parseFileList(list).files.map(({ path }) => path)).toEqual(['B', 'a', 'a-b', 'a/b', '\uffee', '\u{1f600}']);
    expect(byteOrder('\uffee', '\u{1f600}')).toBeLessThan(0);
  });

  it('is JSON also when empty', () => {
    expect(parseFileList(fileList('org/name', revision, []))).toEqual({ model: 'org/name', revision, files: [] });
  });

  it.each([
    ['a line break', file('a\nb')],
    ['a control character', file('a\u0085b')],
    ['a lone surrogate', file('a\ud800')],
    ['a negative size', file('a', -1)],
    ['a size that is no number', file('a', Number.NaN)],
    ['a missing hash', { path: 'a', size: 1, sha256: null, oid: '' }],
    ['a hash of another kind', { path: 'a', size: 1, sha256: 'xyz', oid }],
  ])('refuses %s', (_, bad) => {
    expect(() => fileList('org/name', revision, [bad])).toThrow(/should have refused/);
  });

  it('refuses a path listed twice', () => {
    expect(() => fileList('org/name', revision, [file('a'), file('b'), file('a')])).toThrow(/twice/);
  });

  it('reads back whatever it writes, one file a line', () => {
    const path = fc.string({ unit: 'grapheme', minLength: 1 }).filter((text) => !/\p{Cc}/u.test(text));
    const entry = fc.record({ path, size: fc.nat(), sha256: fc.constantFrom(null, sha256), oid: fc.constant(oid) });
    fc.assert(
      fc.property(fc.uniqueArray(entry, { selector: (one) => one.path }), (files) => {
        const list = fileList('org/name', revision, files);
        expect(list.split('\n')).toHaveLength(files.length + 3);
        expect(parseFileList(list).files.toSorted((a, b) => byteOrder(a.path, b.path))).toEqual(
          parseFileList(list).files,
        );
        expect(parseFileList(list).files).toHaveLength(files.length);
      }),
    );
  });
});

describe('parseFileList', () => {
  it.each(['', '{}', '{"model":"a","revision":"b","files":[{"path":"a"}]}'])('refuses %j', (text) => {
    expect(() => parseFileList(text)).toThrow(/cannot be read/);
  });
});
