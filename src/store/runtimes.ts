/*
 * Runtime images that are being built, one row a recipe and repository, whoever waits: who does is in `attachments.ts`, with the recipe's key
 * as inputs and the repository as destination. Its job in the queue may run several times; the row changes as drawn:
 *
 *   requestRuntime ──▶ queued ──claimRuntime, attempt+1──▶ running ──finishRuntime──▶ succeeded
 *                       ▲  ▲                                │ │ ├─────finishRuntime──▶ failed
 *                       │  └─────────releaseRuntime─────────┘ │ └─cancelUnattachedRuntime─▶ cancelled
 *                       │          claimRuntime again, attempt+1 (after a crash)
 *                       └── requestRuntime: from cancelled and succeeded always (the image is gone, or was not seen yet), from
 *                           failed with `again`
 */
import { and, eq, inArray, sql } from 'drizzle-orm';
import type { RuntimeRequest } from '../build/runtimes/types.ts';
import { digestSchema } from '../build/schema.ts';
import { runtimeRequestSchema } from '../plan/runtime-request-schema.ts';
import type { Digest } from '../registry/types.ts';
import { type BuildError, type BuildState, buildErrorSchema, buildStateSchema } from './builds.ts';
import type { Database } from './database.ts';
import { attachments, runtimes } from './schema.ts';

export interface RuntimeKey {
  /** Hex sha256 of the recipe, see `build/runtimes/identity.ts`. */
  key: string;
  /** `host/path` it is pushed to. */
  repository: string;
}

export interface RuntimeBuild extends RuntimeKey {
  /** GitHub account for which it is built: its logins, its allow-list. */
  owner: string;
  state: BuildState;
  request: RuntimeRequest;
  reference: string | null;
  digest: Digest | null;
  error: BuildError | null;
  /** Times it was claimed; names the claim that later writes belong to. */
  attempt: number;
}

export type RuntimeClaim = RuntimeKey & { attempt: number };

export type RuntimeEnd =
  | { state: 'succeeded'; reference: string; digest: Digest }
  | { state: 'failed'; error: BuildError };

/**
 * Makes sure that an image that is not there is queued, or being built.
 *
 * @param again also one that has failed before
 * @returns whether a job has to be enqueued for it
 */
export async function requestRuntime(
  db: Database,
  { owner, request, again }: { owner: string; request: RuntimeRequest; again: boolean },
): Promise<boolean> {
  const { key, repository } = request;
  const restartable: BuildState[] = again ? ['cancelled', 'succeeded', 'failed'] : ['cancelled', 'succeeded'];
  const rows = await db
    .insert(runtimes)
    .values({ key, repository, owner, state: 'queued', request })
    .onConflictDoUpdate({
      target: [runtimes.key, runtimes.repository],
      set: { owner, request, state: 'queued', reference: null, digest: null, error: null, updatedAt: sql`now()` },
      setWhere: inArray(runtimes.state, restartable),
    })
    .returning({ key: runtimes.key });
  if (rows.length > 0) return true;
  return (await findRuntime(db, request))?.state === 'queued';
}

/** Takes the runtime for this run of its job; null when it is done or cancelled. */
export async function claimRuntime(db: Database, key: RuntimeKey): Promise<RuntimeBuild | null> {
  const rows = await db
    .update(runtimes)
    .set({ state: 'running', attempt: sql`${runtimes.attempt} + 1`, updatedAt: sql`now()` })
    .where(and(ofKey(key), inArray(runtimes.state, ['queued', 'running'])))
    .returning();
  return rows[0] === undefined ? null : parse(rows[0]);
}

/** Whether a claim is still ours: somebody else may have taken it, or nobody may wait any more. */
export async function holdsRuntime(db: Database, claim: RuntimeClaim): Promise<boolean> {
  const found = await findRuntime(db, claim);
  return found?.state === 'running' && found.attempt === claim.attempt;
}

/** Ends a claimed runtime; false when the claim is no longer ours, and then nothing was written. */
export function finishRuntime(db: Database, claim: RuntimeClaim, end: RuntimeEnd): Promise<boolean> {
  return update(db, claim, end);
}

/** Gives a claimed runtime back unfinished, e.g. on shutdown. */
export function releaseRuntime(db: Database, claim: RuntimeClaim): Promise<boolean> {
  return update(db, claim, { state: 'queued' });
}

export async function findRuntime(db: Database, key: RuntimeKey): Promise<RuntimeBuild | null> {
  const [row] = await db.select().from(runtimes).where(ofKey(key));
  return row === undefined ? null : parse(row);
}

/** Cancels an unfinished runtime unless somebody waits for it, in one statement. Returns whether it did. */
export async function cancelUnattachedRuntime(db: Database, key: RuntimeKey): Promise<boolean> {
  const rows = await db
    .update(runtimes)
    .set({ state: 'cancelled', updatedAt: sql`now()` })
    .where(
      and(
        ofKey(key),
        inArray(runtimes.state, ['queued', 'running']),
        sql`NOT EXISTS (SELECT 1 FROM ${attachments}
          WHERE ${attachments.inputs} = ${key.key} AND ${attachments.destination} = ${key.repository})`,
      ),
    )
    .returning({ key: runtimes.key });
  return rows.length > 0;
}

const ofKey = ({ key, repository }: RuntimeKey) => and(eq(runtimes.key, key), eq(runtimes.repository, repository));

async function update(db: Database, claim: RuntimeClaim, set: Partial<typeof runtimes.$inferInsert>): Promise<boolean> {
  const rows = await db
    .update(runtimes)
    .set({ ...set, updatedAt: sql`now()` })
    .where(and(ofKey(claim), eq(runtimes.state, 'running'), eq(runtimes.attempt, claim.attempt)))
    .returning({ key: runtimes.key });
  return rows.length > 0;
}

const parse = (row: typeof runtimes.$inferSelect): RuntimeBuild => ({
  ...row,
  state: buildStateSchema.parse(row.state),
  request: runtimeRequestSchema.parse(row.request),
  digest: digestSchema.nullable().parse(row.digest),
  error: buildErrorSchema.nullable().parse(row.error),
});
