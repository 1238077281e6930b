import { open, readFile, rm } from 'node:fs/promises';
import type { Clock } from '../clock.ts';
import { PublisherError } from '../errors.ts';
import { cancelled, pause } from '../http/retry.ts';
import { diskFailure, errnoOf } from './layout-files.ts';

const WAIT_MS = 30_000;
const STEP_MS = 20;

/**
 * Runs `change` while this process alone may change a layout's index. The lock is a file with the holder's process id; one
 * left by a dead process of this machine is taken over.
 *
 * @throws PublisherError `busy` when another process keeps it for half a minute
 */
export async function withLayoutLock<T>(
  path: string,
  { clock, signal }: { clock: Clock; signal?: AbortSignal | undefined },
  change: () => Promise<T>,
): Promise<T> {
  const until = clock.now() + WAIT_MS;
  while (!(await take(path))) {
    if (signal?.aborted) throw cancelled(signal);
    if (clock.now() >= until) {
      throw new PublisherError('busy', `Another process holds ${path}: wait for it, or remove the file if none runs`);
    }
    await pause(clock, STEP_MS, signal);
  }
  try {
    return await change();
  } finally {
    await rm(path, { force: true });
  }
}

async function take(path: string): Promise<boolean> {
  try {
    const file = await open(path, 'wx');
    await file.writeFile(String(process.pid)).finally(() => file.close());
    return true;
  } catch (error) {
    if (errnoOf(error) !== 'EEXIST') throw diskFailure(error, path);
  }
  const holder = Number(await readFile(path, 'utf8').catch(() => ''));
  // An empty file is a lock in the making; the wait for it is bounded all the same.
  if (Number.isInteger(holder) && holder > 0 && !isAlive(holder)) await rm(path, { force: true });
  return false;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return errnoOf(error) !== 'ESRCH';
  }
}
