/*
 * The review of a pull request's head commit:
 *
 *   event ──▶ review job ──▶ catalogs read ──▶ invalid, untouched, removed ──▶ concluded
 *                                  │
 *                                  └─▶ planned ──▶ builds requested (one per inputs key and destination) ──▶ conclude jobs
 *                                         └─▶ from a fork: nothing requested, awaiting approval
 *
 * Every step writes the ledger first and then asks for a conclude job, which makes GitHub's checks and comment say what the ledger
 * says. So each may die anywhere and run again.
 */
import type { GitHub, PullRequest, Repo } from '../github/types.ts';
import { targetName } from '../report/target-name.ts';
import { attach, type BuildKey, detachPull } from '../store/attachments.ts';
import { cancelUnattached } from '../store/builds.ts';
import type { ReviewFacts } from '../store/reviews.ts';
import type { ReviewContext } from './context.ts';
import { planReview } from './plan-review.ts';
import { readCatalogs } from './read-catalogs.ts';
import { supersede } from './supersede.ts';
import type { ReviewJob, ReviewPlan } from './types.ts';

/** Reviews the head a pull request has now, whatever the event said. @throws PublisherError `github-unavailable`, `denied` */
export async function reviewPull(job: ReviewJob, context: ReviewContext, signal: AbortSignal): Promise<void> {
  const github = await context.github(job.installationId);
  await context.locks.run(`review ${job.repoId}#${job.pr}`, () => review(job, github, context, signal));
}

async function review(job: ReviewJob, github: GitHub, context: ReviewContext, signal: AbortSignal): Promise<void> {
  const { store, reviews, logger } = context;
  const repo: Repo = { owner: job.owner, name: job.repo };
  const pull = await github.pullRequest(repo, job.pr);
  if (pull.state === 'closed') return;
  const catalogs = await readCatalogs(github, repo, pull);
  const known = await reviews.reviewsOfPull(store.db, { repoId: job.repoId, pr: job.pr });
  if (catalogs.kind === 'none' && known.length === 0) return;
  const current = await reviews.beginReview(store.db, factsOf(job, pull));
  const earlier = known.flatMap(({ plan }) => (plan === null || plan.targets.length === 0 ? [] : [plan]));
  // Before anything is requested or cancelled for the new head: a build that both have must not change what the old one says.
  for (const old of known) {
    if (old.headSha !== pull.headSha && old.state !== 'superseded') await supersede(old, pull.headSha, github, context);
  }
  await conclude(context, current);
  const plan: ReviewPlan =
    catalogs.kind === 'both'
      ? await planReview(
          { job, fork: current.fork, base: catalogs.base, head: catalogs.head, state: catalogs.warnings, earlier },
          context,
          signal,
        )
      : { ...NOTHING_PLANNED, catalog: catalogs.kind === 'none' ? { kind: 'untouched' } : catalogs.state };
  signal.throwIfAborted();
  await reviews.setReviewPlan(store.db, current.id, plan, plan.awaitingApproval ? 'planned' : 'building');
  const keys = await requestBuilds(job, pull, plan, context);
  for (const left of await detachPull(store.db, job.repoId, job.pr, keys)) await cancelUnattached(store.db, left);
  logger.info(
    { repo: `${job.owner}/${job.repo}`, pr: job.pr, head: pull.headSha, builds: keys.length },
    'Pull request planned',
  );
  await conclude(context, current);
}

export const NOTHING_PLANNED: ReviewPlan = {
  catalog: null,
  diff: null,
  targets: [],
  revisions: {},
  scan: null,
  notes: [],
  awaitingApproval: false,
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

/** One build per inputs key and destination, whoever asked first. */
async function requestBuilds(
  job: ReviewJob,
  pull: PullRequest,
  plan: ReviewPlan,
  context: ReviewContext,
): Promise<BuildKey[]> {
  const { store, builds, queue } = context;
  if (plan.awaitingApproval) return [];
  const keys: BuildKey[] = [];
  for (const target of plan.targets) {
    if (target.action !== 'build' || target.request === null) continue;
    const { request } = target;
    const key: BuildKey = { inputs: request.key, destination: target.repositories.join(',') };
    const again = isAsked(job.rebuild, target);
    const checkName = targetName(target, plan.targets);
    await store.transaction(async (tx) => {
      await attach(tx.db, {
        ...key,
        kind: 'pull-request',
        repoId: job.repoId,
        pr: job.pr,
        headSha: pull.headSha,
        checkName,
      });
      const { queued } = await builds.requestBuild(tx.db, { ...key, owner: job.owner, request, again });
      if (!queued) return;
      await queue.enqueue(
        'build',
        { ...key, verify: again },
        { key: `${key.inputs} ${key.destination}`, transaction: tx },
      );
    });
    keys.push(key);
  }
  return keys;
}

function isAsked(rebuild: ReviewJob['rebuild'], target: ReviewPlan['targets'][number]): boolean {
  if (rebuild === null) return false;
  const named = rebuild.shorts === 'all' || rebuild.shorts.includes(target.model.short);
  return named && (rebuild.variant === null || rebuild.variant === target.variant);
}

/** Asks for checks and comment of a review to be brought up to date. */
export async function conclude(
  { queue }: Pick<ReviewContext, 'queue'>,
  { repoId, pr, headSha }: { repoId: number; pr: number; headSha: string },
): Promise<void> {
  await queue.enqueue('conclude', { repoId, pr, headSha }, { key: `${repoId}#${pr}@${headSha}` });
}
