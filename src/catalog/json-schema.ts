import { z } from 'zod';
import { catalogSchema } from './schema.ts';

/**
 * The format of `models.yaml` as JSON Schema draft 7, the one that editors understand. It says a little less than
 * `parseCatalog`: what no regular expression can tell is left to the latter.
 */
export function catalogJsonSchema(): string {
  const { $schema, ...schema } = z.toJSONSchema(catalogSchema, { target: 'draft-07', io: 'input' });
  const document = {
    $schema,
    title: 'models.yaml',
    description: 'Hugging Face models to publish as container images.',
    ...schema,
  };
  return `${JSON.stringify(document, null, 2)}\n`;
}
