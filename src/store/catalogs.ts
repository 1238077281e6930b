import { and, asc, eq, isNull, lt, or, sql } from 'drizzle-orm';
import { z } from 'zod';
import type { Database } from './database.ts';
import { catalogs } from './schema.ts';

/** What is kept of a catalog on its default branch, so that nobody has to read it again to know whether there is anything to do. */
const stateSchema = z.object({
  /** Commit of the default branch it was read at, 40 hex. */
  commit: z.string(),
  /** `schedule` as the catalog writes it; null when it writes none, and the default holds. */
  schedule: z.string().nullable(),
});
export type KnownCatalogState = z.infer<typeof stateSchema>;

/** A catalog on the default branch of a repository that the App is installed in. */
export interface KnownCatalog {
  /** See `catalogId`. */
  catalog: string;
  installationId: number;
  repoId: number;
  owner: string;
  repo: string;
  /** Of the catalog in the repository. */
  path: string;
  state: KnownCatalogState;
  /** Up to when its schedule was served; null before anybody looked at it. */
  servedUntil: Date | null;
}

/** Writes what a push to the default branch made of a catalog. How far its schedule was served stays. */
export async function rememberCatalog(db: Database, known: Omit<KnownCatalog, 'servedUntil'>): Promise<void> {
  const { catalog, installationId, repoId, owner, repo, path } = known;
  const changing = { installationId, repoId, owner, repo, path, state: stateSchema.parse(known.state) };
  await db
    .insert(catalogs)
    .values({ catalog, ...changing })
    .onConflictDoUpdate({ target: catalogs.catalog, set: { ...changing, updatedAt: sql`now()` } });
}

/** All of them, or those of one repository. */
export async function knownCatalogs(db: Database, filter: { repoId?: number } = {}): Promise<KnownCatalog[]> {
  const rows = await db
    .select()
    .from(catalogs)
    .where(filter.repoId === undefined ? undefined : eq(catalogs.repoId, filter.repoId))
    .orderBy(asc(catalogs.catalog));
  return rows.map(({ updatedAt: _, unfinished: _unfinished, ...row }) => ({
    ...row,
    state: stateSchema.parse(row.state),
  }));
}

/** The catalog is gone from its default branch, or the App from its repository. */
export async function forgetCatalog(db: Database, catalog: string): Promise<void> {
  await db.delete(catalogs).where(eq(catalogs.catalog, catalog));
}

/** Takes a due time for this process: false when another one has served it, or a later one, already. */
export async function serveSchedule(db: Database, catalog: string, until: Date): Promise<boolean> {
  const rows = await db
    .update(catalogs)
    .set({ servedUntil: until })
    .where(and(eq(catalogs.catalog, catalog), or(isNull(catalogs.servedUntil), lt(catalogs.servedUntil, until))))
    .returning({ catalog: catalogs.catalog });
  return rows.length > 0;
}
