import { and, asc, eq, sql } from 'drizzle-orm';
import { z } from 'zod';
import { findingSchema } from '../scan/result-schema.ts';
import type { Database } from './database.ts';
import { watched } from './schema.ts';

const imageSchema = z.object({
  /** Of the scan that was looked at last: what it holds is news no more. See `scans`. */
  digest: z.string(),
  database: z.string(),
  /** Critical and high findings that appeared since the image was published, as long as they are there. */
  open: z.array(findingSchema),
});

const stateSchema = z.object({
  /** By runtime and variant, e.g. `default slim`. */
  images: z.record(z.string(), imageSchema),
  /** When the open findings changed last, YYYY-MM-DD, and the date of the vulnerability database that told; null before they did. */
  changed: z.object({ on: z.string(), database: z.string().nullable() }).nullable(),
});
/** What rescans know of one model: all that its issue says. */
export type WatchedState = z.infer<typeof stateSchema>;

export interface Watched {
  catalog: string;
  short: string;
  state: WatchedState;
  /** Hash of the issue as it was written last; null when none ever was. */
  told: string | null;
}

export const NOTHING_WATCHED: WatchedState = { images: {}, changed: null };

/** null when the model was never scanned again. */
export async function findWatched(db: Database, catalog: string, short: string): Promise<Watched | null> {
  const [row] = await db.select().from(watched).where(ofModel(catalog, short));
  return row === undefined ? null : parse(row);
}

/** Every model of a catalog that was ever scanned again. */
export async function watchedOf(db: Database, catalog: string): Promise<Watched[]> {
  const rows = await db.select().from(watched).where(eq(watched.catalog, catalog)).orderBy(asc(watched.short));
  return rows.map(parse);
}

export async function writeWatched(db: Database, catalog: string, short: string, state: WatchedState): Promise<void> {
  const checked = stateSchema.parse(state);
  await db
    .insert(watched)
    .values({ catalog, short, state: checked })
    .onConflictDoUpdate({ target: [watched.catalog, watched.short], set: { state: checked, updatedAt: sql`now()` } });
}

/** Notes what the model's issue says now. */
export async function setTold(db: Database, catalog: string, short: string, told: string): Promise<void> {
  await db.update(watched).set({ told }).where(ofModel(catalog, short));
}

const ofModel = (catalog: string, short: string) => and(eq(watched.catalog, catalog), eq(watched.short, short));

const parse = ({ catalog, short, state, told }: typeof watched.$inferSelect): Watched => {
  return { catalog, short, told, state: stateSchema.parse(state) };
};
