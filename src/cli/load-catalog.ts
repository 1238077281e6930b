import { open } from 'node:fs/promises';
import { MAX_CATALOG_BYTES, parseCatalog } from '../catalog/parse.ts';
import type { CatalogResult } from '../catalog/types.ts';
import { messageOf, PublisherError } from '../errors.ts';
import { CATALOG_CHECKS } from '../licensing/catalog-checks.ts';

/** Reads and validates a catalog file. @throws PublisherError `environment` as {@link readCatalog} */
export async function loadCatalog(path: string): Promise<CatalogResult> {
  try {
    return parseCatalog(await readCatalog(path), CATALOG_CHECKS);
  } catch (error) {
    if (!(error instanceof PublisherError) || error.code !== 'catalog-invalid') throw error;
    return { valid: false, problems: [{ path: '', line: 1, column: 1, message: error.message }] };
  }
}

/**
 * The text of a catalog file, up to one byte over the limit: enough to know, and a file of any size costs no more memory.
 * @throws PublisherError `environment` when there is no such file or it cannot be read, `catalog-invalid` when it is not UTF-8
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
    return new TextDecoder('utf-8', { fatal: length <= MAX_CATALOG_BYTES, ignoreBOM: true }).decode(
      buffer.subarray(0, length),
    );
  } catch (error) {
    if (error instanceof TypeError) {
      throw new PublisherError('catalog-invalid', `${path} is not UTF-8 text: save it as UTF-8.`, { cause: error });
    }
    const missing = error instanceof Error && 'code' in error && error.code === 'ENOENT';
    const what = missing
      ? `There is no catalog at ${path}: name it with --catalog.`
      : `Cannot read ${path}: ${messageOf(error)}`;
    throw new PublisherError('environment', what, { cause: error });
  }
}
