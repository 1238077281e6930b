/*
 * The review of a pull request, job by job. The payload is a hint: the head there is now is what is reviewed.
 *
 *   event ──▶ review job ──┬─▶ closed ──▶ detached (merged: its builds are publications now, see `publishing/`), checks ended
 *                          ├─▶ older heads ──▶ superseded: what is unfinished concludes `cancelled`
 *                          ├─▶ nothing it depends on changed ──▶ the plan there is
 *                          └─▶ catalogs read, merged, judged at the stricter
 *                                ├─▶ invalid, untouched, removed, over a ceiling ──▶ concluded
 *                                └─▶ planned ──┬─▶ builds requested, one per inputs key and destination, and attached
 *                                              ├─▶ runtime not there: requested, attached; planned again when it is
 *                                              └─▶ awaiting approval: nothing requested for those targets
 *
 * Every step writes the ledger first and then asks for a conclude job, which makes GitHub's checks and comment say what the ledger
 * says. So each may die anywhere and run again. The state machine of a build is drawn in `store/builds.ts`.
 */
import type { GitHub, PullRequest, Repo } from '../github/types.ts';
import { checkReports } from '../report/checks.ts';
import { approvalOf } from '../store/approvals.ts';
import { catalogId } from '../store/publications.ts';
import type { Review, ReviewFacts } from '../store/reviews.ts';
import { closeReviews } from './close.ts';
import { CATALOG_PATH, concluding, type ReviewContext } from './context.ts';
import { leaveBuilds } from './leave-builds.ts';
import { claimPlaces } from './ownership.ts';
import { planReview } from './plan-review.ts';
import { currentAgainst, readCatalogs } from './read-catalogs.ts';
import { reportOf } from './report-of.ts';
import { requestBuilds, type Waiting } from './request-builds.ts';
import { isRuntimeThere, requestRuntimes } from './request-runtimes.ts';
import { isOver, supersede } from './supersede.ts';
import type { ReviewJob, ReviewPlan } from './types.ts';
import { writeChecks } from './write-checks.ts';

/** @throws PublisherError `github-unavailable`, `denied` */
export async function reviewPull(job: ReviewJob, context: ReviewContext, signal: AbortSignal): Promise<void> {
  if (!(await context.serves(job.owner))) return;
  const github = await context.github(job.installationId);
  await context.locks.run(`review ${job.repoId}#${job.pr}`, () => review(job, github, context, signal));
}

async function review(job: ReviewJob, github: GitHub, context: ReviewContext, signal: AbortSignal): Promise<void> {
  const { store, reviews, logger } = context;
  const repo: Repo = { owner: job.owner, name: job.repo };
  const pull = await github.pullRequest(repo, job.pr);
  const known = await reviews.reviewsOfPull(store.db, { repoId: job.repoId, pr: job.pr });
  if (pull.state === 'closed') return closeReviews(known, pull, github, context);
  // Before anything is requested or cancelled for the new head: a build that both have must not change what the old one says.
  for (const old of known) {
    if (old.headSha !== pull.headSha && !isOver(old)) await supersede(old, pull.headSha, github, context);
  }
  const found = await planFor(job, pull, known, github, context, signal);
  if (found === null) return;
  const { isNew } = found;
  const plan = await claimPlaces(found.plan, catalogId(job.repoId, CATALOG_PATH), store.db);
  signal.throwIfAborted();
  const current = await reviews.beginReview(store.db, factsOf(job, pull));
  await reviews.setReviewPlan(store.db, current.id, plan, 'building');
  const { owner, repoId, pr } = job;
  const waiting: Waiting = { kind: 'pull-request', owner, repoId, pr, headSha: pull.headSha };
  const asked = { rebuild: job.rebuild, isNew: () => isNew };
  const keys = await requestBuilds(waiting, plan, asked, context);
  const runtimes = await requestRuntimes(waiting, plan, asked, context);
  await leaveBuilds(job, [...keys, ...runtimes], context);
  logger.info(
    {
      repo: `${job.owner}/${job.repo}`,
      pr: job.pr,
      head: pull.headSha,
      builds: keys.length,
      runtimes: runtimes.length,
    },
    'Pull request planned',
  );
  await conclude(context, current);
}

/**
 * The plan of the head: the one there is if nothing it depends on changed, else a new one; null when there is no catalog at all. One that
 * is made again only because a runtime is there now is no new one: nobody asked, so nothing that failed is tried again.
 */
async function planFor(
  job: ReviewJob,
  pull: PullRequest,
  known: readonly Review<ReviewPlan>[],
  github: GitHub,
  context: ReviewContext,
  signal: AbortSignal,
): Promise<{ plan: ReviewPlan; isNew: boolean } | null> {
  const { store, reviews } = context;
  const repo: Repo = { owner: job.owner, name: job.repo };
  const approvedBy = await approvalOf(store.db, { repoId: job.repoId, pr: job.pr, headSha: pull.headSha });
  const present = known.find(({ headSha }) => headSha === pull.headSha)?.plan ?? null;
  let isNew = true;
  if (present !== null && job.rebuild === null && !job.force) {
    const unchanged = present.against !== null && present.against === (await currentAgainst(github, repo, pull));
    const plan = { ...present, approvedBy };
    // Of an unapproved fork no registry was asked whose its repositories are.
    const approvedNow = present.fork && present.approvedBy === null && approvedBy !== null;
    if (unchanged && !approvedNow && !(await isRuntimeThere(plan, context))) return { plan, isNew: false };
    isNew = !unchanged || approvedNow;
  }
  const catalogs = await readCatalogs(github, repo, pull);
  const experimental = [...new Set(known.flatMap(({ plan }) => plan?.experimental ?? []))];
  if (catalogs.kind === 'none' && known.length === 0) return null;
  const current = await reviews.beginReview(store.db, factsOf(job, pull));
  if (present === null) await conclude(context, current);
  else if (job.force) await showBegun(current, github, context);
  if (catalogs.kind !== 'planned') {
    const state = catalogs.kind === 'none' ? ({ kind: 'untouched' } as const) : catalogs.state;
    const against = catalogs.kind === 'stopped' ? catalogs.against : null;
    return { plan: { ...NOTHING_PLANNED, experimental, catalog: state, against }, isNew };
  }
  const earlier = known.flatMap(({ plan }) => (plan === null || plan.targets.length === 0 ? [] : [plan]));
  const plan = await planReview(
    { job, fork: current.fork, approvedBy, catalogs, earlier, experimental },
    context,
    signal,
  );
  return { plan, isNew };
}

/** Who pressed "Re-run" sees at once that it does: the required check is in progress until the end of it is known, also of the same one. */
async function showBegun(review: Review<ReviewPlan>, github: GitHub, context: ReviewContext): Promise<void> {
  const report = { ...(await reportOf(review, context)), catalog: null, targets: [], failure: null };
  const repo: Repo = { owner: review.owner, name: review.repo };
  await context.locks.run(concluding(review), () => writeChecks(github, repo, review, checkReports(report), context));
}

export const NOTHING_PLANNED: ReviewPlan = {
  catalog: null,
  diff: null,
  targets: [],
  revisions: {},
  places: {},
  experimental: [],
  scan: null,
  notes: [],
  fork: false,
  overrides: [],
  approvedBy: null,
  weakenings: [],
  against: null,
  failure: null,
};

export function factsOf(job: ReviewJob, pull: PullRequest): ReviewFacts {
  const { installationId, repoId, owner, repo, pr } = job;
  return {
    installationId,
    repoId,
    owner,
    repo,
    pr,
    headSha: pull.headSha,
    baseRef: pull.baseRef,
    baseSha: pull.baseSha,
    fork: pull.headRepoId !== pull.baseRepoId,
  };
}

/** Asks for checks and comment of a review to be brought up to date. */
export async function conclude(
  { queue }: Pick<ReviewContext, 'queue'>,
  { repoId, pr, headSha }: { repoId: number; pr: number; headSha: string },
): Promise<void> {
  await queue.enqueue('conclude', { repoId, pr, headSha }, { key: `${repoId}#${pr}@${headSha}` });
}
