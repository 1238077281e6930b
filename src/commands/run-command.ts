import type { Comment, GitHub, Repo } from '../github/types.ts';
import { sha256Hex } from '../image/hash.ts';
import { code } from '../report/markdown.ts';
import type { ReviewContext } from '../review/context.ts';
import type { CommandJob, ReviewJob, ReviewPlan } from '../review/types.ts';
import { claimCommand, findCommand, setCommandOutcome } from '../store/commands.ts';
import type { Review } from '../store/reviews.ts';
import { parseCommand } from './grammar.ts';

type Rebuild = NonNullable<ReviewJob['rebuild']>;

const HELP = [
  'I understand, from people with write access, on open pull requests:',
  '',
  '- `/rebuild <short> [slim|fat]`: resolve the model and its base again, build and scan',
  '- `/rebuild all`: the same for every model of this pull request',
].join('\n');

/**
 * Runs the command of a comment, at most once per comment. The webhook was only a hint: comment, author, permission and pull
 * request are read from GitHub.
 */
export async function runCommand(job: CommandJob, context: ReviewContext): Promise<void> {
  const { store } = context;
  const github = await context.github(job.installationId);
  const repo: Repo = { owner: job.owner, name: job.repo };
  const comment = await github.comment(repo, job.commentId);
  if (comment === null || comment.authorType === 'Bot' || comment.createdAt !== comment.updatedAt) return;
  if (comment.issueNumber !== job.pr) return;
  const command = parseCommand(comment.body);
  if (command.kind === 'none') return;
  const claim = { commentId: comment.id, repoId: job.repoId, pr: job.pr, bodyDigest: sha256Hex(comment.body) };
  if (!(await claimCommand(store.db, claim))) {
    // Claimed by a run that ended here, or by one that died: without an outcome it has to be finished.
    const before = await findCommand(store.db, comment.id);
    if (before === null || before.outcome !== null || before.bodyDigest !== claim.bodyDigest) return;
  }
  if (!(await github.permission(repo, comment.authorLogin))) {
    await github.react(repo, comment.id, '-1');
    await setCommandOutcome(store.db, comment.id, 'not-authorised');
    return;
  }
  if (command.kind === 'help') return answer(HELP, 'help', comment, github, repo, context);
  if (command.kind === 'malformed')
    return answer(`I did not understand that: ${command.message}.`, 'malformed', comment, github, repo, context);
  const { shorts, variant } = command;
  const refusal = await refuse({ shorts, variant }, job, github, repo, context);
  if (refusal !== null) return answer(refusal, 'refused', comment, github, repo, context);
  await github.react(repo, comment.id, 'rocket');
  await store.transaction(async (tx) => {
    const { installationId, repoId, owner, repo: name, pr } = job;
    const review: ReviewJob = { installationId, repoId, owner, repo: name, pr, rebuild: { shorts, variant } };
    const what = shorts === 'all' ? 'all' : shorts.join(',');
    await context.queue.enqueue('review', review, {
      key: `${repoId}#${pr} rebuild ${what} ${variant ?? ''}`,
      transaction: tx,
    });
    await setCommandOutcome(tx.db, comment.id, 'queued');
  });
}

/** Why a rebuild cannot be, in one sentence; null when it can. */
async function refuse(
  { shorts, variant }: Rebuild,
  job: CommandJob,
  github: GitHub,
  repo: Repo,
  context: ReviewContext,
): Promise<string | null> {
  const pull = await github.pullRequest(repo, job.pr);
  if (pull.state === 'closed') return 'This pull request is closed, so there is nothing to rebuild.';
  if (pull.headRepoId !== pull.baseRepoId) {
    return 'This pull request comes from a fork: it is validated and planned only, and `/rebuild` is not an approval.';
  }
  const reviews = await context.reviews.reviewsOfPull(context.store.db, { repoId: job.repoId, pr: job.pr });
  const review: Review<ReviewPlan> | undefined =
    reviews.find(({ headSha, plan }) => headSha === pull.headSha && plan !== null) ??
    reviews.find(({ plan }) => plan !== null);
  // Not planned yet, or the review failed: the next one finds out.
  if (review === undefined || review.plan === null || review.plan.failure !== null) return null;
  const targets = review.plan.targets.filter(({ action }) => action !== 'remove');
  if (targets.length === 0) return 'This pull request has no model to build; the checks say why.';
  if (shorts === 'all') return null;
  const [short = ''] = shorts;
  const mine = targets.filter(({ model }) => model.short === short);
  if (mine.length === 0) {
    const known = [...new Set(targets.map(({ model }) => model.short))].slice(0, 20).map(code).join(', ');
    return `This pull request does not change a model ${code(short)}; it changes ${known}.`;
  }
  if (variant === 'fat' && mine.every((target) => target.variant !== 'fat' || target.action === 'skip')) {
    return `A fat image of ${code(short)} is not permitted; the reasons are in the report above.`;
  }
  return null;
}

async function answer(
  text: string,
  outcome: string,
  comment: Comment,
  github: GitHub,
  repo: Repo,
  context: ReviewContext,
): Promise<void> {
  await github.react(repo, comment.id, outcome === 'help' ? '+1' : 'confused');
  await setCommandOutcome(context.store.db, comment.id, outcome);
  await github.reply(repo, comment.issueNumber, text);
}
