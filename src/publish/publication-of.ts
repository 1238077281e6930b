import type { Publication, PublicationDetails } from '../store/publications.ts';
import type { PublishedImage, WantedPublication } from './types.ts';

/** What a publication is recorded with that its image does not tell. */
export type PublicationFacts = Pick<Publication, 'catalog' | 'owner'> &
  Pick<PublicationDetails, 'mirrors' | 'commit' | 'pr' | 'entry' | 'wanted'>;

/** A published image as the ledger keeps it; null for a target that was never built. */
export function publicationOf(
  { target, places }: WantedPublication,
  { digest, revision, tags, attestations, signed, scan }: PublishedImage,
  facts: PublicationFacts,
): Omit<Publication, 'id' | 'state' | 'publishedAt'> | null {
  const { request, model, runtime, variant } = target;
  if (request === null) return null;
  const immutable = places.flatMap((place) => place.tags.filter((tag) => tag.immutable).map(({ tag }) => tag));
  return {
    ...facts,
    short: model.short,
    model: model.id,
    runtime,
    variant,
    inputs: request.key,
    digest,
    revision,
    base: { reference: request.base.reference, digest: request.base.digest },
    platforms: Object.keys(request.inputs.base),
    repositories: places.map(({ repository }) => repository),
    tags,
    immutable: [...new Set(immutable)],
    attestations,
    signed,
    scanned: scan?.status === 'scanned',
  };
}
