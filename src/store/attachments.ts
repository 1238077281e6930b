import { and, asc, eq } from 'drizzle-orm';
import { z } from 'zod';
import type { Database } from './database.ts';
import { attachments } from './schema.ts';

/** What identifies a build: its inputs key and the registry repository it is pushed to. */
export interface BuildKey {
  inputs: string;
  destination: string;
}

const kinds = z.enum(['pull-request', 'publication', 'release']);
export type AttachmentKind = z.infer<typeof kinds>;

/** Somebody who waits for a build. It is cancelled only when nobody does. */
export interface Attachment extends BuildKey {
  kind: AttachmentKind;
  repoId: number;
  /** Pull-request number; 0 for a publication that came from none, and for a release. */
  pr: number;
  /** Commit whose check run shows the build. */
  headSha: string;
  checkName: string;
}

/** Attaches, or carries an attachment over to a newer head. */
export async function attach(db: Database, attachment: Attachment): Promise<void> {
  const { headSha, checkName } = attachment;
  await db
    .insert(attachments)
    .values(attachment)
    .onConflictDoUpdate({
      target: [attachments.inputs, attachments.destination, attachments.kind, attachments.repoId, attachments.pr],
      set: { headSha, checkName },
    });
}

/** Everybody who waits for a build. */
export async function attachmentsOf(db: Database, { inputs, destination }: BuildKey): Promise<Attachment[]> {
  const rows = await db
    .select()
    .from(attachments)
    .where(and(eq(attachments.inputs, inputs), eq(attachments.destination, destination)))
    .orderBy(asc(attachments.repoId), asc(attachments.pr), asc(attachments.kind));
  return rows.map(parse);
}

/** Everything a pull request waits for. */
export async function attachmentsOfPull(db: Database, repoId: number, pr: number): Promise<Attachment[]> {
  const rows = await db
    .select()
    .from(attachments)
    .where(and(eq(attachments.repoId, repoId), eq(attachments.pr, pr), eq(attachments.kind, 'pull-request')))
    .orderBy(asc(attachments.checkName));
  return rows.map(parse);
}

/** Everything that the release at a commit waits for. */
export async function releaseAttachments(db: Database, repoId: number, commit: string): Promise<Attachment[]> {
  const rows = await db
    .select()
    .from(attachments)
    .where(and(eq(attachments.repoId, repoId), eq(attachments.kind, 'release'), eq(attachments.headSha, commit)));
  return rows.map(parse);
}

/** Everything that publications of a repository wait for. */
export async function publicationsWaiting(db: Database, repoId: number): Promise<Attachment[]> {
  const rows = await db
    .select()
    .from(attachments)
    .where(and(eq(attachments.repoId, repoId), eq(attachments.kind, 'publication')))
    .orderBy(asc(attachments.pr), asc(attachments.checkName));
  return rows.map(parse);
}

/** `host/repository` of every build that somebody in a repository waits for. */
export async function attachedDestinations(db: Database, repoId: number): Promise<string[]> {
  const rows = await db
    .selectDistinct({ destination: attachments.destination })
    .from(attachments)
    .where(eq(attachments.repoId, repoId));
  return rows.flatMap(({ destination }) => destination.split(','));
}

/**
 * Detaches a pull request from every build that `keep` does not name: all of them when it closes. Returns the builds it
 * left; which of those nobody waits for any more, `cancelUnattached` finds out.
 */
export async function detachPull(
  db: Database,
  repoId: number,
  pr: number,
  keep: readonly BuildKey[] = [],
): Promise<BuildKey[]> {
  const kept = new Set(keep.map(keyOf));
  const left = (await attachmentsOfPull(db, repoId, pr)).filter((attachment) => !kept.has(keyOf(attachment)));
  for (const attachment of left) await detach(db, attachment);
  return left.map(({ inputs, destination }) => ({ inputs, destination }));
}

/** Removes one attachment; removing none is fine. */
export async function detach(db: Database, attachment: Omit<Attachment, 'headSha' | 'checkName'>): Promise<void> {
  await db
    .delete(attachments)
    .where(
      and(
        eq(attachments.inputs, attachment.inputs),
        eq(attachments.destination, attachment.destination),
        eq(attachments.kind, attachment.kind),
        eq(attachments.repoId, attachment.repoId),
        eq(attachments.pr, attachment.pr),
      ),
    );
}

/** A merge: what the pull request waited for is waited for by its publication, at the merge commit. */
export async function turnIntoPublications(
  db: Database,
  repoId: number,
  pr: number,
  mergeSha: string,
): Promise<Attachment[]> {
  const turned = (await attachmentsOfPull(db, repoId, pr)).map(
    (attachment): Attachment => ({ ...attachment, kind: 'publication', headSha: mergeSha }),
  );
  for (const attachment of turned) await attach(db, attachment);
  await detachPull(db, repoId, pr);
  return turned;
}

const keyOf = ({ inputs, destination }: BuildKey): string => JSON.stringify([inputs, destination]);

const parse = (row: typeof attachments.$inferSelect): Attachment => ({ ...row, kind: kinds.parse(row.kind) });
