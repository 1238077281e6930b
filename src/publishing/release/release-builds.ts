import { targetName } from '../../report/target-name.ts';
import type { ReviewContext } from '../../review/context.ts';
import { attach, type BuildKey, detach, releaseAttachments } from '../../store/attachments.ts';
import { cancelUnattached } from '../../store/builds.ts';
import { cancelUnattachedRuntime, requestRuntime } from '../../store/runtimes.ts';
import type { PlannedRelease } from './plan-release.ts';
import type { ReleaseJob } from './request-release.ts';

/** Has everything built that a release waits for, and waits for it; failed builds are tried once more when the release is new. */
export async function requestReleaseBuilds(
  job: ReleaseJob,
  { targets, commit, isNew }: PlannedRelease,
  { store, builds, queue }: ReviewContext,
): Promise<void> {
  const waiting = (key: BuildKey, checkName: string) => {
    const { repoId } = job;
    return { ...key, kind: 'release' as const, repoId, pr: 0, headSha: commit, checkName };
  };
  for (const target of targets) {
    const { awaits, request, action } = target;
    if (action !== 'build') continue;
    await store.transaction(async (tx) => {
      if (awaits !== null) {
        const { key, repository } = awaits;
        await attach(tx.db, waiting({ inputs: key, destination: repository }, `runtime ${awaits.runtime.name}`));
        if (!(await requestRuntime(tx.db, { owner: job.owner, request: awaits, again: isNew }))) return;
        await queue.enqueue('runtime', { key, repository }, { key: `${key} ${repository}`, transaction: tx });
      }
      if (request === null) return;
      const key: BuildKey = { inputs: request.key, destination: target.repositories.join(',') };
      await attach(tx.db, waiting(key, targetName(target, targets)));
      if (!isNew && (await builds.findBuild(tx.db, key))?.state === 'failed') return;
      const { queued } = await builds.requestBuild(tx.db, { ...key, owner: job.owner, request });
      const name = `${key.inputs} ${key.destination}`;
      if (queued) await queue.enqueue('build', { ...key, verify: false }, { key: name, transaction: tx });
    });
  }
}

/** A release that is over waits for nothing. */
export async function leaveRelease(
  { repoId }: Pick<ReleaseJob, 'repoId'>,
  commit: string,
  { store }: Pick<ReviewContext, 'store'>,
): Promise<void> {
  for (const attachment of await releaseAttachments(store.db, repoId, commit)) {
    await detach(store.db, attachment);
    await cancelUnattached(store.db, attachment);
    await cancelUnattachedRuntime(store.db, { key: attachment.inputs, repository: attachment.destination });
  }
}
