import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { type FolderLock, lockFolder } from '../../../src/store/lock.ts';
import { liveness, ownIdentity } from '../../../src/store/process-identity.ts';

const script = fileURLToPath(new URL('../../support/store/lock-process.ts', import.meta.url));
const fast = { beatMs: 50, staleMs: 600 };

let folder: string;
let children: ChildProcess[];
let locks: FolderLock[];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'publisher-lock-'));
  children = [];
  locks = [];
});
afterEach(async () => {
  for (const child of children) {
    if (child.exitCode === null && child.signalCode === null) {
      child.kill('SIGKILL');
      await once(child, 'exit');
    }
  }
  for (const lock of locks) await lock.release();
  await rm(folder, { recursive: true, force: true });
});

const take = async (options = {}) => {
  const lock = await lockFolder(folder, { ...fast, ...options });
  locks.push(lock);
  return lock;
};
const contend = async (at = 0): Promise<{ child: ChildProcess; said: string }> => {
  const child = spawn(process.execPath, [script, folder, String(at)], { stdio: ['pipe', 'pipe', 'inherit'] });
  children.push(child);
  return { child, said: String((await once(child.stdout, 'data'))[0]).trim() };
};
/** Another container on the same volume: its pids mean nothing here. */
const elsewhere = { host: 'other-container', pid: 1, realm: 'another kernel', startTicks: '1' };

test('a folder is locked for one process, and the next one is told by whom', async () => {
  await take();
  const second = lockFolder(folder, fast);
  await expect(second).rejects.toMatchObject({
    code: 'busy',
    message: expect.stringMatching(
      /The bot is using this folder \(.*pid \d+ on .*, since 20.*\): stop it, or set DATA_DIR/,
    ),
  });
});

test('a released lock is free at once', async () => {
  await (await take()).release();
  const again = await take({ staleMs: 60_000 });
  expect(again.lost.aborted).toBe(false);
});

test('releasing twice is harmless', async () => {
  const lock = await take();
  await lock.release();
  await expect(lock.release()).resolves.toBeUndefined();
});

test('the lock of a process killed with SIGKILL is free at once', async () => {
  const { child, said } = await contend();
  expect(said).toBe('held');
  await expect(lockFolder(folder, fast)).rejects.toMatchObject({ code: 'busy' });
  child.kill('SIGKILL');
  await once(child, 'exit');
  const start = performance.now();
  await take({ staleMs: 60_000 });
  expect(performance.now() - start).toBeLessThan(5_000);
});

test('a suspended process on this machine keeps its lock', async () => {
  const { child } = await contend();
  child.kill('SIGSTOP');
  await new Promise((resolve) => setTimeout(resolve, 1_200));
  await expect(lockFolder(folder, fast)).rejects.toMatchObject({ code: 'busy' });
  child.kill('SIGCONT');
});

test('of several processes that start at once, one wins', async () => {
  for (let round = 0; round < 3; round += 1) {
    const at = Date.now() + 2_500;
    const contenders = await Promise.all([1, 2, 3, 4].map(() => contend(at)));
    expect(contenders.map(({ said }) => said).sort()).toEqual(['busy', 'busy', 'busy', 'held']);
    // Next round: they race for the lock of a process that was killed.
    for (const { child } of contenders) {
      child.kill('SIGKILL');
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    }
  }
});

describe('a holder on another machine', () => {
  test('that beats keeps its lock', async () => {
    await take({ identity: elsewhere });
    await expect(lockFolder(folder, fast)).rejects.toMatchObject({
      code: 'busy',
      message: expect.stringContaining('other-container'),
    });
  });

  test('that is silent loses it to exactly one of those who wait', async () => {
    const silent = await take({ identity: elsewhere, beatMs: 3_600_000 });
    const attempts = await Promise.allSettled([1, 2, 3, 4].map(() => take()));
    expect(attempts.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    for (const attempt of attempts)
      if (attempt.status === 'rejected') expect(attempt.reason).toMatchObject({ code: 'busy' });
    expect(silent.lost.aborted).toBe(false);
  });

  test('that was suspended notices when it wakes up', async () => {
    const suspended = await take({ identity: elsewhere, beatMs: 1_500 });
    await take();
    await vi.waitFor(() => expect(suspended.lost.aborted).toBe(true), { timeout: 5_000 });
    expect(suspended.lost.reason).toMatchObject({ code: 'busy' });
    await suspended.release();
  });
});

test('only the newest of several holders leaves a file', async () => {
  for (let round = 0; round < 3; round += 1) await (await take()).release();
  await take();
  await vi.waitFor(async () => expect(await readdir(join(folder, 'lock'))).toEqual(['holder.4']));
});

test('a file of ours that disappears means the lock is lost', async () => {
  const lock = await take();
  await rm(join(folder, 'lock'), { recursive: true });
  await vi.waitFor(() => expect(lock.lost.aborted).toBe(true));
});

test('a damaged file is judged by its heartbeat', async () => {
  await (await take()).release();
  await writeFile(join(folder, 'lock', 'holder.1'), '{"holder":');
  const lock = await take();
  expect(lock.lost.aborted).toBe(false);
  expect(await readFile(join(folder, 'lock', 'holder.2'), 'utf8')).toContain('"released":false');
});

describe('whether a process is alive', () => {
  const own = ownIdentity();

  test('is known for this one', () => expect(liveness(own)).toBe('alive'));
  test('is unknown on another machine or in another container', () => {
    expect(liveness({ ...own, realm: 'another boot' })).toBe('unknown');
  });
  test.skipIf(process.platform !== 'linux')('is no for an earlier process with the same pid (Linux)', () => {
    expect(liveness({ ...own, startTicks: '1' })).toBe('dead');
  });
});
