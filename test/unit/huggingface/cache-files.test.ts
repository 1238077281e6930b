import { mkdtemp, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../../src/clock.ts';
import { createFileCache, type FileCacheOptions } from '../../../src/huggingface/cache-files.ts';
import { silentLogger } from '../../../src/log.ts';

let root: string;
let folder: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'publisher-cache-'));
  folder = join(root, 'cache', 'hub');
});
afterEach(() => rm(root, { recursive: true, force: true }));

const open = (options: Partial<FileCacheOptions> = {}) =>
  createFileCache({ folder, clock: systemClock, logger: silentLogger, ...options });
const bytes = (text: string) => Buffer.from(text);
const paths = async () => (await readdir(folder)).map((name) => join(folder, name));

async function only(): Promise<string> {
  const [path, ...others] = await paths();
  if (path === undefined || others.length > 0) throw new Error('not one file');
  return path;
}

describe('the file cache', () => {
  it('gives back what it was given, in another process too', async () => {
    await open().set('a', bytes('one\ntwo\0'));
    await open().set('empty', bytes(''));
    expect(await open().get('a')).toEqual(bytes('one\ntwo\0'));
    expect(await open().get('empty')).toEqual(bytes(''));
    expect(await open().get('b')).toBeNull();
  });

  it('keeps the last of several writers, and nothing half written', async () => {
    const contents = Array.from({ length: 20 }, (_, at) => `${at}`.repeat(5_000));
    await Promise.all(contents.map((content) => open().set('a', bytes(content))));
    expect(contents).toContain(String(await open().get('a')));
    expect(await paths()).toHaveLength(1);
  });

  it('is for its owner only', async () => {
    await open().set('a', bytes('x'));
    expect((await stat(folder)).mode & 0o777).toBe(0o700);
    expect((await stat(await only())).mode & 0o777).toBe(0o600);
  });

  it.each([
    ['is cut', (file: Buffer) => file.subarray(0, -1)],
    ['is longer', (file: Buffer) => Buffer.concat([file, Buffer.from('x')])],
    ['has another byte', (file: Buffer) => Buffer.from(file).fill(0x21, file.length - 1)],
    ['has no header', () => Buffer.from('content')],
    ['has a header that is none', () => Buffer.from('{}\ncontent')],
    ['is empty', () => Buffer.alloc(0)],
  ])('ignores a file that %s, and replaces it', async (_, spoil) => {
    await open().set('a', bytes('content'));
    const path = await only();
    await writeFile(path, spoil(await readFile(path)));
    expect(await open().get('a')).toBeNull();
    await open().set('a', bytes('content'));
    expect(await open().get('a')).toEqual(bytes('content'));
  });

  it("ignores another key's file under its name", async () => {
    await open().set('a', bytes('content'));
    const path = await only();
    await open().set('b', bytes('other'));
    const other = (await paths()).find((each) => each !== path) ?? '';
    await writeFile(path, await readFile(other));
    expect(await open().get('a')).toBeNull();
  });

  it('warns once when it cannot write, and works on', async () => {
    await writeFile(join(root, 'cache'), 'a file where the folder should be');
    const warnings: object[] = [];
    const cache = open({ logger: { ...silentLogger, warn: (fields) => void warnings.push(fields) } });
    await cache.set('a', bytes('x'));
    await cache.set('b', bytes('x'));
    expect(await cache.get('a')).toBeNull();
    expect(warnings).toMatchObject([{ folder, error: expect.stringContaining('ENOTDIR') }]);
  });
});

describe('its size', () => {
  const aged = async (path: string, days: number) => {
    const date = new Date(Date.now() - days * 86_400_000);
    await utimes(path, date, date);
  };

  it('is kept below its limit by dropping what was longest of no use', async () => {
    const kilobyte = Buffer.alloc(1000);
    const cache = open({ maxBytes: 6_200 });
    for (const [at, key] of ['a', 'b', 'c', 'd'].entries()) {
      await cache.set(key, kilobyte);
      for (const path of await paths()) if ((await stat(path)).mtimeMs > Date.now() - 60_000) await aged(path, 20 - at);
    }
    // `a` is the oldest, but is used once more.
    expect(await cache.get('a')).not.toBeNull();
    await cache.set('e', kilobyte);
    await cache.set('f', kilobyte);
    const kept = await Promise.all(['a', 'b', 'c', 'd', 'e', 'f'].map(async (key) => (await cache.get(key)) !== null));
    expect(kept).toEqual([true, false, true, true, true, true]);
  });

  it('is not given to one entry', async () => {
    await open({ maxBytes: 100 }).set('a', Buffer.alloc(101));
    expect(await open().get('a')).toBeNull();
  });

  it('does not grow by what a killed writer left, nor at the cost of what is not its own', async () => {
    await open().set('a', bytes('x'));
    const name = `${'0'.repeat(64)}.1b9d6bcd-bbfd-4b2d-9b5d-ab8dfbbd4bed.tmp`;
    for (const each of [name, name.replace('1b', '2b'), 'notes.txt'])
      await writeFile(join(folder, each), 'x'.repeat(9_999));
    await aged(join(folder, name), 1);
    await open({ maxBytes: 600 }).set('b', bytes('x'));
    const left = await readdir(folder);
    expect(left).not.toContain(name);
    expect(left).toEqual(expect.arrayContaining(['notes.txt', name.replace('1b', '2b')]));
    expect(left).toHaveLength(4);
  });
});
