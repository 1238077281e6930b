import { eq } from 'drizzle-orm';
import type { Database } from './database.ts';
import { commands } from './schema.ts';

export interface CommandClaim {
  commentId: number;
  repoId: number;
  pr: number;
  /** Hex sha256 of the comment's body as it was read. */
  bodyDigest: string;
}

/** Claims a comment's command: true once per comment id, ever. Its job may still run several times. */
export async function claimCommand(db: Database, claim: CommandClaim): Promise<boolean> {
  const rows = await db
    .insert(commands)
    .values(claim)
    .onConflictDoNothing()
    .returning({ commentId: commands.commentId });
  return rows.length > 0;
}

/** Notes how a command ended, e.g. `queued`, `not-authorised`. */
export async function setCommandOutcome(db: Database, commentId: number, outcome: string): Promise<void> {
  await db.update(commands).set({ outcome }).where(eq(commands.commentId, commentId));
}

/** The body a command was claimed with, and its outcome so far; null when it was never claimed. */
export async function findCommand(
  db: Database,
  commentId: number,
): Promise<{ bodyDigest: string; outcome: string | null } | null> {
  const rows = await db
    .select({ bodyDigest: commands.bodyDigest, outcome: commands.outcome })
    .from(commands)
    .where(eq(commands.commentId, commentId));
  return rows[0] ?? null;
}
