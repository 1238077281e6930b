import { asPublisherError } from '../../errors.ts';
import type { GitHub, Repo } from '../../github/types.ts';
import { sha256Hex } from '../../image/hash.ts';
import { releaseNotes, withNotes } from '../../publish/release/notes.ts';
import type { Snapshot } from '../../publish/release/snapshot.ts';
import { code, prose } from '../../report/markdown.ts';
import type { ReviewContext } from '../../review/context.ts';
import { type ReleaseKey, releasedBefore } from '../../store/releases.ts';
import type { ReleaseJob } from './request-release.ts';

/** Tags are anybody's text; markers are not. */
const marker = (kind: 'notes' | 'failure' | 'reply', tag: string) => `release-${kind}-${sha256Hex(tag).slice(0, 16)}`;

/** Writes the notes where people look: below the text of the GitHub release, else as an issue. Written again, they are the same. */
export async function tellReleased(
  job: ReleaseJob,
  key: ReleaseKey,
  snapshot: Snapshot,
  github: GitHub,
  { store, services, logger }: ReviewContext,
): Promise<void> {
  const repo: Repo = { owner: job.owner, name: job.repo };
  const [previous = null] = await releasedBefore(store.db, key);
  const hub = services.environment.hubEndpoint.replace(/\/$/, '');
  const notes = services.redact(releaseNotes({ previous, snapshot, hub }));
  const isWritten = await writeToRelease(github, repo, job.tag, notes).catch((thrown: unknown) => {
    const error = asPublisherError(thrown);
    if (error.code !== 'denied') throw error;
    logger.info({ tag: job.tag }, 'The App may not write releases: the notes become an issue');
    return false;
  });
  if (!isWritten) {
    await github.upsertIssue(repo, marker('notes', job.tag), { title: `Released ${job.tag}`, body: notes, open: true });
  }
  const gone = { title: `Release ${job.tag} failed`, body: `${code(job.tag)} is released.`, open: false };
  await github.upsertIssue(repo, marker('failure', job.tag), gone);
  if (job.issue === null) return;
  const count = snapshot.images.length + snapshot.runtimes.length;
  const where = isWritten ? 'the notes are in the release' : 'the notes are an issue of their own';
  const text = `${code(job.tag)} is released: ${count} images have their tags; ${where}.`;
  await github.upsertComment(repo, job.issue, marker('reply', job.tag), text);
}

/** One issue for each release that failed, closed when it succeeds; and an answer where somebody asked for it. */
export async function tellFailed(job: ReleaseJob, why: string, github: GitHub): Promise<void> {
  const repo: Repo = { owner: job.owner, name: job.repo };
  const body = `Release ${code(job.tag)} was not completed.\n\n${prose(why)}\n\nAsk again with ${code(`/release ${job.tag}`)} once this is put right.`;
  const title = `Release ${job.tag} failed`;
  await github.upsertIssue(repo, marker('failure', job.tag), { title, body, open: true });
  if (job.issue !== null) await github.upsertComment(repo, job.issue, marker('reply', job.tag), body);
}

/** Whether there is a release on GitHub, and it has the notes now. */
async function writeToRelease(github: GitHub, repo: Repo, tag: string, notes: string): Promise<boolean> {
  const release = await github.release(repo, tag);
  if (release === null) return false;
  const body = withNotes(release.body, notes);
  if (body !== release.body) await github.writeRelease(repo, release.id, body);
  return true;
}
