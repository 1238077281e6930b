import { and, asc, desc, eq, ne, sql } from 'drizzle-orm';
import { z } from 'zod';
import { digestSchema, variantSchema } from '../build/schema.ts';
import type { Database } from './database.ts';
import { publications } from './schema.ts';

/**
 * What was published, one row a target and inputs key:
 *
 *   recordPublication ──▶ published ──another inputs key of the same target──▶ superseded ──recordPublication──▶ published
 *                              └──────retireTargets: gone from the catalog──▶ retired ─────recordPublication──▶ published
 */
export const publicationStateSchema = z.enum(['published', 'superseded', 'retired']);
export type PublicationState = z.infer<typeof publicationStateSchema>;

/** A statement about an image that lies beside it in every registry. */
export const attestationSchema = z.object({
  /** in-toto predicate type, a URI. */
  predicateType: z.string(),
  /** Of the referrer's manifest. */
  digest: digestSchema,
  signed: z.boolean(),
});
export type Attestation = z.infer<typeof attestationSchema>;

const detailsSchema = z.object({
  /** Commit of the model on the Hub, 40 hex. */
  revision: z.string(),
  base: z.object({ reference: z.string(), digest: digestSchema }),
  platforms: z.array(z.string()),
  /** `host/repository`, those of the catalog's registries first, then aliases. */
  repositories: z.array(z.string()),
  /** Mirrors' `host/repository` by the repository they copy. */
  mirrors: z.record(z.string(), z.array(z.string())),
  /** Tag names, the immutable ones among them. */
  tags: z.array(z.string()),
  immutable: z.array(z.string()),
  attestations: z.array(attestationSchema),
  signed: z.boolean(),
  /** Whether the image was scanned before its tags moved. */
  scanned: z.boolean(),
  /** Commit of the catalog, 40 hex; null from a folder that is no repository. */
  commit: z.string().nullable(),
  /** Pull request it came with last: published again by itself, it keeps it. */
  pr: z.number().nullable(),
  /** Hash of what the catalog asked for, see `publish/entry-hash.ts`: an unchanged entry needs no new plan. */
  entry: z.string(),
  /** The catalog's `revision` as written: what was resolved for another one is no pin. */
  wanted: z.string().nullable(),
});
export type PublicationDetails = z.infer<typeof detailsSchema>;

/** One image of a catalog. */
export interface TargetKey {
  /** `catalogId`: numeric repository id and path; `cli` from a command line that was told none. */
  catalog: string;
  short: string;
  runtime: string;
  variant: z.infer<typeof variantSchema>;
}

export interface Publication extends TargetKey, PublicationDetails {
  id: number;
  /** GitHub account; its logins and allowances apply. */
  owner: string;
  /** Hub repository. */
  model: string;
  inputs: string;
  digest: z.infer<typeof digestSchema>;
  state: PublicationState;
  publishedAt: Date;
}

export const catalogId = (repoId: number, path: string): string => `${repoId}/${path}`;

/** Writes that this is what the target is now; what it was before becomes `superseded`. Run it inside a transaction. */
export async function recordPublication(
  db: Database,
  publication: Omit<Publication, 'id' | 'state' | 'publishedAt'>,
): Promise<void> {
  const { catalog, short, runtime, variant, owner, model, inputs, digest, ...rest } = publication;
  const before = await lastOf(db, publication);
  const details = detailsSchema.parse({ ...rest, pr: rest.pr ?? before?.pr ?? null });
  await db
    .update(publications)
    .set({ state: 'superseded' })
    .where(and(ofTarget(publication), eq(publications.state, 'published'), ne(publications.inputs, inputs)));
  const row = { catalog, short, runtime, variant, owner, model, inputs, digest, details, state: 'published' };
  await db
    .insert(publications)
    .values(row)
    .onConflictDoUpdate({
      target: [
        publications.catalog,
        publications.short,
        publications.runtime,
        publications.variant,
        publications.inputs,
      ],
      set: { owner, model, digest, details, state: 'published', publishedAt: sql`now()` },
    });
}

async function lastOf(db: Database, target: TargetKey & Pick<Publication, 'inputs'>): Promise<Publication | null> {
  const [row] = await db
    .select()
    .from(publications)
    .where(and(ofTarget(target), eq(publications.inputs, target.inputs)));
  return row === undefined ? null : parse(row);
}

/** What is published now: of one catalog, or of all; of one model, or of all. */
export async function currentPublications(
  db: Database,
  filter: { catalog?: string; short?: string } = {},
): Promise<Publication[]> {
  const rows = await db
    .select()
    .from(publications)
    .where(and(eq(publications.state, 'published'), ...filtered(filter)))
    .orderBy(asc(publications.catalog), asc(publications.short), asc(publications.runtime), asc(publications.variant));
  return rows.map(parse);
}

/** Everything that ever was, the newest first. */
export async function allPublications(
  db: Database,
  filter: { catalog?: string; short?: string } = {},
): Promise<Publication[]> {
  const rows = await db
    .select()
    .from(publications)
    .where(and(...filtered(filter)))
    .orderBy(desc(publications.publishedAt), desc(publications.id));
  return rows.map(parse);
}

/** A target is gone from its catalog: its tags stay, and nothing looks at it any more. */
export async function retireTarget(db: Database, target: TargetKey): Promise<void> {
  await db
    .update(publications)
    .set({ state: 'retired' })
    .where(and(ofTarget(target), eq(publications.state, 'published')));
}

const ofTarget = ({ catalog, short, runtime, variant }: TargetKey) =>
  and(
    eq(publications.catalog, catalog),
    eq(publications.short, short),
    eq(publications.runtime, runtime),
    eq(publications.variant, variant),
  );

function filtered({ catalog, short }: { catalog?: string; short?: string }) {
  return [
    ...(catalog === undefined ? [] : [eq(publications.catalog, catalog)]),
    ...(short === undefined ? [] : [eq(publications.short, short)]),
  ];
}

const parse = ({ details, ...row }: typeof publications.$inferSelect): Publication => ({
  ...row,
  ...detailsSchema.parse(details),
  variant: variantSchema.parse(row.variant),
  digest: digestSchema.parse(row.digest),
  state: publicationStateSchema.parse(row.state),
});
