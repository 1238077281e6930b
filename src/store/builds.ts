/*
 * The state of a build in the ledger. Its job in the queue may run several times; the row changes as drawn:
 *
 *   requestBuild ──▶ queued ──claimBuild, attempt+1──▶ running ──finishBuild──▶ succeeded
 *                     ▲  ▲                              │  │ ├──────finishBuild──▶ failed
 *                     │  └────────releaseBuild──────────┘  │ └──cancelUnattached──▶ cancelled
 *                     │                                    │
 *                     │       claimBuild again, attempt+1  │     (a crashed worker leaves `running`; the job's next
 *                     │       ◀────────────────────────────┘      run claims it, and the old attempt's writes bounce)
 *                     └── requestBuild: from failed and cancelled always, from succeeded with `again`
 */
import { and, asc, eq, gt, inArray, sql } from 'drizzle-orm';
import { z } from 'zod';
import { scanResultSchema } from '../scan/result-schema.ts';
import type { ScanResult } from '../scan/types.ts';
import type { BuildKey } from './attachments.ts';
import type { Database } from './database.ts';
import { attachments, builds } from './schema.ts';

export type { BuildKey } from './attachments.ts';

export const buildStateSchema = z.enum(['queued', 'running', 'succeeded', 'failed', 'cancelled']);
export type BuildState = z.infer<typeof buildStateSchema>;

export const buildErrorSchema = z.object({ code: z.string(), message: z.string(), retryable: z.boolean() });
/** A failure as it is kept: a code of the closed set and a message for people, free of secrets. */
export type BuildError = z.infer<typeof buildErrorSchema>;

const paceSchema = z.object({
  lanes: z.array(z.object({ name: z.string(), done: z.number(), total: z.number() })),
  bytesPerSecond: z.number(),
  secondsLeft: z.number().nullable(),
});
export type BuildPace = z.infer<typeof paceSchema>;

export interface Build<Request, Result> extends BuildKey {
  /** GitHub account that pays for it in the ceilings. */
  owner: string;
  state: BuildState;
  /** What it is doing, in words for a check run; null when it is not running. */
  step: string | null;
  bytesDone: number;
  bytesTotal: number;
  /** How fast, and what is on its way; null when nobody knows. */
  pace: BuildPace | null;
  request: Request;
  result: Result | null;
  error: BuildError | null;
  scan: ScanResult | null;
  createdAt: Date;
  updatedAt: Date;
  /** Times it was claimed; names the claim that later writes belong to. */
  attempt: number;
}

/** A claim on a running build: writes under it are dropped once somebody else has claimed or cancelled the build. */
export interface BuildClaim extends BuildKey {
  attempt: number;
}

export type BuildEnd<Result> =
  | { state: 'succeeded'; result: Result; scan: ScanResult | null }
  | { state: 'failed'; error: BuildError; scan: ScanResult | null };

export type Builds<Request, Result> = ReturnType<typeof buildsOf<Request, Result>>;

/** The builds of the ledger, with their requests and results of the given shapes. */
export function buildsOf<Request, Result>(schemas: { request: z.ZodType<Request>; result: z.ZodType<Result> }) {
  const parse = (row: typeof builds.$inferSelect): Build<Request, Result> => ({
    ...row,
    state: buildStateSchema.parse(row.state),
    request: schemas.request.parse(row.request),
    result: row.result === null ? null : schemas.result.parse(row.result),
    error: row.error === null ? null : buildErrorSchema.parse(row.error),
    scan: row.scan === null ? null : scanResultSchema.parse(row.scan),
    pace: row.pace === null ? null : paceSchema.parse(row.pace),
  });

  return {
    /**
     * Makes sure the build is queued, running or done. `queued` says whether a job has to be enqueued for it.
     * `again` builds a successful one once more (a rebuild).
     */
    async requestBuild(
      db: Database,
      request: BuildKey & { owner: string; request: Request; again?: boolean },
    ): Promise<{ build: Build<Request, Result>; queued: boolean }> {
      const { inputs, destination, owner, again = false } = request;
      const restartable: BuildState[] = again ? ['failed', 'cancelled', 'succeeded'] : ['failed', 'cancelled'];
      const reset = { owner, request: request.request, ...IDLE, result: null, error: null, scan: null };
      const rows = await db
        .insert(builds)
        .values({ inputs, destination, owner, state: 'queued', request: request.request })
        .onConflictDoUpdate({
          target: [builds.inputs, builds.destination],
          set: { ...reset, state: 'queued', updatedAt: sql`now()` },
          setWhere: inArray(builds.state, restartable),
        })
        .returning();
      const row = rows[0];
      if (row !== undefined) return { build: parse(row), queued: true };
      const [present] = await db.select().from(builds).where(ofKey(request));
      if (present === undefined) throw new Error('a build vanished between two statements');
      return { build: parse(present), queued: present.state === 'queued' };
    },

    /** Takes the build for this run of its job; null when it is done or cancelled. */
    async claimBuild(db: Database, key: BuildKey): Promise<Build<Request, Result> | null> {
      const rows = await db
        .update(builds)
        .set({ ...IDLE, state: 'running', attempt: sql`${builds.attempt} + 1`, updatedAt: sql`now()` })
        .where(and(ofKey(key), inArray(builds.state, ['queued', 'running'])))
        .returning();
      return rows[0] === undefined ? null : parse(rows[0]);
    },

    /** Ends a claimed build; false when the claim is no longer ours, and then nothing was written. */
    async finishBuild(db: Database, claim: BuildClaim, end: BuildEnd<Result>): Promise<boolean> {
      const outcome = end.state === 'succeeded' ? { result: end.result, error: null } : { error: end.error };
      return update(db, claim, { state: end.state, step: null, scan: end.scan, ...outcome });
    },

    async findBuild(db: Database, key: BuildKey): Promise<Build<Request, Result> | null> {
      const [row] = await db.select().from(builds).where(ofKey(key));
      return row === undefined ? null : parse(row);
    },

    /** The same inputs, wherever they were pushed: oldest first. */
    async buildsByInputs(db: Database, inputs: string): Promise<Build<Request, Result>[]> {
      const rows = await db.select().from(builds).where(eq(builds.inputs, inputs)).orderBy(asc(builds.createdAt));
      return rows.map(parse);
    },
  };
}

/** Where a claimed build has got to; bytes of weights. false when the claim is no longer ours: stop working. */
export function progressBuild(
  db: Database,
  claim: BuildClaim,
  progress: { step: string; bytesDone: number; bytesTotal: number; pace?: BuildPace | null },
): Promise<boolean> {
  return update(db, claim, progress);
}

/** Gives a claimed build back unfinished, e.g. on shutdown. */
export function releaseBuild(db: Database, claim: BuildClaim): Promise<boolean> {
  return update(db, claim, { ...IDLE, state: 'queued' });
}

/** Cancels an unfinished build unless somebody waits for it, in one statement. Returns whether it did. */
export async function cancelUnattached(db: Database, key: BuildKey): Promise<boolean> {
  const rows = await db
    .update(builds)
    .set({ state: 'cancelled', step: null, updatedAt: sql`now()` })
    .where(
      and(
        ofKey(key),
        inArray(builds.state, ['queued', 'running']),
        sql`NOT EXISTS (SELECT 1 FROM ${attachments}
          WHERE ${attachments.inputs} = ${key.inputs} AND ${attachments.destination} = ${key.destination})`,
      ),
    )
    .returning({ inputs: builds.inputs });
  return rows.length > 0;
}

/** Until the transaction ends nobody else holds this: what is counted of an owner's builds stays true. */
export async function lockOwner(db: Database, owner: string): Promise<void> {
  await db.execute(sql`SELECT pg_advisory_xact_lock(hashtextextended(${`builds of ${owner}`}, 0))`);
}

/** What an owner's builds use up against the ceilings: those running now, and bytes moved since `since`. */
export async function ownerUsage(
  db: Database,
  owner: string,
  since: Date,
): Promise<{ running: number; bytes: number }> {
  const [row] = await db
    .select({
      running: sql`count(*) FILTER (WHERE ${builds.state} = 'running')`.mapWith(Number),
      bytes: sql`coalesce(sum(${builds.bytesDone}) FILTER (WHERE ${gt(builds.updatedAt, since)}), 0)`.mapWith(Number),
    })
    .from(builds)
    .where(eq(builds.owner, owner));
  return row ?? { running: 0, bytes: 0 };
}

/** Builds in each state, for metrics. */
export async function buildCounts(db: Database): Promise<Record<BuildState, number>> {
  const counts: Record<BuildState, number> = { queued: 0, running: 0, succeeded: 0, failed: 0, cancelled: 0 };
  const rows = await db
    .select({ state: builds.state, count: sql`count(*)`.mapWith(Number) })
    .from(builds)
    .groupBy(builds.state);
  for (const row of rows) counts[buildStateSchema.parse(row.state)] = row.count;
  return counts;
}

const IDLE = { step: null, bytesDone: 0, bytesTotal: 0, pace: null };

const ofKey = ({ inputs, destination }: BuildKey) =>
  and(eq(builds.inputs, inputs), eq(builds.destination, destination));

async function update(db: Database, claim: BuildClaim, set: Partial<typeof builds.$inferInsert>): Promise<boolean> {
  const rows = await db
    .update(builds)
    .set({ ...set, updatedAt: sql`now()` })
    .where(and(ofKey(claim), eq(builds.state, 'running'), eq(builds.attempt, claim.attempt)))
    .returning({ inputs: builds.inputs });
  return rows.length > 0;
}
