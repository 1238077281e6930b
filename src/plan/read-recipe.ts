import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { digestSchema } from '../build/schema.ts';
import { messageOf, PublisherError } from '../errors.ts';
import { sha256Hex } from '../image/hash.ts';
import type { RuntimeRecipe } from './origin.ts';

const lockSchema = z.object({ bases: z.record(z.string(), digestSchema) });

/**
 * What runtime images are made from, as this installation has it. A file that is not there is no error: who builds no runtime needs none.
 *
 * @param root folder of the package, with a slash at its end
 * @throws PublisherError `environment` when a file is there and cannot be used
 */
export async function readRecipe(root: URL): Promise<RuntimeRecipe> {
  const dockerfile = await readIfThere(new URL('docker/runtimes/Dockerfile', root));
  const lock = await readIfThere(new URL('bases.lock.json', root));
  return {
    dockerfile: dockerfile === null ? null : sha256Hex(dockerfile),
    bases: lock === null ? {} : parseLock(lock),
  };
}

function parseLock(text: string): RuntimeRecipe['bases'] {
  try {
    return lockSchema.parse(JSON.parse(text)).bases;
  } catch (error) {
    throw new PublisherError('environment', `bases.lock.json cannot be used: ${messageOf(error)}`, { cause: error });
  }
}

async function readIfThere(url: URL): Promise<string | null> {
  try {
    return await readFile(url, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    throw new PublisherError('environment', `Cannot read ${url.pathname}: ${messageOf(error)}`, { cause: error });
  }
}
