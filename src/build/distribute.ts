import { PublisherError } from '../errors.ts';
import type { BlobContent, Descriptor, ImageTarget } from '../registry/types.ts';
import { tee } from './tee.ts';

export interface Distributed {
  descriptor: Descriptor;
  /** One that has the blob now. */
  written: ImageTarget;
  /** Those that have not, though the content was good. */
  failed: ImageTarget[];
}

/**
 * One content to several targets in one reading. It is a success when one of them has the blob: the others can take it from there.
 *
 * @param write one of the targets, from the content or its branch of it
 * @throws the first error when all fail, or some do because the signal aborted
 */
export async function distribute(
  content: BlobContent,
  targets: readonly ImageTarget[],
  write: (target: ImageTarget, content: BlobContent) => Promise<Descriptor>,
  signal: AbortSignal | undefined,
): Promise<Distributed> {
  const [only, ...others] = targets;
  if (only === undefined) throw new PublisherError('internal', 'Nobody to write to.');
  if (others.length === 0) return { descriptor: await write(only, content), written: only, failed: [] };

  const branches = tee(content, targets.length);
  const results = await Promise.allSettled(
    targets.map(async (target, at) => {
      const branch = branches[at];
      if (branch === undefined) throw new PublisherError('internal', 'Fewer branches than targets.');
      return { target, descriptor: await write(target, branch.content).finally(branch.leave) };
    }),
  );
  const done = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
  const [failure] = results.flatMap((result) => (result.status === 'rejected' ? [result.reason] : []));
  const [first] = done;
  const failed = targets.filter((_, at) => results[at]?.status === 'rejected');
  if (first === undefined || (failed.length > 0 && signal?.aborted)) throw failure;
  return { descriptor: first.descriptor, written: first.target, failed };
}
