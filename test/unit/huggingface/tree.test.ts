import { describe, expect, it } from 'vitest';
import { treeEntrySchema } from '../../../src/huggingface/schema.ts';
import { filesOf, gitBlobSha1, lfsPointer, newestCommit } from '../../../src/huggingface/tree.ts';

const OID = 'a'.repeat(40);
const SHA256 = 'b'.repeat(64);
const entry = (fields: object) => treeEntrySchema.parse({ type: 'file', path: 'f', size: 3, oid: OID, ...fields });

describe('filesOf', () => {
  it('takes size and hash of a large file from LFS, not from its pointer', () => {
    const [file] = filesOf('a/b', [entry({ size: 134, lfs: { oid: SHA256, size: 999, pointerSize: 134 } })]);
    expect(file).toEqual({ path: 'f', size: 999, sha256: SHA256, oid: OID, security: null });
  });

  it('computes the pointer id when the listing has none', () => {
    const [file] = filesOf('a/b', [entry({ oid: undefined, lfs: { oid: SHA256, size: 999 } })]);
    expect(file?.oid).toBe(gitBlobSha1(lfsPointer(SHA256, 999)));
  });

  it('knows git blob ids as git does', () => {
    expect(gitBlobSha1('hello\n')).toBe('ce013625030ba8dba906f756967f9e9ca394464a');
  });

  it('keeps the scan status it understands', () => {
    const statuses = ['safe', 'unsafe', 'new-word', undefined].map((status, index) =>
      entry({ path: `f${index}`, securityFileStatus: status === undefined ? undefined : { status } }),
    );
    expect(filesOf('a/b', statuses).map(({ security }) => security)).toEqual(['safe', 'unsafe', null, null]);
  });

  it('sorts files and leaves folders out', () => {
    const entries = [entry({ path: 'b' }), entry({ type: 'directory', path: 'd', size: 0 }), entry({ path: 'B' })];
    expect(filesOf('a/b', entries).map(({ path }) => path)).toEqual(['B', 'b']);
  });

  it.each([
    ['a path twice', [entry({}), entry({})], /lists f twice/],
    ['no size', [entry({ size: undefined })], /no size for f/],
    ['no hash', [entry({ oid: undefined })], /no hash for f/],
    ['a hash that is none', [entry({ oid: 'main' })], /no hash for f/],
  ])('refuses %s', (_case, entries, message) => {
    expect(() => filesOf('a/b', entries)).toThrow(message);
  });

  it.each([{ lfs: { oid: 'short', size: 1 } }, { size: -1 }, { size: 1.5 }, { path: '' }])(
    'does not parse %j',
    (fields) => {
      expect(() => entry(fields)).toThrow();
    },
  );
});

describe('newestCommit', () => {
  it('is the latest date of any file', () => {
    const dated = ['2025-01-01T00:00:00Z', '2025-02-01T00:00:00.000Z'].map((date) => entry({ lastCommit: { date } }));
    expect(newestCommit(dated)).toBe('2025-02-01T00:00:00.000Z');
  });

  it('is unknown when one file has none', () => {
    expect(newestCommit([entry({ lastCommit: { date: '2025-01-01' } }), entry({})])).toBeNull();
    expect(newestCommit([entry({ lastCommit: { date: 'yesterday' } })])).toBeNull();
    expect(newestCommit([])).toBeNull();
  });
});
