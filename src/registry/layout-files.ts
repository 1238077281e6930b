import { randomBytes } from 'node:crypto';
import { type FileHandle, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { z } from 'zod';
import { messageOf, PublisherError } from '../errors.ts';

const errnoSchema = z.object({ code: z.string() });
const NO_ROOM: ReadonlySet<string> = new Set(['ENOSPC', 'EDQUOT']);
const NO_ACCESS: ReadonlySet<string> = new Set(['EACCES', 'EPERM', 'EROFS', 'ENOTDIR', 'EISDIR', 'EEXIST']);

/** A running write touches its file far more often. */
const ABANDONED_MS = 3_600_000;

/** The `code` of a system error, or null. */
export function errnoOf(error: unknown): string | null {
  return errnoSchema.safeParse(error).data?.code ?? null;
}

/** A failure of this machine's disk as one of ours: `environment`, saying what to do. Other errors stay as they are. */
export function diskFailure(error: unknown, path: string): unknown {
  const code = errnoOf(error) ?? '';
  if (NO_ROOM.has(code)) {
    return new PublisherError('environment', `No space left to write ${path}: free some, or choose another folder`, {
      cause: error,
    });
  }
  if (NO_ACCESS.has(code)) {
    return new PublisherError('environment', `Cannot write ${path}: ${messageOf(error)}`, { cause: error });
  }
  return error;
}

/**
 * Writes a file so that it appears whole or not at all, also after a crash: a temporary file beside it, flushed, then
 * renamed to the path that `write` returns.
 *
 * @throws PublisherError `environment` for a full or forbidden disk; whatever `write` throws
 */
export async function writeWhole(dir: string, write: (file: FileHandle) => Promise<string>): Promise<void> {
  const temporary = `${dir}/.${randomBytes(8).toString('hex')}.part`;
  try {
    const file = await open(temporary, 'wx', 0o644);
    let path: string;
    try {
      path = await write(file);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
    await flushDirectory(dirname(path));
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => undefined);
    throw diskFailure(error, dir);
  }
}

/** Removes what killed writers left: temporary files that nobody wrote to for an hour before `now` (milliseconds). */
export async function sweep(dir: string, now: number): Promise<void> {
  for (const name of await readdir(dir)) {
    if (!/^\.[0-9a-f]{16}\.part$/.test(name)) continue;
    const found = await stat(`${dir}/${name}`).catch(() => null);
    if (found !== null && now - found.mtimeMs > ABANDONED_MS) await rm(`${dir}/${name}`, { force: true });
  }
}

/** A rename survives a power cut only once its folder is flushed too. */
async function flushDirectory(dir: string): Promise<void> {
  const handle = await open(dir, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
