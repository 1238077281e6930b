import { z } from 'zod';

/** Where transformers looks first, and the older place. */
export const TEMPLATE_FILE = 'chat_template.jinja';
export const TOKENIZER_CONFIG = 'tokenizer_config.json';

const named = z.array(z.object({ name: z.string(), template: z.string() }));
const tokenizerSchema = z.object({ chat_template: z.union([z.string(), named]).nullish() });
/** The Hub's extract (`expand=config`). */
const extractSchema = z.object({
  tokenizer_config: tokenizerSchema.nullish().catch(null),
  chat_template_jinja: z.string().nullish().catch(null),
});

/** The template of a parsed `tokenizer_config.json`, the one called `default` of several; null when it has none. */
export function templateOf(tokenizerConfig: unknown): string | null {
  const parsed = tokenizerSchema.safeParse(tokenizerConfig);
  const template = parsed.data?.chat_template ?? null;
  if (template === null || typeof template === 'string') return template;
  return template.find(({ name }) => name === 'default')?.template ?? null;
}

/** The template as the Hub's own extract of a repository's configuration tells it; null when it does not. */
export function templateInExtract(config: unknown): string | null {
  const extract = extractSchema.safeParse(config).data;
  return extract?.chat_template_jinja ?? templateOf(extract?.tokenizer_config);
}

/** Templates that differ in nothing but space around them are one. */
export function sameTemplate(a: string, b: string): boolean {
  const plain = (text: string) => text.replaceAll('\r\n', '\n').trim();
  return plain(a) === plain(b);
}
