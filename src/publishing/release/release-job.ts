import { asPublisherError, PublisherError } from '../../errors.ts';
import type { GitHub } from '../../github/types.ts';
import type { JobContext } from '../../jobs/worker.ts';
import { releaseVerdict } from '../../publish/release/gate.ts';
import { releaseTagProblem } from '../../publish/release/options.ts';
import { CATALOG_PATH, type ReviewContext } from '../../review/context.ts';
import { reportOf } from '../../review/report-of.ts';
import { NOTHING_PLANNED } from '../../review/review-job.ts';
import type { ReviewPlan } from '../../review/types.ts';
import type { Store } from '../../store/open.ts';
import { catalogId } from '../../store/publications.ts';
import {
  failRelease,
  findRelease,
  publishedRelease,
  type ReleaseKey,
  type ReleaseRow,
  toldRelease,
} from '../../store/releases.ts';
import { nameRelease } from './name-release.ts';
import { NO_CATALOG, NO_RELEASE, type PlannedRelease, plannedRelease } from './plan-release.ts';
import { leaveRelease, requestReleaseBuilds } from './release-builds.ts';
import type { ReleaseJob } from './request-release.ts';
import { tellFailed, tellReleased } from './tell-release.ts';

/** Milliseconds between two looks at builds that are under way, and at leases that others have. */
const LOOK_EVERY = 2_000;

/**
 * Publishes a release: nothing is tagged unless everything is there and passed. How it ended is written down before it is told: whoever cannot
 * be reached changes nothing of it, and is told at the next attempt.
 *
 *   requested ─▶ planned at the tag's commit ─▶ builds requested ─▶ all passed? ─▶ tagged ─▶ published ─▶ notes
 *                      │                            ▲    │ still running  │ one failed
 *                      │                            └────┘ (postponed)    ▼
 *                      └─ no catalog: nothing to do                    failed ─▶ an issue says why
 */
export async function runRelease(job: JobContext & { data: ReleaseJob }, context: ReviewContext): Promise<void> {
  const { store, services, logger } = context;
  const { data, signal } = job;
  if (!(await context.serves(data.owner))) return;
  const key: ReleaseKey = { catalog: catalogId(data.repoId, CATALOG_PATH), tag: data.tag };
  const row = await findRelease(store.db, key);
  if (row === null) return;
  const github = await context.github(data.installationId);
  if (row.state === 'requested') {
    try {
      const done = await advance(job, row, github, context);
      if (done === 'waiting') return job.postpone(LOOK_EVERY);
    } catch (thrown) {
      const error = asPublisherError(thrown);
      if (error.code === 'busy') return job.postpone(LOOK_EVERY);
      if (signal.aborted || (error.retryable && !job.lastAttempt)) throw error;
      const why = services.redact(error.message);
      logger.warn({ tag: data.tag, code: error.code, why }, 'Release failed');
      // What is nobody's fault outside is told in the log alone.
      const told = error.code === 'internal' ? 'Something unexpected happened; the log of the bot says more.' : why;
      await failRelease(store.db, key, told);
    }
  }
  await conclude(job, key, github, context);
}

/** Ends what a release waited for, and tells how it ended. @throws PublisherError while that may still be told later */
async function conclude(
  { data, signal, lastAttempt }: JobContext & { data: ReleaseJob },
  key: ReleaseKey,
  github: GitHub,
  context: ReviewContext,
): Promise<void> {
  const { store, services, logger } = context;
  const row = await findRelease(store.db, key);
  if (row === null || row.state === 'requested' || row.told) return;
  if (row.commit !== null) await leaveRelease(data, row.commit, context);
  try {
    if (row.state === 'failed') await tellFailed(data, row.error ?? 'No reason is known.', github);
    else if (row.snapshot !== null) await tellReleased(data, key, row.snapshot, github, context);
  } catch (thrown) {
    const error = asPublisherError(thrown);
    if (signal.aborted || (error.retryable && !lastAttempt)) throw error;
    const why = services.redact(error.message);
    logger.warn({ tag: key.tag, state: row.state, code: error.code, why }, 'Nobody could be told how a release ended');
    return;
  }
  await toldRelease(store.db, key);
}

async function advance(
  { data: job, signal, lastAttempt }: JobContext & { data: ReleaseJob },
  row: ReleaseRow,
  github: GitHub,
  context: ReviewContext,
): Promise<'waiting' | 'over'> {
  const { store, logger } = context;
  const release = await plannedRelease(job, row, github, context, signal);
  if (release === NO_CATALOG) return withoutCatalog(job, row, context);
  if (release === NO_RELEASE) return withoutRelease(row, lastAttempt, context);
  const problem = releaseTagProblem(row.tag);
  if (problem !== null) throw new PublisherError('denied', problem);
  await requestReleaseBuilds(job, release, context);
  const reviewed = { repoId: job.repoId, pr: 0, headSha: release.commit, plan: reviewOf(release) };
  const { targets, scanning } = await reportOf(reviewed, context);
  const verdict = releaseVerdict(targets, scanning);
  if (verdict.kind === 'failed') {
    throw new PublisherError('denied', `Nothing was tagged. ${verdict.failures.join(' ')}`);
  }
  // A runtime that has been built since is planned on at the next look.
  if (verdict.kind === 'waiting' || release.targets.some(({ awaits }) => awaits !== null)) return 'waiting';
  const snapshot = await nameRelease(job, release, targets, context, signal);
  await publishedRelease(store.db, row, snapshot, release.commit);
  logger.info({ tag: row.tag, commit: release.commit, images: snapshot.images.length }, 'Released');
  return 'over';
}

/** Repositories without a catalog have releases of their own, which are nothing to us; somebody who asked is answered. */
async function withoutCatalog(job: ReleaseJob, row: ReleaseRow, { store }: ReviewContext): Promise<'over'> {
  const why = `There is no ${CATALOG_PATH} at the commit of this release.`;
  if (job.issue !== null) throw new PublisherError('denied', why);
  return endSilently(row, why, store);
}

/** What was just published may not be readable everywhere yet; what stays away was an old event's, and nobody's wish. */
async function withoutRelease(row: ReleaseRow, lastAttempt: boolean, { store }: ReviewContext): Promise<'over'> {
  const why = `GitHub has no release ${row.tag}.`;
  if (!lastAttempt) throw new PublisherError('github-unavailable', why);
  return endSilently(row, why, store);
}

async function endSilently(row: ReleaseRow, why: string, store: Store): Promise<'over'> {
  await store.transaction(async ({ db }) => {
    await failRelease(db, row, why);
    await toldRelease(db, row);
  });
  return 'over';
}

/** As a review has it: who merged and tagged has approved. */
function reviewOf({ catalog, targets }: PlannedRelease): ReviewPlan {
  return {
    ...NOTHING_PLANNED,
    catalog: { kind: 'valid', warnings: [] },
    scan: catalog.settings.scan,
    approvedBy: 'a release',
    targets,
  };
}
