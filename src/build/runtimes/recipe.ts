import { readFile } from 'node:fs/promises';
import { messageOf, PublisherError } from '../../errors.ts';
import { sha256Hex } from '../../image/hash.ts';
import { type BasePins, parseBaseLock } from './base-lock.ts';

/** What runtime images are made from, beside what the catalog says. */
export interface Recipe {
  /** Hex sha256 of `docker/runtimes/Dockerfile`. */
  dockerfile: string;
  pins: BasePins;
}

export const LOCK_FILE = 'bases.lock.json';

/** Reads it from the package's folder. @throws PublisherError `environment` where a part is missing or unusable */
export async function readRecipe(root: URL): Promise<Recipe> {
  const [dockerfile, lock] = await Promise.all(
    ['docker/runtimes/Dockerfile', LOCK_FILE].map((path) => readPart(new URL(path, root))),
  );
  return { dockerfile: sha256Hex(dockerfile ?? ''), pins: parseBaseLock(lock ?? '') };
}

async function readPart(place: URL): Promise<string> {
  try {
    return await readFile(place, 'utf8');
  } catch (error) {
    const message = `Runtime images cannot be built by this installation: ${messageOf(error)}`;
    throw new PublisherError('environment', message, { cause: error });
  }
}
