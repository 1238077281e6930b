import { spawnSync } from 'node:child_process';
import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BLOCK, TAR_END, type TarEntry, tarArchive, tarHeader, tarPadding, tarSize } from '../../../src/image/tar.ts';
import { readHeader, readTar } from '../../support/image/read-tar.ts';
import { findProgram } from '../../support/registry/index.ts';

const segment = fc
  .string({ unit: 'grapheme', minLength: 1, maxLength: 60 })
  .filter((text) => !/[/\0]/.test(text) && text.isWellFormed());
const path = fc.array(segment, { minLength: 1, maxLength: 5 }).map((parts) => parts.join('/'));
const file = fc.record({ path, content: fc.uint8Array({ maxLength: 1600 }), mode: fc.constantFrom(0o644, 0o755) });
const directory = path.map((name) => ({ path: `${name}/`, content: new Uint8Array(), mode: 0o755 as const }));

type Named = { path: string; content: Uint8Array; mode: TarEntry['mode'] };
const withSizes = (files: Named[]) =>
  files.map(({ path, content, mode }) => ({ entry: { path, size: content.length, mode }, content }));

const NAMES = [
  'plain',
  'spaced name/with "quotes"',
  'folder/',
  `${'n'.repeat(99)}x`,
  `${'n'.repeat(100)}x`,
  `deep/${'d'.repeat(120)}/${'e'.repeat(120)}/f.bin`,
  'ünïcödé/文.json',
  'emoji/\u{1f600}.txt',
  `${'é'.repeat(60)}.bin`,
];
const named = NAMES.map((path) => ({
  path,
  content: Buffer.from(path.endsWith('/') ? '' : `content of ${path}`),
  mode: 0o644 as const,
}));

describe('an archive', () => {
  it('reads back with names, modes and content, owned by root and dated 1970', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(file, directory), { maxLength: 6 }), (files) => {
        const read = readTar(tarArchive(withSizes(files)));
        expect(read).toEqual(
          files.map(({ path, content, mode }) => ({
            path,
            type: path.endsWith('/') ? 'directory' : 'file',
            size: content.length,
            mode,
            uid: 0,
            gid: 0,
            mtime: 0,
            content: Buffer.from(content),
          })),
        );
      }),
    );
  });

  it('has exactly the size that was foretold, in whole blocks', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(file, directory), { maxLength: 6 }), (files) => {
        const sized = withSizes(files);
        const archive = tarArchive(sized);
        expect(archive.length).toBe(tarSize(sized.map(({ entry }) => entry)));
        expect(archive.length % BLOCK).toBe(0);
      }),
    );
  });

  it('is two zero blocks when it is empty', () => {
    expect(tarArchive([])).toEqual(TAR_END);
    expect(TAR_END).toEqual(new Uint8Array(1024));
  });

  it.skipIf(findProgram('tar') === null)('is unpacked by the system tar (needs tar)', () => {
    const listed = spawnSync('tar', ['--list', '--verbose', '--quoting-style=literal', '--utc', '--file=-'], {
      input: tarArchive(withSizes(named)),
      encoding: 'utf8',
      env: { PATH: process.env.PATH, LC_ALL: 'C.UTF-8' },
    });
    expect(listed.stderr).toBe('');
    expect(listed.status).toBe(0);
    const lines = listed.stdout.trimEnd().split('\n');
    expect(lines.map((line) => /1970-01-01 00:00 (.*)$/.exec(line)?.[1])).toEqual(NAMES);
    expect(lines.every((line) => line.slice(1).startsWith('rw-r--r-- 0/0 '))).toBe(true);
  });

  it.skipIf(findProgram('python3') === null)('is read by another implementation (needs python3)', () => {
    const script = `
import io, json, sys, tarfile
entries = []
with tarfile.open(fileobj=io.BytesIO(sys.stdin.buffer.read())) as archive:
    for member in archive:
        content = archive.extractfile(member).read().decode() if member.isfile() else ''
        entries.append([member.name, member.isdir(), content, member.mode, member.uid, member.gid, member.mtime])
print(json.dumps(entries))`;
    const read = spawnSync('python3', ['-c', script], { input: tarArchive(withSizes(named)), encoding: 'utf8' });
    expect(read.stderr).toBe('');
    expect(JSON.parse(read.stdout)).toEqual(
      named.map(({ path, content, mode }) => [
        path.replace(/\/$/, ''),
        path.endsWith('/'),
        content.toString(),
        mode,
        0,
        0,
        0,
      ]),
    );
  });
});

describe('a header', () => {
  it('is one block for a name of up to 100 ASCII bytes', () => {
    expect(tarHeader({ path: 'n'.repeat(100), size: 1, mode: 0o644 })).toHaveLength(BLOCK);
  });

  it.each([
    ['a longer name', 'n'.repeat(101)],
    ['a name outside ASCII', 'ü'],
    ['a name of 4,096 bytes', `${'p/'.repeat(2047)}ab`],
  ])('has a pax record for %s', (_what, name) => {
    const header = tarHeader({ path: name, size: 1, mode: 0o644 });
    expect(header.length).toBeGreaterThan(BLOCK);
    expect(header.length % BLOCK).toBe(0);
    expect(readHeader(header)).toEqual({
      entry: expect.objectContaining({ path: name, size: 1 }),
      next: header.length,
    });
  });

  it('counts the length of a pax record within itself, whatever the number of its digits', () => {
    for (let length = 101; length < 1010; length += 1) {
      const name = 'n'.repeat(length);
      expect(readHeader(tarHeader({ path: name, size: 0, mode: 0o644 })).entry.path).toBe(name);
    }
  });

  it('carries sizes beyond 8 GiB in a pax record, and others without one', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 45 }), (size) => {
        const header = tarHeader({ path: 'model.gguf', size, mode: 0o644 });
        expect(readHeader(header).entry.size).toBe(size);
        expect(header.length).toBe(size < 8 * 1024 ** 3 ? BLOCK : 3 * BLOCK);
      }),
      { examples: [[8 * 1024 ** 3 - 1], [8 * 1024 ** 3], [43e9]] },
    );
  });

  it.skipIf(findProgram('python3') === null)(
    'with a large size is read by another implementation (needs python3)',
    () => {
      const script = `
import io, sys, tarfile
member = tarfile.open(fileobj=io.BytesIO(sys.stdin.buffer.read())).next()
print(member.name, member.size)`;
      const input = tarHeader({ path: 'models/big.gguf', size: 43_000_000_001, mode: 0o644 });
      const read = spawnSync('python3', ['-c', script], { input, encoding: 'utf8' });
      expect(read.stdout).toBe('models/big.gguf 43000000001\n');
    },
  );

  it.skipIf(findProgram('tar') === null || findProgram('python3') === null)(
    'with a size beyond 8 GiB and a name beyond 100 characters leads two implementations to the next one (needs tar, python3)',
    async () => {
      // The content is a hole in the file: only headers are written, and readers jump from one to the next.
      const folder = await mkdtemp(join(tmpdir(), 'tar-'));
      const archive = join(folder, 'layer.tar');
      const large: TarEntry = { path: `models/tiny/${'n'.repeat(150)}.safetensors`, size: 9_000_000_001, mode: 0o644 };
      const next: TarEntry = { path: 'models/tiny/next.json', size: 2, mode: 0o644 };
      const after = tarHeader(large).length + large.size + tarPadding(large.size).length;
      const handle = await open(archive, 'w');
      await handle.write(tarHeader(large), 0, null, 0);
      await handle.write(tarHeader(next), 0, null, after);
      await handle.truncate(tarSize([large, next]));
      await handle.close();
      const wanted = [large, next].map(({ path, size }) => `${size} ${path}`);
      const gnu = spawnSync('tar', ['-tvf', archive], { encoding: 'utf8' });
      expect(gnu.stderr).toBe('');
      expect(
        [...gnu.stdout.matchAll(/0\/0 +(\d+) \S+ \S+ (.*)$/gm)].map(([, size, path]) => `${size} ${path}`),
      ).toEqual(wanted);
      const script = 'import sys, tarfile\nfor m in tarfile.open(sys.argv[1], "r:"): print(m.size, m.name)';
      const python = spawnSync('python3', ['-c', script, archive], { encoding: 'utf8' });
      expect(python.stdout.trimEnd().split('\n')).toEqual(wanted);
      await rm(folder, { recursive: true });
    },
  );

  it('is followed by padding up to a whole block', () => {
    fc.assert(
      fc.property(fc.nat(), (size) => {
        const padding = tarPadding(size);
        expect(padding.length).toBeLessThan(BLOCK);
        expect((size + padding.length) % BLOCK).toBe(0);
        expect(padding.every((byte) => byte === 0)).toBe(true);
      }),
    );
  });
});
