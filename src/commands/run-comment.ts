import type { Comment, GitHub, Repo } from '../github/types.ts';
import { sha256Hex } from '../image/hash.ts';
import { enqueueRelease } from '../publishing/release/request-release.ts';
import { code, prose } from '../report/markdown.ts';
import { plural } from '../report/numbers.ts';
import type { ReviewContext } from '../review/context.ts';
import type { CommentJob } from '../review/types.ts';
import type { KnownCatalog } from '../store/catalogs.ts';
import { claimCommand, findCommand, setCommandOutcome } from '../store/commands.ts';
import type { Transaction } from '../store/database.ts';
import { enqueueRescan } from '../watch/schedule.ts';
import { adopt, mayAdopt } from './adopt.ts';
import { type Answer, approveHead, enqueueReview, isAuthorised, mayApprove, mayRebuild } from './ask.ts';
import { wantedRescans } from './ask-rescan.ts';
import { type ParsedCommand, parseCommand } from './grammar.ts';

const HELP = [
  'I understand, from people with write access, on open pull requests:',
  '',
  '- `/rebuild <short> [slim|fat]`: resolve the model and its base again, build and scan',
  '- `/rebuild all`: the same for every model of this pull request',
  '- `--experimental` after either: on experimental runtimes too, from now on in this pull request',
  '- `/rescan [short]`: scan what is published again, now; an issue tells what appeared',
  '- `/adopt [short]`: take over the registry repositories of the models of this pull request, whatever is in them',
  '- `/approve <sha>`: build what this very commit asks for, where that waits for an approval (at least 12 digits)',
  '- `/release <tag> [--latest] [--experimental] [--set ARG=VALUE]…`, on any issue too: publish the whole catalog under this name',
].join('\n');

interface Asked {
  job: CommentJob;
  comment: Comment;
  github: GitHub;
  repo: Repo;
  context: ReviewContext;
}

/**
 * Runs the command of a comment, at most once per comment. The webhook was only a hint: comment, author, permission and pull
 * request are read from GitHub.
 */
export async function runComment(job: CommentJob, context: ReviewContext): Promise<void> {
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
  if (!(await isAuthorised(github, repo, comment.authorLogin))) {
    await github.react(repo, comment.id, '-1');
    await setCommandOutcome(store.db, comment.id, 'not-authorised');
    return;
  }
  await carryOut(command, { job, comment, github, repo, context });
}

async function carryOut(command: Exclude<ParsedCommand, { kind: 'none' }>, asked: Asked): Promise<void> {
  const { job, comment, github, repo, context } = asked;
  switch (command.kind) {
    case 'help':
      return answer(HELP, 'help', asked);
    case 'malformed':
      return answer(misunderstood(command.message), 'malformed', asked);
    case 'release': {
      const { options } = command;
      const asking = { options, issue: comment.issueNumber };
      return begin({ ok: true }, asked, (tx) => enqueueRelease(context.queue, job, asking, tx));
    }
    case 'rebuild': {
      const { kind, ...rebuild } = command;
      const pull = await github.pullRequest(repo, job.pr);
      const may = await mayRebuild(rebuild, pull, job, context);
      return begin(may, asked, (tx) => enqueueReview(job, { rebuild, force: false }, context, tx));
    }
    case 'rescan': {
      const wanted = await wantedRescans(command.short, job.repoId, context);
      return wanted.ok ? beginRescans(wanted, command.short, asked) : answer(wanted.sentence, 'refused', asked);
    }
    case 'adopt': {
      const pull = await github.pullRequest(repo, job.pr);
      const may = await mayAdopt(command.shorts, pull, job, context);
      return begin(may, asked, (tx) => adopt(may.ok ? may.repositories : [], job, context, tx));
    }
    case 'approve': {
      const pull = await github.pullRequest(repo, job.pr);
      const may = await mayApprove(command.sha, pull, job, context);
      return begin(may, asked, (tx) => approveHead(job, pull.headSha, comment.authorLogin, context, tx));
    }
  }
}

async function beginRescans(
  { catalogs, images }: { catalogs: KnownCatalog[]; images: number },
  short: string | null,
  asked: Asked,
): Promise<void> {
  const { comment, github, repo, context } = asked;
  await begin({ ok: true }, asked, async (tx) => {
    for (const catalog of catalogs) await enqueueRescan(context.queue, catalog, short, tx);
  });
  const what = short === null ? '' : ` of ${code(short)}`;
  const text = `Scanning ${plural(images, 'published image')}${what} again. An issue tells what appeared since the last scan; none means nothing did.`;
  await github.reply(repo, comment.issueNumber, text);
}

/** @param why in plain text, which may quote the comment: the reply must not do for its author what they may not, such as mention a team */
export function misunderstood(why: string): string {
  return `I did not understand that: ${prose(why)}.`;
}

/** Acknowledges and begins, or answers why not. */
async function begin(may: Answer, asked: Asked, work: (tx: Transaction) => Promise<void>): Promise<void> {
  const { comment, github, repo, context } = asked;
  if (!may.ok) return answer(may.sentence, 'refused', asked);
  await github.react(repo, comment.id, 'rocket');
  await context.store.transaction(async (tx) => {
    await work(tx);
    await setCommandOutcome(tx.db, comment.id, 'queued');
  });
}

async function answer(text: string, outcome: string, { comment, github, repo, context }: Asked): Promise<void> {
  await github.react(repo, comment.id, outcome === 'help' ? '+1' : 'confused');
  await setCommandOutcome(context.store.db, comment.id, outcome);
  await github.reply(repo, comment.issueNumber, text);
}
