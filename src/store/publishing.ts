import { and, asc, eq, sql } from 'drizzle-orm';
import { z } from 'zod';
import { digestSchema } from '../build/schema.ts';
import type { Database } from './database.ts';
import { catalogs, publishing } from './schema.ts';

/**
 * How far the publication of one model of a catalog has come:
 *
 *   pending ──▶ published        every image that is permitted has its tags
 *      │  ▲
 *      ▼  └── another commit, or another entry
 *   failed                       told to people; not tried again for the same commit
 *
 * `pending` waits for builds and runtimes, and keeps what was resolved for it: nothing moves while it waits.
 */
const stateSchema = z.enum(['pending', 'published', 'failed']);

const detailsSchema = z.object({
  /** Hub repository of the entry. */
  model: z.string(),
  /** The catalog's `revision` as written. */
  wanted: z.string().nullable(),
  /** 40 hex; null when it could not be resolved. */
  revision: z.string().nullable(),
  /** Base reference as written → digest. */
  bases: z.record(z.string(), digestSchema),
  /** Pull request it came with. */
  pr: z.number().nullable(),
  /** Why it failed, in words. */
  failure: z.string().nullable(),
  /** What is not published and is no failure, in words. */
  notes: z.array(z.string()),
  /** Whether an issue about it is open, or may be. */
  issue: z.boolean(),
  /** Whether its end, `published` or `failed`, is where people read it. Kept with the end, so that a crash in between loses no word. */
  told: z.boolean(),
  /** Commit for which builds that had ended well were asked for again, 40 hex; null for none. */
  rebuilt: z.string().nullable(),
});

export interface ModelPublication {
  /** `catalogId`. */
  catalog: string;
  short: string;
  state: z.infer<typeof stateSchema>;
  /** `entryHash` of what is asked for. */
  entry: string;
  /** Commit of the default branch that was looked at, 40 hex. */
  commit: string;
  details: z.infer<typeof detailsSchema>;
}

/** Replaces what is known of one model. */
export async function setModelPublication(db: Database, row: ModelPublication): Promise<void> {
  const { catalog, short, ...rest } = row;
  const values = { ...rest, details: detailsSchema.parse(row.details) };
  await db
    .insert(publishing)
    .values({ catalog, short, ...values })
    .onConflictDoUpdate({
      target: [publishing.catalog, publishing.short],
      set: { ...values, updatedAt: sql`now()` },
    });
}

/** Has a model looked at again, keeping whatever is known of it by now. */
export async function reopenModelPublication(db: Database, catalog: string, short: string): Promise<void> {
  await db
    .update(publishing)
    .set({ state: 'pending', updatedAt: sql`now()` })
    .where(and(eq(publishing.catalog, catalog), eq(publishing.short, short)));
}

/** Its end was told, unless it has another by now. `issue`: whether an issue about it is open. */
export async function noteTold(
  db: Database,
  { catalog, short, state, entry, commit }: ModelPublication,
  issue: boolean,
): Promise<void> {
  const same = [eq(publishing.state, state), eq(publishing.entry, entry), eq(publishing.commit, commit)];
  await db
    .update(publishing)
    .set({ details: sql`${publishing.details} || ${JSON.stringify({ issue, told: true })}::jsonb` })
    .where(and(eq(publishing.catalog, catalog), eq(publishing.short, short), ...same));
}

/** All models of a catalog that were ever looked at, by `short`. */
export async function modelPublications(db: Database, catalog: string): Promise<Map<string, ModelPublication>> {
  const rows = await db.select().from(publishing).where(eq(publishing.catalog, catalog)).orderBy(asc(publishing.short));
  return new Map(
    rows.map(({ updatedAt: _, ...row }) => [
      row.short,
      { ...row, state: stateSchema.parse(row.state), details: detailsSchema.parse(row.details) },
    ]),
  );
}

/** The model is gone from its catalog. */
export async function forgetModelPublication(db: Database, catalog: string, short: string): Promise<void> {
  await db.delete(publishing).where(and(eq(publishing.catalog, catalog), eq(publishing.short, short)));
}

/** The head of the default branch whose check says that its publication is in progress; null for none. */
export async function unfinishedHead(db: Database, catalog: string): Promise<string | null> {
  const [row] = await db.select({ head: catalogs.unfinished }).from(catalogs).where(eq(catalogs.catalog, catalog));
  return row?.head ?? null;
}

export async function setUnfinishedHead(db: Database, catalog: string, head: string | null): Promise<void> {
  await db.update(catalogs).set({ unfinished: head }).where(eq(catalogs.catalog, catalog));
}
