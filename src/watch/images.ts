import type { Publication } from '../store/publications.ts';
import type { ImageToScan, ScanSubject } from './types.ts';

/**
 * What there is to scan of the publications that are current. Weights hold no packages: where slim and fat stand on the same base, the
 * slim image stands for both.
 */
export function imagesOf(publications: readonly Publication[]): ImageToScan[] {
  return publications.flatMap((publication) => {
    const [repository] = publication.repositories;
    if (repository === undefined) return [];
    const subject = subjectOf(slimOf(publication, publications)) ?? subjectOf(publication);
    if (subject === null) return [];
    const { short, runtime, variant, digest } = publication;
    return [{ short, runtime, variant, digest, reference: `${repository}@${digest}`, subject }];
  });
}

function slimOf(publication: Publication, all: readonly Publication[]): Publication | undefined {
  return all.find(
    ({ catalog, short, runtime, variant, base }) =>
      variant === 'slim' &&
      catalog === publication.catalog &&
      short === publication.short &&
      runtime === publication.runtime &&
      base.digest === publication.base.digest,
  );
}

function subjectOf(publication: Publication | undefined): ScanSubject | null {
  const [repository] = publication?.repositories ?? [];
  if (publication === undefined || repository === undefined) return null;
  const { digest, platforms, owner, inputs } = publication;
  return { digest, reference: `${repository}@${digest}`, platforms, owner, inputs };
}
