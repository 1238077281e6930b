import { and, asc, desc, eq } from 'drizzle-orm';
import { digestSchema } from '../build/schema.ts';
import type { TagMove } from '../publish/types.ts';
import type { Digest } from '../registry/types.ts';
import type { Database } from './database.ts';
import { tagMoves } from './schema.ts';

/** A move as it is remembered. */
export interface RecordedMove extends TagMove {
  /** Commit of the catalog that asked for it, 40 hex; null where nobody knows. */
  commit: string | null;
  movedAt: Date;
}

export async function recordTagMove(db: Database, move: TagMove & { commit: string | null }): Promise<void> {
  const { repository, tag, before, after, commit } = move;
  await db.insert(tagMoves).values({ repository, tag, before, after, commit });
}

/** The digest that a tag was pointed at last; null when it never was, or was removed. */
export async function lastWritten(db: Database, repository: string, tag: string): Promise<Digest | null> {
  const [row] = await db
    .select({ after: tagMoves.after })
    .from(tagMoves)
    .where(ofTag(repository, tag))
    .orderBy(desc(tagMoves.id))
    .limit(1);
  return digestSchema.nullable().parse(row?.after ?? null);
}

/** All moves of one tag, the oldest first. */
export async function movesOf(db: Database, repository: string, tag: string): Promise<RecordedMove[]> {
  const rows = await db.select().from(tagMoves).where(ofTag(repository, tag)).orderBy(asc(tagMoves.id));
  return rows.map(({ id, before, after, ...row }) => ({
    ...row,
    before: digestSchema.nullable().parse(before),
    after: digestSchema.nullable().parse(after),
  }));
}

const ofTag = (repository: string, tag: string) => and(eq(tagMoves.repository, repository), eq(tagMoves.tag, tag));
