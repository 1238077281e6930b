import { PublisherError } from '../errors.ts';
import { parseManifestContent } from '../registry/schema.ts';
import type { Digest, PublishTarget } from '../registry/types.ts';
import type { CopyImage } from './types.ts';

/**
 * Makes sure that a repository has an image: its index, and every manifest the index names. Where it has not, it is copied from the
 * first of `sources` that has.
 *
 * @throws PublisherError `registry-not-found` where no source has it either, and the registry codes
 */
export async function fill(
  target: PublishTarget,
  digest: Digest,
  sources: readonly PublishTarget[],
  { copy, signal }: { copy: CopyImage; signal: AbortSignal },
): Promise<void> {
  if (await holds(target, digest, signal)) return;
  for (const source of sources) {
    if (source.name === target.name || !(await holds(source, digest, signal))) continue;
    await copy(source, target, digest, { signal, everything: false });
    if (await holds(target, digest, signal)) return;
    throw new PublisherError('registry-unavailable', `${target.name} has no ${digest} although it was copied there.`);
  }
  throw new PublisherError('registry-not-found', `${target.name} has no ${digest}: build it again.`);
}

async function holds(target: PublishTarget, digest: Digest, signal: AbortSignal): Promise<boolean> {
  if ((await target.head(digest, { signal })) === null) return false;
  const content = parseManifestContent(await target.manifest(digest, { signal }));
  if (content.kind === 'manifest') return true;
  for (const child of content.index.manifests) {
    if ((await target.head(child.digest, { signal })) === null) return false;
  }
  return true;
}
