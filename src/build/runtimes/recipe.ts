import { readFile } from 'node:fs/promises';
import { messageOf, PublisherError } from '../../errors.ts';
import { sha256Hex } from '../../image/hash.ts';
import { type BasePins, parseBaseLock } from './base-lock.ts';

/** What runtime images are made from, beside what the catalog says. */
export interface RuntimeRecipe {
  /** Hex sha256 of `docker/runtimes/Dockerfile`; null where it is not installed. */
  dockerfile: string | null;
  pins: BasePins;
}

export const LOCK_FILE = 'bases.lock.json';

/**
 * Reads it from the package's folder. A file that is not there is no error: who builds no runtime needs none.
 *
 * @throws PublisherError `environment` when a file is there and cannot be used
 */
export async function readRecipe(root: URL): Promise<RuntimeRecipe> {
  const dockerfile = await readIfThere(new URL('docker/runtimes/Dockerfile', root));
  const lock = await readIfThere(new URL(LOCK_FILE, root));
  return {
    dockerfile: dockerfile === null ? null : sha256Hex(dockerfile),
    pins: lock === null ? {} : parseBaseLock(lock),
  };
}

async function readIfThere(url: URL): Promise<string | null> {
  try {
    return await readFile(url, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    throw new PublisherError('environment', `Cannot read ${url.pathname}: ${messageOf(error)}`, { cause: error });
  }
}
