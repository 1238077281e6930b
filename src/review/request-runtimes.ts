import type { RuntimeRequest } from '../build/runtimes/types.ts';
import type { PullRequest } from '../github/types.ts';
import { attach, type BuildKey } from '../store/attachments.ts';
import { findRuntime, requestRuntime } from '../store/runtimes.ts';
import { awaitsApproval } from './approval.ts';
import type { ReviewContext } from './context.ts';
import type { ReviewJob, ReviewPlan } from './types.ts';

/**
 * Has the runtime images built that a plan's targets wait for, each once, whoever asked first; and attaches the pull request to them. When one
 * is there the pull request is planned again, see `runtime-job.ts`.
 *
 * @param isNew whether somebody asked for this plan: one that is only looked at again restarts nothing that failed
 */
export async function requestRuntimes(
  job: ReviewJob,
  pull: PullRequest,
  plan: ReviewPlan,
  isNew: boolean,
  { store, queue }: ReviewContext,
): Promise<BuildKey[]> {
  if (plan.failure !== null) return [];
  const keys: BuildKey[] = [];
  for (const request of awaited(plan)) {
    const { key, repository } = request;
    await store.transaction(async (tx) => {
      await attach(tx.db, {
        inputs: key,
        destination: repository,
        kind: 'pull-request',
        repoId: job.repoId,
        pr: job.pr,
        headSha: pull.headSha,
        checkName: `runtime ${request.runtime.name}`,
      });
      if (!(await requestRuntime(tx.db, { owner: job.owner, request, again: isNew }))) return;
      await queue.enqueue('runtime', { key, repository }, { key: `${key} ${repository}`, transaction: tx });
    });
    keys.push({ inputs: key, destination: repository });
  }
  return keys;
}

/** Whether a runtime that a plan waits for has been built since. */
export async function isRuntimeThere(plan: ReviewPlan, { store }: Pick<ReviewContext, 'store'>): Promise<boolean> {
  for (const request of awaited(plan)) {
    if ((await findRuntime(store.db, request))?.state === 'succeeded') return true;
  }
  return false;
}

/** Each image once; nothing that waits for a person: a build runs somebody's recipe. */
function awaited(plan: ReviewPlan): RuntimeRequest[] {
  const requests = new Map<string, RuntimeRequest>();
  for (const target of plan.targets) {
    if (target.awaits === null || awaitsApproval(target, plan)) continue;
    requests.set(`${target.awaits.key} ${target.awaits.repository}`, target.awaits);
  }
  return [...requests.values()];
}
