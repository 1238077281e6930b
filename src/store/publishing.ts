import { and, asc, eq, sql } from 'drizzle-orm';
import { z } from 'zod';
import { digestSchema } from '../build/schema.ts';
import type { Database } from './database.ts';
import { publishing } from './schema.ts';

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
  /** Whether an issue about it is open. */
  issue: z.boolean(),
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
