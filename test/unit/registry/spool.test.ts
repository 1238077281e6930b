import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Spool } from '../../../src/registry/spool.ts';
import type { SpoolFile } from '../../../src/registry/spool-file.ts';

let directory = '';
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'spool-'));
});
afterEach(() => rm(directory, { recursive: true }));

async function settled(promise: Promise<unknown>): Promise<boolean> {
  const end = () => true;
  return Promise.race([promise.then(end, end), delay(20, false)]);
}

async function bytesOf(file: SpoolFile): Promise<Buffer> {
  return Buffer.concat(await Array.fromAsync(file.read()));
}

describe('a spooled file', () => {
  it('gives what was written as often as it is asked, and never has a name', async () => {
    const bytes = Buffer.from('a layer '.repeat(100_000));
    await using file = await new Spool({ directory }).open(bytes.byteLength);
    expect(await readdir(directory)).toEqual([]);
    for (let at = 0; at < bytes.byteLength; at += 65_536) await file.write(bytes.subarray(at, at + 65_536));
    expect(await readdir(directory)).toEqual([]);
    expect((await bytesOf(file)).equals(bytes)).toBe(true);
    expect((await bytesOf(file)).equals(bytes)).toBe(true);
  });

  it('makes its folder', async () => {
    await using file = await new Spool({ directory: join(directory, 'a/b') }).open(3);
    await file.write(Buffer.from('abc'));
    expect(String(await bytesOf(file))).toBe('abc');
  });

  it('is gone with a process that is killed', async () => {
    const script = `
      import { Spool } from ${JSON.stringify(new URL('../../../src/registry/spool.ts', import.meta.url).href)};
      const file = await new Spool({ directory: ${JSON.stringify(directory)} }).open(100);
      await file.write(new Uint8Array(50));
      process.stdout.write('written');
      setInterval(() => file, 1000);
    `;
    const child = spawn(process.execPath, ['--input-type=module', '--eval', script]);
    await once(child.stdout, 'data');
    child.kill('SIGKILL');
    await once(child, 'exit');
    expect(await readdir(directory)).toEqual([]);
  });

  it('cannot be used after it was given up', async () => {
    const file = await new Spool({ directory }).open(3);
    await file[Symbol.asyncDispose]();
    await expect(file.write(Buffer.from('abc'))).rejects.toMatchObject({ code: 'internal' });
  });
});

describe('a spool', () => {
  it('has only so much room: who finds none waits, in order, until another is done', async () => {
    const spool = new Spool({ directory, maxBytes: 10 });
    const first = await spool.open(6);
    const second = spool.open(6);
    const third = spool.open(1);
    expect(await settled(second)).toBe(false);
    expect(await settled(third)).toBe(false);
    expect(spool.reserved).toBe(6);
    await first[Symbol.asyncDispose]();
    const files = [await second, await third];
    expect(spool.reserved).toBe(7);
    for (const file of files) await file[Symbol.asyncDispose]();
    expect(spool.reserved).toBe(0);
  });

  it('counts what is promised but not written yet as no longer free', async () => {
    const spool = new Spool({ directory, freeBytes: async () => 10 });
    await using file = await spool.open(6);
    const second = spool.open(6);
    expect(await settled(second)).toBe(false);
    await file[Symbol.asyncDispose]();
    await using other = await second;
    expect(other.size).toBe(6);
  });

  it('says folder, need and room when the disk is too small', async () => {
    const spool = new Spool({ directory, freeBytes: async () => 1_234 });
    await expect(spool.open(5_678)).rejects.toMatchObject({
      code: 'environment',
      message: expect.stringMatching(new RegExp(`${directory}.* 5678 bytes.* 1234 are free`)),
    });
    expect(spool.reserved).toBe(0);
  });

  it('never waits for room it will not have', async () => {
    await expect(new Spool({ directory, maxBytes: 10 }).open(11)).rejects.toMatchObject({
      code: 'environment',
      message: expect.stringContaining('limits.layer_max_bytes'),
    });
  });

  it('names a folder it cannot write', async () => {
    const path = join(directory, 'file');
    await writeFile(path, '');
    await expect(new Spool({ directory: join(path, 'sub') }).open(1)).rejects.toMatchObject({
      code: 'environment',
      message: expect.stringContaining(path),
    });
  });

  it('lets go of who stops waiting, whoever else waits', async () => {
    const spool = new Spool({ directory, maxBytes: 10 });
    const first = await spool.open(10);
    const patient = spool.open(10);
    const stop = new AbortController();
    const impatient = spool.open(10, stop.signal);
    stop.abort();
    await expect(impatient).rejects.toMatchObject({ code: 'cancelled' });
    await first[Symbol.asyncDispose]();
    await (await patient)[Symbol.asyncDispose]();
    await (await spool.open(10))[Symbol.asyncDispose]();
    expect(spool.reserved).toBe(0);
  });
});
