import { open } from 'node:fs/promises';
import { MAX_CATALOG_BYTES, type ParseOptions, parseCatalog } from '../catalog/parse.ts';
import type { CatalogResult } from '../catalog/types.ts';
import { messageOf, PublisherError } from '../errors.ts';
import { validateExpression, validateWhitelistEntry } from '../licensing/expression.ts';

/** What the catalog's own grammar cannot judge. */
export const CATALOG_CHECKS: ParseOptions = {
  validSpdxExpression: validateExpression,
  validWhitelistEntry: validateWhitelistEntry,
};

/** Reads and validates a catalog file. @throws PublisherError `environment` as {@link readCatalog} */
export async function loadCatalog(path: string): Promise<CatalogResult> {
  return parseCatalog(await readCatalog(path), CATALOG_CHECKS);
}

/**
 * The text of a catalog file, up to one byte over the limit: enough to know, and a file of any size costs no more memory.
 * @throws PublisherError `environment` when there is no such file or it cannot be read
 */
export async function readCatalog(path: string): Promise<string> {
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
