import { asc, eq, sql } from 'drizzle-orm';
import { z } from 'zod';
import { digestSchema } from '../build/schema.ts';
import type { Database } from './database.ts';
import { mirrored } from './schema.ts';

/**
 * How an image stands in a mirror, as it was found last: complete (`same`, `copied`), with something that was left alone (`differs`), or
 * not known (`failed`).
 */
export const mirroredStateSchema = z.enum(['same', 'copied', 'differs', 'failed']);

const detailsSchema = z.object({
  tags: z.array(z.string()),
  /** What was not as it should be, one sentence each. */
  differed: z.array(z.string()),
  /** Of blobs. */
  bytes: z.object({ moved: z.number(), reused: z.number() }),
});

export interface Mirrored extends z.infer<typeof detailsSchema> {
  /** `host/repository`. */
  source: string;
  target: string;
  digest: z.infer<typeof digestSchema>;
  state: z.infer<typeof mirroredStateSchema>;
  verifiedAt: Date;
}

export async function recordMirrored(db: Database, result: Omit<Mirrored, 'verifiedAt'>): Promise<void> {
  const { source, target, digest, state, ...rest } = result;
  const details = detailsSchema.parse(rest);
  await db
    .insert(mirrored)
    .values({ source, target, digest, state, details })
    .onConflictDoUpdate({
      target: [mirrored.source, mirrored.target, mirrored.digest],
      set: { state, details, verifiedAt: sql`now()` },
    });
}

/** Where an image was mirrored to, and how it stands there. */
export async function mirrorsOf(db: Database, digest: string): Promise<Mirrored[]> {
  const rows = await db.select().from(mirrored).where(eq(mirrored.digest, digest)).orderBy(asc(mirrored.target));
  return rows.map(({ details, ...row }) => ({
    ...row,
    ...detailsSchema.parse(details),
    digest: digestSchema.parse(row.digest),
    state: mirroredStateSchema.parse(row.state),
  }));
}
