import { readFile } from 'node:fs/promises';
import { PublisherError } from '../errors.ts';

/** `licenses/` of this package, whether it runs from `src` or from `dist`. */
export const LICENSES_DIRECTORY = new URL('../../licenses/', import.meta.url);

const SPDX_ID = /^[A-Za-z0-9][A-Za-z0-9.-]*$/;

/**
 * The canonical text of a licence as SPDX publishes it, from `texts/<id>.txt` below the directory; null when there is none. GNU's
 * `X-or-later` and the deprecated `X` have the text of `X-only`.
 *
 * @throws PublisherError `environment` when a text that is there cannot be read
 */
export async function canonicalText(spdxId: string, directory: URL = LICENSES_DIRECTORY): Promise<string | null> {
  return (await textAt(spdxId, directory)) ?? (await textAt(`${spdxId.replace(/-or-later$/, '')}-only`, directory));
}

async function textAt(spdxId: string, directory: URL): Promise<string | null> {
  if (!SPDX_ID.test(spdxId)) return null;
  const file = new URL(`texts/${spdxId}.txt`, directory);
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return null;
    throw new PublisherError('environment', `The licence text ${file.pathname} cannot be read: restore it.`, { cause });
  }
}
