import { existsSync } from 'node:fs';
import { parseCatalog } from '../catalog/parse.ts';
import type { CatalogResult } from '../catalog/types.ts';
import { CATALOG_CHECKS } from '../licensing/catalog-checks.ts';
import type { CommandContext } from './command.ts';
import { loadCatalog } from './load-catalog.ts';

const DEFAULT = 'models.yaml';

/** The catalog; where none is named and none lies here, that of the built-in runtimes, which need no models. */
export async function runtimeCatalog({ arguments: given }: CommandContext): Promise<CatalogResult> {
  const named = given.text('catalog');
  if (named === undefined && !existsSync(DEFAULT)) return parseCatalog('models: []\n', CATALOG_CHECKS);
  return loadCatalog(named ?? DEFAULT);
}
