import { and, eq, inArray, lt, notInArray, or, type SQL, sql } from 'drizzle-orm';
import type { PgTable } from 'drizzle-orm/pg-core';
import { z } from 'zod';
import { digestSchema } from '../build/schema.ts';
import type { Digest } from '../registry/types.ts';
import type { BuildKey } from './attachments.ts';
import type { Database } from './database.ts';
import {
  attachments,
  builds,
  commands,
  deliveries,
  layerPlaces,
  previews,
  reviews,
  runtimes,
  scans,
} from './schema.ts';

/** What the ledger knows of one `host/repository`, for whoever wants to remove something there. */
export interface PreviewRow {
  tag: string;
  pr: number;
  /** Whether its pull request is closed, as far as its reviews tell. */
  closed: boolean;
  writtenAt: Date;
}

const ENDED = ['closed', 'superseded'];
/** Scans of one image that are kept, the newest. */
const SCANS_KEPT = 10;

export async function previewRows(db: Database, repository: string): Promise<PreviewRow[]> {
  const ofPull = and(eq(reviews.repoId, previews.repoId), eq(reviews.pr, previews.pr));
  const rows = await db
    .select({
      tag: previews.tag,
      pr: previews.pr,
      writtenAt: previews.writtenAt,
      reviewed: sql<boolean>`EXISTS (SELECT 1 FROM ${reviews} WHERE ${ofPull})`.mapWith(Boolean),
      open: sql<boolean>`EXISTS (SELECT 1 FROM ${reviews} WHERE ${and(ofPull, notInArray(reviews.state, ENDED))})`.mapWith(
        Boolean,
      ),
    })
    .from(previews)
    .where(eq(previews.repository, repository));
  return rows.map(({ reviewed, open, ...row }) => ({ ...row, closed: reviewed && !open }));
}

/** Every repository that a preview was written to. */
export async function previewRepositories(db: Database): Promise<string[]> {
  const rows = await db.selectDistinct({ repository: previews.repository }).from(previews);
  return rows.map(({ repository }) => repository);
}

const resultSchema = z.object({ image: z.object({ digest: digestSchema }) });
const digestOfResult = sql`${builds.result} -> 'image' ->> 'digest'`;
const waitedFor = sql`EXISTS (SELECT 1 FROM ${attachments}
  WHERE ${attachments.inputs} = ${builds.inputs} AND ${attachments.destination} = ${builds.destination})`;
const pushedTo = (repository: string) => sql`${repository} = ANY(string_to_array(${builds.destination}, ','))`;

/** An image that a build pushed. */
export interface PushedImage {
  digest: Digest;
  build: BuildKey;
  /** Whether somebody waits for it still. */
  attached: boolean;
}

/** What was built and pushed to a repository. */
export async function pushedImages(db: Database, repository: string): Promise<PushedImage[]> {
  const { inputs, destination, result } = builds;
  const rows = await db
    .select({ inputs, destination, result, attached: sql<boolean>`${waitedFor}`.mapWith(Boolean) })
    .from(builds)
    .where(and(pushedTo(repository), sql`${result} IS NOT NULL`));
  return rows.map(({ attached, result: pushed, ...build }) => ({
    digest: resultSchema.parse(pushed).image.digest,
    build,
    attached,
  }));
}

/** An image in one repository, and the builds that were known to have pushed it there: one that is built anew tells no digest. */
export interface WithdrawnImage {
  repository: string;
  digest: Digest;
  builds: readonly BuildKey[];
}

/**
 * Takes a pushed image out of use before it is deleted: whoever asks for its build from now on has it built again. False when somebody
 * waits for it, or has asked for it.
 */
export async function withdrawBuilds(db: Database, image: WithdrawnImage): Promise<boolean> {
  await db
    .update(builds)
    .set({ state: 'cancelled', updatedAt: sql`now()` })
    .where(and(ofImage(image), inArray(builds.state, ['succeeded', 'cancelled']), sql`NOT ${waitedFor}`));
  return areWithdrawn(db, image);
}

/** Whether nobody has asked for an image, nor waits for it, since its builds were withdrawn. */
export async function areWithdrawn(db: Database, image: WithdrawnImage): Promise<boolean> {
  const inUse = sql`(${builds.state} <> 'cancelled' OR ${waitedFor})`;
  return (await db.$count(builds, and(ofImage(image), inUse))) === 0;
}

function ofImage({ repository, digest, builds: keys }: WithdrawnImage): SQL | undefined {
  const known = keys.map(({ inputs, destination }) =>
    and(eq(builds.inputs, inputs), eq(builds.destination, destination)),
  );
  return or(and(pushedTo(repository), eq(digestOfResult, digest)), ...known);
}

/** When the runtime images of a repository were asked for last, by the runtime's name. */
export async function runtimesUsed(db: Database, repository: string): Promise<Map<string, Date>> {
  const name = sql<string>`${runtimes.request} -> 'runtime' ->> 'name'`;
  const rows = await db
    .select({ name, usedAt: sql`max(${runtimes.updatedAt})`.mapWith(runtimes.updatedAt) })
    .from(runtimes)
    .where(eq(runtimes.repository, repository))
    .groupBy(name);
  return new Map(rows.map(({ name: runtime, usedAt }) => [z.string().parse(runtime), z.date().parse(usedAt)]));
}

/** Rows that nothing reads any more, by table; `apply` deletes them. Publications and what hangs on them are never among them. */
export async function staleRows(
  db: Database,
  before: Date,
  { apply }: { apply: boolean },
): Promise<{ table: string; rows: number }[]> {
  const stale: [string, PgTable, SQL | undefined][] = [
    ['deliveries', deliveries, lt(deliveries.receivedAt, before)],
    ['commands', commands, and(lt(commands.handledAt, before), sql`${commands.outcome} IS NOT NULL`)],
    [
      'reviews',
      reviews,
      and(
        lt(reviews.updatedAt, before),
        inArray(reviews.state, ['superseded', 'closed']),
        sql`NOT EXISTS (
      SELECT 1 FROM ${previews} WHERE ${previews.repoId} = ${reviews.repoId} AND ${previews.pr} = ${reviews.pr})`,
      ),
    ],
    [
      'builds',
      builds,
      and(lt(builds.updatedAt, before), inArray(builds.state, ['failed', 'cancelled']), sql`NOT ${waitedFor}`),
    ],
    ['layer_places', layerPlaces, lt(layerPlaces.seenAt, before)],
    [
      'scans',
      scans,
      or(sql`(${scans.digest}, ${scans.database}) IN (SELECT digest, database FROM (
      SELECT digest, database, row_number() OVER (PARTITION BY digest ORDER BY scanned_at DESC) AS age FROM ${scans}
      ) AS aged WHERE age > ${SCANS_KEPT})`),
    ],
  ];
  const counts: { table: string; rows: number }[] = [];
  for (const [name, table, where] of stale) {
    const rows = apply
      ? (await db.delete(table).where(where).returning({ one: sql`1` })).length
      : await db.$count(table, where);
    if (rows > 0) counts.push({ table: name, rows });
  }
  return counts;
}
