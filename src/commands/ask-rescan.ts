import { code } from '../report/markdown.ts';
import type { ReviewContext } from '../review/context.ts';
import { type KnownCatalog, knownCatalogs } from '../store/catalogs.ts';
import { currentPublications } from '../store/publications.ts';

/** Catalogs of a repository that have published what is asked for, with how many images that is; or one sentence why there are none. */
export async function wantedRescans(
  short: string | null,
  repoId: number,
  { store }: Pick<ReviewContext, 'store'>,
): Promise<{ ok: true; catalogs: KnownCatalog[]; images: number } | { ok: false; sentence: string }> {
  const known = await knownCatalogs(store.db, { repoId });
  const published = await Promise.all(
    known.map(async (catalog) => {
      const all = await currentPublications(store.db, { catalog: catalog.catalog });
      return { catalog, all, wanted: all.filter((publication) => short === null || publication.short === short) };
    }),
  );
  const concerned = published.filter(({ wanted }) => wanted.length > 0);
  if (concerned.length > 0) {
    const images = concerned.reduce((sum, { wanted }) => sum + wanted.length, 0);
    return { ok: true, catalogs: concerned.map(({ catalog }) => catalog), images };
  }
  const shorts = [...new Set(published.flatMap(({ all }) => all.map((publication) => publication.short)))];
  if (shorts.length === 0 || short === null) {
    return { ok: false, sentence: 'Nothing is published from this repository yet, so there is nothing to scan again.' };
  }
  const names = shorts.slice(0, 20).map(code).join(', ');
  return { ok: false, sentence: `No image of ${code(short)} is published from this repository; there are ${names}.` };
}
