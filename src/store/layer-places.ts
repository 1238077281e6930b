import { desc, eq, sql } from 'drizzle-orm';
import type { Digest } from '../registry/types.ts';
import type { Database } from './database.ts';
import { layerPlaces as places } from './schema.ts';

/** More than anybody looks through. */
const MOST = 20;

/** Repositories (`host/repository`) a layer went to, the latest first: where it may be found, never proof that it is there. */
export async function layerPlaces(db: Database, digest: Digest): Promise<string[]> {
  const rows = await db
    .select({ repository: places.repository })
    .from(places)
    .where(eq(places.digest, digest))
    .orderBy(desc(places.seenAt))
    .limit(MOST);
  return rows.map(({ repository }) => repository);
}

export async function noteLayerPlaces(db: Database, digest: Digest, repositories: readonly string[]): Promise<void> {
  const named = repositories.filter((name) => !name.startsWith('oci:'));
  if (named.length === 0) return;
  await db
    .insert(places)
    .values(named.map((repository) => ({ digest, repository })))
    .onConflictDoUpdate({ target: [places.digest, places.repository], set: { seenAt: sql`now()` } });
}
