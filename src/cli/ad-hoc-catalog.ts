import { access } from 'node:fs/promises';
import { z } from 'zod';
import { parseCatalog } from '../catalog/parse.ts';
import { readSource } from '../catalog/text.ts';
import { toPlain } from '../catalog/tree.ts';
import type { Catalog } from '../catalog/types.ts';
import { parseYaml } from '../catalog/yaml.ts';
import { CATALOG_CHECKS } from '../licensing/catalog-checks.ts';
import { readCatalog } from './load-catalog.ts';
import { usable } from './plan-context.ts';

const fileSchema = z.record(z.string(), z.unknown());

/**
 * A catalog of one model that was named on the command line: its entry in the catalog file where there is one, else a bare entry
 * under the file's `defaults` (above all, the registries it publishes to), else the built-in settings.
 */
export async function adHocCatalog(id: string, short: string, named: string | undefined): Promise<Catalog> {
  const path = named ?? 'models.yaml';
  const models = [{ id, short }];
  if (named === undefined && !(await exists(path))) return read({ models }, '--id');
  const text = await readCatalog(path);
  const catalog = usable(parseCatalog(text, CATALOG_CHECKS), path);
  const listed = catalog.models.filter((model) => model.id === id && model.short === short);
  if (listed.length > 0) return { ...catalog, models: listed };
  const { tree } = parseYaml(readSource(text));
  return read({ ...fileSchema.parse(tree === null ? {} : toPlain(tree)), models }, `--id with ${path}`);
}

function read(catalog: object, where: string): Catalog {
  return usable(parseCatalog(JSON.stringify(catalog), CATALOG_CHECKS), where);
}

function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
