import { open } from 'node:fs/promises';
import { MAX_CATALOG_BYTES, parseCatalog } from '../catalog/parse.ts';
import type { CatalogResult } from '../catalog/types.ts';
import { messageOf, PublisherError } from '../errors.ts';
import { validateExpression, validateWhitelistEntry } from '../licensing/expression.ts';

/**
 * Reads and validates a catalog file.
 * @throws PublisherError `environment` when there is no such file or it cannot be read
 */
export async function loadCatalog(path: string): Promise<CatalogResult> {
  return parseCatalog(await readBounded(path), {
    validSpdxExpression: validateExpression,
    validWhitelistEntry: validateWhitelistEntry,
  });
}

/** One byte over the limit is enough to know; a file of any size costs no more memory. */
async function readBounded(path: string): Promise<string> {
  try {
    await using file = await open(path, 'r');
    const buffer = Buffer.alloc(MAX_CATALOG_BYTES + 1);
    let length = 0;
    while (length < buffer.length) {
      const { bytesRead } = await file.read(buffer, length, buffer.length - length);
      if (bytesRead === 0) break;
      length += bytesRead;
    }
    return buffer.toString('utf8', 0, length);
  } catch (error) {
    const missing = error instanceof Error && 'code' in error && error.code === 'ENOENT';
    const what = missing
      ? `There is no catalog at ${path}: name it with --catalog.`
      : `Cannot read ${path}: ${messageOf(error)}`;
    throw new PublisherError('environment', what, { cause: error });
  }
}
