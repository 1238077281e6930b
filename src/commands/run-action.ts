import type { Repo } from '../github/types.ts';
import { targetName } from '../report/target-name.ts';
import type { ReviewContext } from '../review/context.ts';
import type { ActionJob } from '../review/types.ts';
import { approveHead, enqueueReview, isAuthorised, mayRebuild, type Rebuild } from './ask.ts';

/**
 * A button on one of our check runs, or GitHub's "Re-run". It belongs to the commit of its check: on a newer head it does nothing,
 * because nobody has looked at that.
 */
export async function runAction(job: ActionJob, context: ReviewContext): Promise<void> {
  const { store, reviews, logger } = context;
  const github = await context.github(job.installationId);
  const repo: Repo = { owner: job.owner, name: job.repo };
  const ignore = (why: string) =>
    logger.info({ pr: job.pr, action: job.action, sender: job.sender, why }, 'Action ignored');
  if (!(await isAuthorised(github, repo, job.sender))) return ignore('not authorised');
  const pull = await github.pullRequest(repo, job.pr);
  if (pull.state === 'closed' || pull.headSha !== job.headSha) return ignore('not the head');
  if (job.action === 'approve') {
    return store.transaction((tx) => approveHead(job, pull.headSha, job.sender, context, tx));
  }
  const review = await reviews.findReview(store.db, { repoId: job.repoId, pr: job.pr, headSha: job.headSha });
  const targets = review?.plan?.targets ?? [];
  const target = targets.find((candidate) => targetName(candidate, targets) === job.checkName);
  if (target === undefined) {
    // The catalog's, the scan's or the required check: everything is looked at again, failed builds run again.
    return store.transaction((tx) => enqueueReview(job, { rebuild: null, force: true }, context, tx));
  }
  const rebuild: Rebuild = { shorts: [target.model.short], variant: target.variant, experimental: false };
  const may = await mayRebuild(rebuild, pull, job, context);
  if (!may.ok) return ignore(may.sentence);
  await store.transaction((tx) => enqueueReview(job, { rebuild, force: false }, context, tx));
}
