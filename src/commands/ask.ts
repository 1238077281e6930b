import type { GitHub, PullRequest, Repo } from '../github/types.ts';
import { code } from '../report/markdown.ts';
import type { ReviewContext } from '../review/context.ts';
import type { PullRef, ReviewJob, ReviewPlan } from '../review/types.ts';
import { approvalOf, approve } from '../store/approvals.ts';
import type { Transaction } from '../store/database.ts';
import type { Review } from '../store/reviews.ts';

export type Rebuild = NonNullable<ReviewJob['rebuild']>;

/** A refusal is one sentence for people. */
export type Answer = { ok: true } | { ok: false; sentence: string };

export const CLOSED = {
  ok: false,
  sentence: 'This pull request is closed, so there is nothing to build.',
} as const satisfies Answer;

const no = (sentence: string): Answer => ({ ok: false, sentence });

/** Whether a rebuild can be, on the head there is now. */
export async function mayRebuild(
  { shorts, variant, experimental }: Rebuild,
  pull: PullRequest,
  { repoId, pr }: PullRef,
  { store, reviews }: ReviewContext,
): Promise<Answer> {
  if (pull.state === 'closed') return CLOSED;
  const known = await reviews.reviewsOfPull(store.db, { repoId, pr });
  const plan = newestPlan(known, pull.headSha);
  const fork = pull.headRepoId !== pull.baseRepoId;
  if (fork && (await approvalOf(store.db, { repoId, pr, headSha: pull.headSha })) === null) {
    return no(
      'This pull request comes from a fork: it is validated and planned only, and `/rebuild` is not an approval.',
    );
  }
  // Not planned yet, or the review failed: the next one finds out.
  if (plan === null || plan.failure !== null) return { ok: true };
  const targets = plan.targets.filter(({ action }) => action !== 'remove');
  // A model on experimental runtimes alone has no target before somebody asks for them.
  const changed = experimental
    ? [...(plan.diff?.added ?? []), ...(plan.diff?.changed ?? []).map((one) => one.short)]
    : [];
  const shown = new Set([...targets.map(({ model }) => model.short), ...changed]);
  if (shown.size === 0) return no('This pull request has no model to build; the checks say why.');
  if (shorts === 'all') return { ok: true };
  const [short = ''] = shorts;
  const mine = targets.filter(({ model }) => model.short === short);
  if (!shown.has(short)) {
    const names = [...shown].slice(0, 20).map(code).join(', ');
    return no(`This pull request does not change a model ${code(short)}; it changes ${names}.`);
  }
  if (
    variant === 'fat' &&
    mine.length > 0 &&
    mine.every((target) => target.variant !== 'fat' || target.action === 'skip')
  ) {
    return no(`A fat image of ${code(short)} is not permitted; the reasons are in the report above.`);
  }
  return { ok: true };
}

/**
 * Whether a commit can be approved: it has to be the head there is now, and named well enough. Two commits with the same first digits
 * are made in seconds; the one that was looked at must not vouch for the other.
 */
export async function mayApprove(
  sha: string,
  pull: PullRequest,
  { repoId, pr }: PullRef,
  { store, reviews }: ReviewContext,
): Promise<Answer> {
  if (pull.state === 'closed') return CLOSED;
  if (!pull.headSha.startsWith(sha)) {
    const [head, named] = [code(pull.headSha.slice(0, 12)), code(sha.slice(0, 12))];
    return no(`The head of this pull request is ${head}, not ${named}: look at it, and approve that.`);
  }
  const known = await reviews.reviewsOfPull(store.db, { repoId, pr });
  const others = known.filter(({ headSha }) => headSha !== pull.headSha && headSha.startsWith(sha));
  if (others.length === 0) return { ok: true };
  return no(`Several commits of this pull request begin with ${code(sha)}: name all 40 digits.`);
}

export async function enqueueReview(
  pull: PullRef,
  job: Pick<ReviewJob, 'rebuild' | 'force'>,
  { queue }: ReviewContext,
  transaction: Transaction,
): Promise<void> {
  const { installationId, repoId, owner, repo, pr } = pull;
  const { rebuild, force } = job;
  const what =
    rebuild === null
      ? ''
      : ` rebuild ${rebuild.shorts === 'all' ? 'all' : rebuild.shorts.join(',')} ${rebuild.variant ?? ''}${rebuild.experimental ? ' experimental' : ''}`;
  const review: ReviewJob = { installationId, repoId, owner, repo, pr, rebuild, force };
  await queue.enqueue('review', review, { key: `${repoId}#${pr}${what}${force ? ' force' : ''}`, transaction });
}

/** Approves the head and has it looked at again, in one transaction. */
export async function approveHead(
  pull: PullRef,
  headSha: string,
  login: string,
  context: ReviewContext,
  tx: Transaction,
): Promise<void> {
  await approve(tx.db, { repoId: pull.repoId, pr: pull.pr, headSha }, login);
  await enqueueReview(pull, { rebuild: null, force: false }, context, tx);
}

export async function isAuthorised(github: GitHub, repo: Repo, login: string): Promise<boolean> {
  return !login.endsWith('[bot]') && (await github.permission(repo, login));
}

function newestPlan(known: readonly Review<ReviewPlan>[], headSha: string): ReviewPlan | null {
  const current = known.find((review) => review.headSha === headSha && review.plan !== null);
  return (current ?? known.find(({ plan }) => plan !== null))?.plan ?? null;
}
