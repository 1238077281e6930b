/** Writes `models.schema.json` at the top of the package from the schema that also checks catalogs. */
import { writeFile } from 'node:fs/promises';
import { catalogJsonSchema } from '../src/catalog/json-schema.ts';

await writeFile(new URL('../models.schema.json', import.meta.url), catalogJsonSchema());
