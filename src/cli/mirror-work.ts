import { asPublisherError, PublisherError } from '../errors.ts';
import { mirrorPlaces } from '../publish/mirror/places.ts';
import type { MirrorRequest } from '../publish/mirror/types.ts';
import { imagesIn, isIn, mirrorRequests, publishedImage, type WantedImage } from '../publish/mirror/wanted.ts';
import { parseReference } from '../registry/reference.ts';
import type { Store } from '../store/open.ts';
import { type Planning, suffixOf } from './plan-context.ts';

export interface MirrorWork {
  requests: MirrorRequest[];
  /** Why a mirror gets nothing, or nobody knows what it should get; one sentence each. */
  problems: string[];
  notes: string[];
  /** Sources that could not be read. */
  errors: PublisherError[];
}

/**
 * What the mirrors of a catalog should have: of each model what the ledger says is published in its first registry, else what that
 * registry itself says. No mirror is connected to.
 *
 * @param shorts of these models; of all when empty
 * @throws PublisherError `usage` for a model that the catalog does not have; `cancelled`
 */
export async function mirrorWork(
  { services, catalog, owner, git }: Planning,
  shorts: readonly string[],
  store: Store | null,
  signal: AbortSignal,
): Promise<MirrorWork> {
  const unknown = shorts.find((short) => catalog.models.every((model) => model.short !== short));
  if (unknown !== undefined) throw new PublisherError('usage', `The catalog has no model \`${unknown}\`.`);
  const work: MirrorWork = { requests: [], problems: [], notes: [], errors: [] };
  if (catalog.settings.mirrors.length === 0) work.notes.push('The catalog names no `mirrors` in its defaults.');
  const context = { owner, namespaceSuffix: suffixOf(git), publishAllow: services.publishAllow };
  for (const model of catalog.models) {
    if (shorts.length > 0 && !shorts.includes(model.short)) continue;
    const { places, problems } = mirrorPlaces(model, catalog.settings, context);
    work.problems.push(...problems);
    const [place] = places;
    if (place === undefined) continue;
    const { source } = place;
    const recorded = store === null ? [] : await recordedImages(store, model.short, source);
    try {
      const read = () => imagesIn(services.target(parseReference(source), owner), catalog.settings, signal);
      const images = recorded.length > 0 ? recorded : await read();
      if (images.length === 0) work.notes.push(`${source} has nothing published.`);
      work.requests.push(...mirrorRequests(images, places));
    } catch (thrown) {
      if (signal.aborted) throw thrown;
      work.errors.push(asPublisherError(thrown));
    }
  }
  return work;
}

async function recordedImages({ db }: Store, short: string, source: string): Promise<WantedImage[]> {
  const { currentPublications } = await import('../store/publications.ts');
  const publications = await currentPublications(db, { short });
  return publications.filter((publication) => isIn(publication, source)).map(publishedImage);
}
