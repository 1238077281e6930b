import type { RuntimeRequest } from '../build/runtimes/types.ts';
import { attach, type BuildKey } from '../store/attachments.ts';
import { findRuntime, requestRuntime } from '../store/runtimes.ts';
import { awaitsApproval } from './approval.ts';
import type { ReviewContext } from './context.ts';
import type { Asked, Waiting } from './request-builds.ts';
import type { ReviewPlan } from './types.ts';

/**
 * Has the runtime images built that a plan's targets wait for, each once, whoever asked first; and attaches the pull request or publication to
 * them. When one is there the plan is made again, see `runtime-job.ts`.
 */
export async function requestRuntimes(
  { kind, owner, repoId, pr, headSha }: Waiting,
  plan: ReviewPlan,
  { isNew }: Asked,
  { store, queue }: ReviewContext,
): Promise<BuildKey[]> {
  if (plan.failure !== null) return [];
  const keys: BuildKey[] = [];
  for (const { request, shorts } of awaited(plan)) {
    const { key, repository } = request;
    await store.transaction(async (tx) => {
      await attach(tx.db, {
        inputs: key,
        destination: repository,
        kind,
        repoId,
        pr,
        headSha,
        checkName: `runtime ${request.runtime.name}`,
      });
      if (!(await requestRuntime(tx.db, { owner, request, again: shorts.some(isNew) }))) return;
      await queue.enqueue('runtime', { key, repository }, { key: `${key} ${repository}`, transaction: tx });
    });
    keys.push({ inputs: key, destination: repository });
  }
  return keys;
}

/** Whether a runtime that a plan waits for has been built since. */
export async function isRuntimeThere(plan: ReviewPlan, { store }: Pick<ReviewContext, 'store'>): Promise<boolean> {
  for (const { request } of awaited(plan)) {
    if ((await findRuntime(store.db, request))?.state === 'succeeded') return true;
  }
  return false;
}

/** Each image once; nothing that waits for a person: a build runs somebody's recipe. */
function awaited(plan: ReviewPlan): { request: RuntimeRequest; shorts: string[] }[] {
  const requests = new Map<string, { request: RuntimeRequest; shorts: string[] }>();
  for (const target of plan.targets) {
    if (target.awaits === null || awaitsApproval(target, plan)) continue;
    const key = `${target.awaits.key} ${target.awaits.repository}`;
    const shorts = [...(requests.get(key)?.shorts ?? []), target.model.short];
    requests.set(key, { request: target.awaits, shorts });
  }
  return [...requests.values()];
}
