import { resolveBase } from '../build/base.ts';
import { recipeTag } from '../build/runtimes/identity.ts';
import { asPublisherError, PublisherError } from '../errors.ts';
import type { JobContext } from '../jobs/worker.ts';
import { publishWaiting } from '../publishing/trigger.ts';
import { parseReference } from '../registry/reference.ts';
import type { Digest } from '../registry/types.ts';
import { attachmentsOf } from '../store/attachments.ts';
import {
  claimRuntime,
  finishRuntime,
  holdsRuntime,
  type RuntimeBuild,
  type RuntimeClaim,
  type RuntimeKey,
  releaseRuntime,
} from '../store/runtimes.ts';
import type { ReviewContext } from './context.ts';
import { conclude } from './review-job.ts';
import type { ReviewJob, RuntimeJob } from './types.ts';

/** Milliseconds between two looks whether somebody still waits. */
const LOOK_EVERY = 1_000;

/**
 * Builds one runtime image for all who wait, and has them planned again: only then is known what their images are made of. Killed at any
 * point it runs again, and builds nothing that is there by then. The state machine is drawn in `store/runtimes.ts`.
 */
export async function runRuntime(job: JobContext & { data: RuntimeJob }, context: ReviewContext): Promise<void> {
  const { store, services, logger } = context;
  const runtime = await claimRuntime(store.db, job.data);
  if (runtime === null) return;
  const lost = new AbortController();
  const watch = setInterval(() => void abortUnlessOurs(runtime, context, lost), LOOK_EVERY);
  await tellWaiting(runtime, context);
  try {
    const image = await buildUnlessThere(runtime, context, AbortSignal.any([job.signal, lost.signal]));
    await succeed(runtime, image, context);
    logger.info({ runtime: runtime.request.runtime.name, ...image }, 'Runtime image is there');
  } catch (thrown) {
    const error = asPublisherError(lost.signal.aborted ? lost.signal.reason : thrown);
    if (job.signal.aborted) {
      await releaseRuntime(store.db, runtime);
      throw error;
    }
    if (error.retryable && !job.lastAttempt) throw error;
    const message = services.redact(error.message);
    logger.warn({ runtime: runtime.request.runtime.name, code: error.code, message }, 'Runtime image not built');
    const end = { code: error.code, message, retryable: error.retryable };
    await finishRuntime(store.db, runtime, { state: 'failed', error: end });
    await publishWaiting(await attachmentsOf(store.db, attached(runtime)), context);
  } finally {
    clearInterval(watch);
    await tellWaiting(runtime, context);
  }
}

async function buildUnlessThere(
  { request, owner }: RuntimeBuild,
  { services, runtimeBuilder }: ReviewContext,
  signal: AbortSignal,
): Promise<{ reference: string; digest: Digest }> {
  const { runtime, key, repository } = request;
  const tag = recipeTag(runtime.name, key);
  const reference = `${repository}:${tag}`;
  // Throws where the operator's list was narrowed since it was planned.
  const target = services.target(parseReference(reference), owner);
  const look = async () => {
    try {
      return (await resolveBase(target, reference, tag, runtime.platforms, signal)).digest;
    } catch (thrown) {
      const { code } = asPublisherError(thrown);
      // Many registries answer so for what does not exist; where it is meant, pushing fails and says so.
      if (code === 'registry-not-found' || code === 'registry-denied') return null;
      throw thrown;
    }
  };
  const present = await look();
  if (present !== null) return { reference, digest: present };
  await runtimeBuilder(owner).build(request, signal);
  const digest = await look();
  if (digest !== null) return { reference, digest };
  const message = `${reference} was built and pushed, but the registry does not show it: see that the bot may read what it pushes.`;
  throw new PublisherError('registry-not-found', message);
}

/** In one transaction: whoever waits would otherwise wait for ever after a crash between the two. */
async function succeed(
  runtime: RuntimeBuild,
  image: { reference: string; digest: Digest },
  { store, reviews, queue }: ReviewContext,
): Promise<void> {
  await store.transaction(async (tx) => {
    if (!(await finishRuntime(tx.db, runtime, { state: 'succeeded', ...image }))) return;
    const waiting = await attachmentsOf(tx.db, attached(runtime));
    await publishWaiting(waiting, { store, queue }, tx);
    for (const { kind, repoId, pr, headSha } of waiting) {
      const review = kind === 'pull-request' ? await reviews.findReview(tx.db, { repoId, pr, headSha }) : null;
      if (review === null) continue;
      const { installationId, owner, repo } = review;
      const job: ReviewJob = { installationId, repoId, owner, repo, pr, rebuild: null, force: false };
      await queue.enqueue('review', job, { key: `${repoId}#${pr}`, transaction: tx });
    }
  });
}

async function abortUnlessOurs(claim: RuntimeClaim, { store, logger }: ReviewContext, lost: AbortController) {
  try {
    if (await holdsRuntime(store.db, claim)) return;
    lost.abort(new PublisherError('cancelled', 'Another worker has this runtime, or nobody waits for it.'));
  } catch (error) {
    logger.warn({ error: asPublisherError(error).message }, 'A runtime could not be looked at');
  }
}

async function tellWaiting(runtime: RuntimeKey, context: ReviewContext): Promise<void> {
  for (const attachment of await attachmentsOf(context.store.db, attached(runtime))) {
    // A release looks for itself.
    if (attachment.kind !== 'release') await conclude(context, attachment);
  }
}

const attached = ({ key, repository }: RuntimeKey) => ({ inputs: key, destination: repository });
