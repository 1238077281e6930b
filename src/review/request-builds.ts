import type { PlannedTarget } from '../plan/types.ts';
import { targetName } from '../report/target-name.ts';
import { type AttachmentKind, attach, type BuildKey } from '../store/attachments.ts';
import { awaitsApproval } from './approval.ts';
import type { ReviewContext } from './context.ts';
import type { ReviewJob, ReviewPlan } from './types.ts';

/** Who waits for builds, and on which commit it is told of them. */
export interface Waiting {
  kind: AttachmentKind;
  owner: string;
  repoId: number;
  /** 0 for a publication. */
  pr: number;
  headSha: string;
}

export interface Asked {
  rebuild: ReviewJob['rebuild'];
  /** Whether a model's plan was made because something changed: what is only looked at again restarts no failed build. */
  isNew(short: string): boolean;
}

/**
 * Makes sure that every target which may be built is queued, running or done, one build per inputs key and destination, whoever asked
 * first; and attaches the pull request or publication to it.
 */
export async function requestBuilds(
  waiting: Waiting,
  plan: ReviewPlan,
  { rebuild, isNew }: Asked,
  context: ReviewContext,
): Promise<BuildKey[]> {
  const { store, builds, queue } = context;
  const { kind, owner, repoId, pr, headSha } = waiting;
  if (plan.failure !== null) return [];
  const keys: BuildKey[] = [];
  for (const target of plan.targets) {
    if (target.action !== 'build' || target.request === null || awaitsApproval(target, plan)) continue;
    const { request } = target;
    const key: BuildKey = { inputs: request.key, destination: target.repositories.join(',') };
    const again = isAsked(rebuild, target);
    const checkName = targetName(target, plan.targets);
    await store.transaction(async (tx) => {
      await attach(tx.db, { ...key, kind, repoId, pr, headSha, checkName });
      const before = isNew(target.model.short) ? null : await builds.findBuild(tx.db, key);
      if (before?.state === 'failed') return;
      const { queued } = await builds.requestBuild(tx.db, { ...key, owner, request, again });
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
