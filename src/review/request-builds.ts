import type { PullRequest } from '../github/types.ts';
import type { PlannedTarget } from '../plan/types.ts';
import { targetName } from '../report/target-name.ts';
import { attach, type BuildKey } from '../store/attachments.ts';
import { awaitsApproval } from './approval.ts';
import type { ReviewContext } from './context.ts';
import type { ReviewJob, ReviewPlan } from './types.ts';

/**
 * Makes sure that every target which may be built is queued, running or done, one build per inputs key and destination, whoever asked
 * first; and attaches the pull request to it.
 *
 * @param isNew whether the plan was made just now: an old one that is only looked at again restarts no failed build
 */
export async function requestBuilds(
  job: ReviewJob,
  pull: PullRequest,
  plan: ReviewPlan,
  isNew: boolean,
  context: ReviewContext,
): Promise<BuildKey[]> {
  const { store, builds, queue } = context;
  if (plan.failure !== null) return [];
  const keys: BuildKey[] = [];
  for (const target of plan.targets) {
    if (target.action !== 'build' || target.request === null || awaitsApproval(target, plan)) continue;
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
      const before = isNew ? null : await builds.findBuild(tx.db, key);
      if (before?.state === 'failed') return;
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

function isAsked(rebuild: ReviewJob['rebuild'], target: PlannedTarget): boolean {
  if (rebuild === null) return false;
  const named = rebuild.shorts === 'all' || rebuild.shorts.includes(target.model.short);
  return named && (rebuild.variant === null || rebuild.variant === target.variant);
}
