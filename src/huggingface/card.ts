import { REPOSITORY } from './schema.ts';
import type { DeclaredLicense } from './types.ts';

type CardData = Record<string, unknown>;

/** What the card declares, else what the Hub's tags say. Declarations that are no text stay visible, as unknown licences. */
export function declaredLicense(cardData: CardData, tags: readonly string[]): DeclaredLicense {
  const declared = listOf(cardData.license).map((id) => (typeof id === 'string' ? id.trim() : JSON.stringify(id)));
  const tagged = tags.filter((tag) => tag.startsWith('license:')).map((tag) => tag.slice('license:'.length));
  const ids = declared.filter((id) => id !== '');
  return {
    ids: [...new Set(ids.length > 0 ? ids : tagged)],
    name: textOf(cardData.license_name),
    link: textOf(cardData.license_link),
  };
}

/**
 * Direct parents: the card's `base_model`, and the Hub's own reading (`expand=baseModels`, `{models: [{id}]}`), sorted.
 * Neither may hide one the other names. Entries that are no repository name are local paths of the author and left out.
 */
export function baseModelsOf(cardData: CardData, expanded: unknown): string[] {
  const models = fieldOf(expanded, 'models');
  const known = listOf(models).map((model) => fieldOf(model, 'id'));
  const names = [...listOf(cardData.base_model), ...known];
  return [...new Set(names.filter((name) => typeof name === 'string').filter((name) => REPOSITORY.test(name)))].sort();
}

function fieldOf(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null
    ? Object.entries(value).find(([name]) => name === key)?.[1]
    : undefined;
}

function listOf(value: unknown): unknown[] {
  if (value === undefined || value === null) return [];
  return Array.isArray(value) ? value : [value];
}

function textOf(value: unknown): string | null {
  return typeof value === 'string' && value.trim() !== '' ? value.trim() : null;
}
