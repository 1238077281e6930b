import { PublisherError } from '../errors.ts';
import type { Digest, PublishTarget } from '../registry/types.ts';
import { PublicationFailed } from './publication-failed.ts';
import type { PublishContext, TagMove, TagStep } from './types.ts';

/** A step, with what it takes to do it. */
export interface ReadyStep {
  step: TagStep;
  digest: Digest;
  target: PublishTarget;
}

/**
 * Moves tags one after the other, in the order given. Each is looked at again first: what changed since it was read is not
 * overwritten.
 *
 * @throws PublicationFailed at the first that cannot be moved, with those that were
 */
export async function moveTags(
  ready: readonly ReadyStep[],
  context: Pick<PublishContext, 'guard' | 'moved' | 'signal'>,
): Promise<TagMove[]> {
  const moves: TagMove[] = [];
  for (const [at, { step, digest, target }] of ready.entries()) {
    if (step.action === 'keep' || step.action === 'conflict') continue;
    const move = { repository: step.repository, tag: step.tag, before: step.before, after: digest };
    const done = async () => {
      moves.push(move);
      await context.moved(move);
    };
    let moved = false;
    try {
      const manifest = await target.manifest(digest, { signal: context.signal });
      if (!(await isStillToDo(step, digest, target, context.signal))) continue;
      await context.guard(step.repository);
      context.signal.throwIfAborted();
      try {
        await target.tag(step.tag, manifest, { signal: context.signal });
      } catch (error) {
        // An answer that was lost says nothing about the tag.
        moved = await isAt(target, step.tag, digest);
        if (!moved) throw error;
      }
      moved = true;
      await done();
      await context.guard(step.repository);
    } catch (thrown) {
      const left = ready.slice(moved ? at + 1 : at).map((other) => other.step);
      throw PublicationFailed.from(thrown, { moves, left, unread: [] });
    }
  }
  return moves;
}

/** @throws PublisherError `denied`, retryable, where somebody else moved the tag meanwhile */
async function isStillToDo(
  { tag, before }: TagStep,
  digest: Digest,
  target: PublishTarget,
  signal: AbortSignal,
): Promise<boolean> {
  const now = (await target.head(tag, { signal }))?.digest ?? null;
  if (now === digest) return false;
  if (now === before) return true;
  throw new PublisherError(
    'denied',
    `${target.name}:${tag} was moved to ${now ?? 'nothing'} by somebody else while this was being published.`,
    { retryable: true },
  );
}

async function isAt(target: PublishTarget, tag: string, digest: Digest): Promise<boolean> {
  try {
    return (await target.head(tag))?.digest === digest;
  } catch {
    return false;
  }
}
