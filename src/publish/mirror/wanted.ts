import { inLanes } from '../../build/lanes.ts';
import { parseTemplate } from '../../catalog/tag-template.ts';
import type { Settings } from '../../catalog/types.ts';
import type { Digest, PublishTarget } from '../../registry/types.ts';
import type { Publication } from '../../store/publications.ts';
import { originAt } from '../ours.ts';
import { isReserved } from '../publication-tags.ts';
import { mostSpecificFirst } from '../tag-order.ts';
import { templatesOf } from '../tags.ts';
import type { MirrorPlace } from './places.ts';
import type { MirrorRequest } from './types.ts';

/** An image with its tags, as the first registry has it. */
export type WantedImage = Pick<MirrorRequest, 'digest' | 'model' | 'tags'>;

const LANES = 4;

/** A request for each image and place, places in their order. */
export function mirrorRequests(images: readonly WantedImage[], places: readonly MirrorPlace[]): MirrorRequest[] {
  return places.flatMap((place) => images.map(({ digest, model, tags }) => ({ ...place, digest, model, tags })));
}

/** What a publication says of its image. */
export function publishedImage({
  digest,
  model,
  tags,
  immutable,
}: Pick<Publication, 'digest' | 'model' | 'tags' | 'immutable'>): WantedImage {
  return { digest, model, tags: tags.map((tag) => ({ tag, immutable: immutable.includes(tag) })) };
}

/** Whether a publication is in a repository, whichever catalog it comes from. */
export const isIn = ({ repositories }: Pick<Publication, 'repositories'>, repository: string): boolean =>
  repositories.includes(repository);

/**
 * What a repository itself says is published, for want of a ledger: its tags that name images of ours, by digest. Previews, and what lies
 * beside images, are no publications.
 */
export async function imagesIn(
  source: PublishTarget,
  settings: Pick<Settings, 'tags' | 'inputsTag'>,
  signal: AbortSignal,
): Promise<WantedImage[]> {
  const isImmutable = immutableTags(settings);
  const names = (await source.tags({ signal })).filter((tag) => !isReserved(tag));
  const heads = await inLanes(names, LANES, signal, async (tag, lane) => ({
    tag,
    digest: (await source.head(tag, { signal: lane }))?.digest ?? null,
  }));
  const digests = new Map<Digest, string[]>();
  for (const { tag, digest } of heads) {
    if (digest !== null) digests.set(digest, [...(digests.get(digest) ?? []), tag]);
  }
  const images = await inLanes([...digests], LANES, signal, async ([digest, tags], lane) => {
    const origin = await originAt(source, digest, lane);
    if (origin === null) return [];
    const rendered = tags.map((tag) => ({ tag, immutable: isImmutable(tag), template: tag }));
    const sorted = rendered.sort(mostSpecificFirst).map(({ tag, immutable }) => ({ tag, immutable }));
    return [{ digest, model: origin.model, tags: sorted }];
  });
  return images.flat();
}

/** Whether a tag looks like what an immutable template gives. */
export function immutableTags(settings: Pick<Settings, 'tags' | 'inputsTag'>): (tag: string) => boolean {
  const patterns = templatesOf(settings)
    .filter(({ immutable }) => immutable)
    .flatMap(({ template }) => {
      const parsed = parseTemplate(template);
      if (!parsed.valid) return [];
      const source = parsed.parts.map((part) =>
        'literal' in part ? RegExp.escape(part.literal.replaceAll('+', '_')) : '.+',
      );
      return [new RegExp(`^${source.join('')}$`)];
    });
  return (tag) => patterns.some((pattern) => pattern.test(tag));
}
