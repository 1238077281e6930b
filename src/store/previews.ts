import { and, asc, eq, sql } from 'drizzle-orm';
import { digestSchema } from '../build/schema.ts';
import type { Digest } from '../registry/types.ts';
import type { Database } from './database.ts';
import { previews } from './schema.ts';

/** A tag that a pull request has until it closes. */
export interface Preview {
  /** `host/repository`. */
  repository: string;
  /** `pr-<n>-…`. */
  tag: string;
  digest: Digest;
  repoId: number;
  pr: number;
}

/** Written after the tag, and again when it moved. */
export async function recordPreview(db: Database, preview: Preview): Promise<void> {
  const { digest, repoId, pr } = preview;
  await db
    .insert(previews)
    .values(preview)
    .onConflictDoUpdate({
      target: [previews.repository, previews.tag],
      set: { digest, repoId, pr, writtenAt: sql`now()` },
    });
}

/** Removed from the ledger only once the registry no longer has the tag. */
export async function forgetPreview(
  db: Database,
  { repository, tag }: Pick<Preview, 'repository' | 'tag'>,
): Promise<void> {
  await db.delete(previews).where(and(eq(previews.repository, repository), eq(previews.tag, tag)));
}

export async function previewsOfPull(db: Database, repoId: number, pr: number): Promise<Preview[]> {
  const rows = await db
    .select()
    .from(previews)
    .where(and(eq(previews.repoId, repoId), eq(previews.pr, pr)))
    .orderBy(asc(previews.repository), asc(previews.tag));
  return rows.map(({ writtenAt: _, ...row }) => ({ ...row, digest: digestSchema.parse(row.digest) }));
}

/** Numbers of a repository's pull requests that still have previews. */
export async function pullsWithPreviews(db: Database, repoId: number): Promise<number[]> {
  const rows = await db
    .selectDistinct({ pr: previews.pr })
    .from(previews)
    .where(eq(previews.repoId, repoId))
    .orderBy(asc(previews.pr));
  return rows.map(({ pr }) => pr);
}
