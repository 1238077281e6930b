import { and, eq, inArray } from 'drizzle-orm';
import type { Database } from './database.ts';
import { repositories } from './schema.ts';

/** Which catalog a registry repository belongs to: the first that published it, until another adopts it. */
export interface RepositoryHolder {
  /** `host/repository`. */
  repository: string;
  /** `catalogId`. */
  catalog: string;
  /** Whether the marker in the repository says so too, see `publish/ownership.ts`. */
  marked: boolean;
  /** Whether a maintainer took it over and its marker is still to be written: over whatever is there. */
  adopted: boolean;
}

/** Claims a repository unless another catalog has it; returns whose it is. */
export async function claimRepository(db: Database, repository: string, catalog: string): Promise<RepositoryHolder> {
  await db.insert(repositories).values({ repository, catalog }).onConflictDoNothing();
  return (await holderOf(db, repository)) ?? { repository, catalog, marked: false, adopted: false };
}

/** Gives back those of the repositories that the catalog claimed and that carry no marker of it; returns which. */
export async function dropClaims(db: Database, catalog: string, names: readonly string[]): Promise<string[]> {
  if (names.length === 0) return [];
  const mine = and(eq(repositories.catalog, catalog), eq(repositories.marked, false));
  const rows = await db
    .delete(repositories)
    .where(and(mine, inArray(repositories.repository, [...names])))
    .returning({ repository: repositories.repository });
  return rows.map(({ repository }) => repository).sort();
}

/** null where nobody claimed it. */
export async function holderOf(db: Database, repository: string): Promise<RepositoryHolder | null> {
  const [row] = await db.select().from(repositories).where(eq(repositories.repository, repository));
  if (row === undefined) return null;
  const { catalog, marked, adopted } = row;
  return { repository, catalog, marked, adopted };
}

/** Makes a repository this catalog's, whosesoever it was: a maintainer said so. Its marker has to be written anew. */
export async function adoptRepository(db: Database, repository: string, catalog: string): Promise<void> {
  await db
    .insert(repositories)
    .values({ repository, catalog, adopted: true })
    .onConflictDoUpdate({ target: repositories.repository, set: { catalog, marked: false, adopted: true } });
}

/** The marker in the repository names this catalog. Nothing where another catalog adopted it meanwhile. */
export async function noteMarked(db: Database, repository: string, catalog: string): Promise<void> {
  await db
    .update(repositories)
    .set({ marked: true, adopted: false })
    .where(and(eq(repositories.repository, repository), eq(repositories.catalog, catalog)));
}
