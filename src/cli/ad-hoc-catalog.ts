import { access } from 'node:fs/promises';
import { parseCatalog } from '../catalog/parse.ts';
import type { Catalog } from '../catalog/types.ts';
import { validateExpression, validateWhitelistEntry } from '../licensing/expression.ts';
import { loadCatalog } from './load-catalog.ts';
import { usable } from './plan-context.ts';

/**
 * A catalog of one model that was named on the command line: with the settings and the entry of the catalog file where there is
 * one, with the built-in settings otherwise.
 */
export async function adHocCatalog(id: string, short: string, named: string | undefined): Promise<Catalog> {
  const path = named ?? 'models.yaml';
  const text = JSON.stringify({ models: [{ id, short }] });
  const single = usable(
    parseCatalog(text, { validSpdxExpression: validateExpression, validWhitelistEntry: validateWhitelistEntry }),
    '--id',
  );
  if (named === undefined && !(await exists(path))) return single;
  const catalog = usable(await loadCatalog(path), path);
  const listed = catalog.models.find((model) => model.id === id && model.short === short);
  return { ...catalog, models: listed === undefined ? single.models : [listed] };
}

function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
