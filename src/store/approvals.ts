import { and, eq } from 'drizzle-orm';
import type { Database } from './database.ts';
import { approvals } from './schema.ts';

/** One commit of one pull request: an approval never carries over to another. */
export interface ApprovalKey {
  repoId: number;
  pr: number;
  /** 40 hex. */
  headSha: string;
}

/** Notes that somebody with write access approved this commit; the first one stays. */
export async function approve(db: Database, key: ApprovalKey, login: string): Promise<void> {
  await db
    .insert(approvals)
    .values({ ...key, login })
    .onConflictDoNothing();
}

/** Who approved this commit; null when nobody did. */
export async function approvalOf(db: Database, { repoId, pr, headSha }: ApprovalKey): Promise<string | null> {
  const [row] = await db
    .select({ login: approvals.login })
    .from(approvals)
    .where(and(eq(approvals.repoId, repoId), eq(approvals.pr, pr), eq(approvals.headSha, headSha)));
  return row?.login ?? null;
}
