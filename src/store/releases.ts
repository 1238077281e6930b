import { and, desc, eq, isNotNull, isNull, ne, type SQL, sql } from 'drizzle-orm';
import { z } from 'zod';
import { plannedTargetSchema } from '../plan/schema.ts';
import type { PlannedTarget } from '../plan/types.ts';
import { type ReleaseOptions, releaseOptionsSchema } from '../publish/release/options.ts';
import { type Snapshot, snapshotSchema } from '../publish/release/snapshot.ts';
import type { Database } from './database.ts';
import { releases } from './schema.ts';

/**
 * Releases, one row a catalog and tag:
 *
 *   requestRelease ──▶ requested ──planRelease──▶ requested, with commit and plan ──publishedRelease──▶ published
 *        ▲                                                 └──failRelease──▶ failed
 *        └──────────────── asked for again: nothing of the earlier plan holds; what was published stays known. Events ask
 *                          only where nothing was published, see `requestNewRelease`
 */
const stateSchema = z.enum(['requested', 'published', 'failed']);

export interface ReleaseKey {
  /** `catalogId`. */
  catalog: string;
  tag: string;
}

export interface ReleaseRow extends ReleaseKey {
  options: ReleaseOptions;
  state: z.infer<typeof stateSchema>;
  /** Of the catalog's repository, 40 hex; null until it is planned. */
  commit: string | null;
  /** What is to be published: kept, so that waiting for a build resolves nothing anew. */
  plan: PlannedTarget[] | null;
  /** What was published under this tag last. */
  snapshot: Snapshot | null;
  /** Of one that failed, as people are told it. */
  error: string | null;
  publishedAt: Date | null;
  /** Whether people know how it ended. */
  told: boolean;
}

/** Asks for a release, anew where there was one. Run it in the transaction that enqueues the job. */
export async function requestRelease(db: Database, catalog: string, options: ReleaseOptions): Promise<void> {
  await request(db, catalog, options);
}

/**
 * Asks for a release that nothing was ever tagged for. One that is under way or done stays as it was asked for: an event, which anybody may
 * deliver again, moves no tag that people use.
 *
 * @returns whether it was asked for
 */
export function requestNewRelease(db: Database, catalog: string, options: ReleaseOptions): Promise<boolean> {
  return request(db, catalog, options, and(eq(releases.state, 'failed'), isNull(releases.snapshot)));
}

async function request(db: Database, catalog: string, options: ReleaseOptions, setWhere?: SQL): Promise<boolean> {
  const fresh = { options, state: 'requested', commit: null, plan: null, error: null, told: false };
  const rows = await db
    .insert(releases)
    .values({ catalog, tag: options.tag, ...fresh })
    .onConflictDoUpdate({
      target: [releases.catalog, releases.tag],
      set: { ...fresh, requestedAt: sql`now()` },
      ...(setWhere === undefined ? {} : { setWhere }),
    })
    .returning({ tag: releases.tag });
  return rows.length > 0;
}

export async function findRelease(db: Database, key: ReleaseKey): Promise<ReleaseRow | null> {
  const [row] = await db.select().from(releases).where(ofRelease(key));
  return row === undefined ? null : parse(row);
}

export async function planRelease(
  db: Database,
  key: ReleaseKey,
  { commit, plan }: { commit: string; plan: PlannedTarget[] },
): Promise<void> {
  await db.update(releases).set({ commit, plan }).where(ofRelease(key));
}

export async function publishedRelease(
  db: Database,
  key: ReleaseKey,
  snapshot: Snapshot,
  commit: string | null,
): Promise<void> {
  const done = { state: 'published', snapshot, commit, plan: null, error: null, told: false, publishedAt: sql`now()` };
  await db.update(releases).set(done).where(ofRelease(key));
}

export async function failRelease(db: Database, key: ReleaseKey, error: string): Promise<void> {
  await db.update(releases).set({ state: 'failed', error, plan: null, told: false }).where(ofRelease(key));
}

/** People know how it ended, or need not. */
export async function toldRelease(db: Database, key: ReleaseKey): Promise<void> {
  await db.update(releases).set({ told: true }).where(ofRelease(key));
}

/** What was released before, the newest first, whatever became of later requests under the same tags. */
export async function releasedBefore(
  db: Database,
  { catalog, tag }: ReleaseKey,
): Promise<{ tag: string; snapshot: Snapshot }[]> {
  const rows = await db
    .select({ tag: releases.tag, snapshot: releases.snapshot })
    .from(releases)
    .where(and(eq(releases.catalog, catalog), ne(releases.tag, tag), isNotNull(releases.snapshot)))
    .orderBy(desc(releases.publishedAt));
  return rows.map((row) => ({ tag: row.tag, snapshot: snapshotSchema.parse(row.snapshot) }));
}

const ofRelease = ({ catalog, tag }: ReleaseKey) => and(eq(releases.catalog, catalog), eq(releases.tag, tag));

const parse = ({ requestedAt: _, ...row }: typeof releases.$inferSelect): ReleaseRow => ({
  ...row,
  options: releaseOptionsSchema.parse(row.options),
  state: stateSchema.parse(row.state),
  plan: z.array(plannedTargetSchema).nullable().parse(row.plan),
  snapshot: snapshotSchema.nullable().parse(row.snapshot),
});
