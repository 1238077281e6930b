import { asPublisherError, PublisherError } from '../../errors.ts';
import type { GitHub } from '../../github/types.ts';
import type { JobContext } from '../../jobs/worker.ts';
import { releaseVerdict } from '../../publish/release/gate.ts';
import { releaseTagProblem } from '../../publish/release/options.ts';
import { CATALOG_PATH, type ReviewContext } from '../../review/context.ts';
import { reportOf } from '../../review/report-of.ts';
import { NOTHING_PLANNED } from '../../review/review-job.ts';
import type { ReviewPlan } from '../../review/types.ts';
import { catalogId } from '../../store/publications.ts';
import { failRelease, findRelease, publishedRelease, type ReleaseKey, type ReleaseRow } from '../../store/releases.ts';
import { nameRelease } from './name-release.ts';
import { NO_CATALOG, NO_RELEASE, type PlannedRelease, plannedRelease } from './plan-release.ts';
import { leaveRelease, requestReleaseBuilds } from './release-builds.ts';
import type { ReleaseJob } from './request-release.ts';
import { tellFailed, tellReleased } from './tell-release.ts';

/** Milliseconds between two looks at builds that are under way, and at leases that others have. */
const LOOK_EVERY = 2_000;

/**
 * Publishes a release: nothing is tagged unless everything is there and passed.
 *
 *   requested ─▶ planned at the tag's commit ─▶ builds requested ─▶ all passed? ─▶ tagged ─▶ notes ─▶ published
 *                      │                            ▲    │ still running  │ one failed
 *                      │                            └────┘ (postponed)    ▼
 *                      └─ no catalog: nothing to do                    failed, an issue says why
 */
export async function runRelease(job: JobContext & { data: ReleaseJob }, context: ReviewContext): Promise<void> {
  const { store, services, logger } = context;
  const { data, signal } = job;
  if (!(await context.serves(data.owner))) return;
  const key: ReleaseKey = { catalog: catalogId(data.repoId, CATALOG_PATH), tag: data.tag };
  const row = await findRelease(store.db, key);
  if (row === null || row.state !== 'requested') return;
  const github = await context.github(data.installationId);
  try {
    const done = await advance(job, row, github, context);
    if (done === 'waiting') job.postpone(LOOK_EVERY);
  } catch (thrown) {
    const error = asPublisherError(thrown);
    if (error.code === 'busy') return job.postpone(LOOK_EVERY);
    if (signal.aborted || (error.retryable && !job.lastAttempt)) throw error;
    const why = services.redact(error.message);
    logger.warn({ tag: data.tag, code: error.code, why }, 'Release failed');
    const commit = (await findRelease(store.db, key))?.commit ?? null;
    // What is nobody's fault outside is told in the log alone.
    const told = error.code === 'internal' ? 'Something unexpected happened; the log of the bot says more.' : why;
    await tellFailed(data, told, github);
    await failRelease(store.db, key, why);
    if (commit !== null) await leaveRelease(data, commit, context);
  }
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
  await tellReleased(job, row, snapshot, github, context);
  await publishedRelease(store.db, row, snapshot, release.commit);
  await leaveRelease(job, release.commit, context);
  logger.info({ tag: row.tag, commit: release.commit, images: snapshot.images.length }, 'Released');
  return 'over';
}

/** Repositories without a catalog have releases of their own, which are nothing to us; somebody who asked is answered. */
async function withoutCatalog(job: ReleaseJob, row: ReleaseRow, { store }: ReviewContext): Promise<'over'> {
  const why = `There is no ${CATALOG_PATH} at the commit of this release.`;
  if (job.issue !== null) throw new PublisherError('denied', why);
  await failRelease(store.db, row, why);
  return 'over';
}

/** What was just published may not be readable everywhere yet; what stays away was an old event's, and nobody's wish. */
async function withoutRelease(row: ReleaseRow, lastAttempt: boolean, { store }: ReviewContext): Promise<'over'> {
  const why = `GitHub has no release ${row.tag}.`;
  if (!lastAttempt) throw new PublisherError('github-unavailable', why);
  await failRelease(store.db, row, why);
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
