import { PublisherError } from '../../errors.ts';
import type { CommandContext } from '../command.ts';

export interface PublishOptions {
  variant: 'slim' | 'fat' | undefined;
  runtime: string | undefined;
  experimental: boolean;
  /** Takes over moving tags that name images of others, and repositories of other catalogs. */
  force: boolean;
  /** Tag templates besides the catalog's. */
  tags: string[];
  /** Whose repositories they are to be; null neither claims nor checks. */
  catalogId: string | null;
}

/** @throws PublisherError `usage` */
export function readPublishOptions(context: CommandContext): PublishOptions {
  const { arguments: given } = context;
  const variant = given.text('variant');
  if (variant !== undefined && variant !== 'slim' && variant !== 'fat') {
    throw new PublisherError('usage', `--variant is slim or fat, not "${variant}".`);
  }
  return {
    variant,
    runtime: given.text('runtime'),
    experimental: given.given('experimental'),
    force: given.given('force'),
    tags: given.list('tag'),
    catalogId: readCatalogId(context),
  };
}

/** @throws PublisherError `usage` */
export function readCatalogId({ arguments: given }: CommandContext): string | null {
  const catalogId = given.text('catalog-id') ?? null;
  if (catalogId === null || /^[\x21-\x7e]{1,200}$/.test(catalogId)) return catalogId;
  throw new PublisherError('usage', '--catalog-id is a word of at most 200 printable characters.');
}
