import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { catalogJsonSchema } from '../../../src/catalog/json-schema.ts';
import { parseCatalog } from '../../../src/catalog/parse.ts';

const top = new URL('../../../', import.meta.url);

test('models.schema.json is up to date (else: npm run schema)', async () => {
  expect(await readFile(new URL('models.schema.json', top), 'utf8')).toBe(catalogJsonSchema());
});

test('it is draft 7, closed, and describes every key of a model', () => {
  const schema = JSON.parse(catalogJsonSchema());
  expect(schema.$schema).toBe('http://json-schema.org/draft-07/schema#');
  expect(schema.additionalProperties).toBe(false);
  expect(schema.required).toEqual(['models']);
  const model = schema.properties.models.items;
  expect(model.required).toEqual(['id', 'short']);
  expect(model.properties.short.pattern).toBe('^[a-z0-9]+(-[a-z0-9]+)*$');
  for (const key of Object.keys(model.properties))
    expect(JSON.stringify(model.properties[key])).toContain('"description"');
});

test('the catalog at the top is valid without a warning and names its schema for editors', async () => {
  const text = await readFile(new URL('models.yaml', top), 'utf8');
  expect(text.split('\n', 1)[0]).toBe('# yaml-language-server: $schema=./models.schema.json');
  expect(parseCatalog(text)).toMatchObject({ valid: true, warnings: [] });
});
