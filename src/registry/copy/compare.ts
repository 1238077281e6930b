import { inLanes } from '../../build/lanes.ts';
import { PublisherError } from '../../errors.ts';
import type { Digest, PublishTarget } from '../types.ts';
import { type ImageTree, imageTree } from './tree.ts';

const LANES = 4;

/**
 * What a repository lacks of an image with everything attached, one sentence each; none when the copy is complete. Manifests are read and
 * hashed, blobs asked for, referrers and cosign's tags compared. What the copy has beyond the original is no difference.
 *
 * @throws PublisherError with the registry codes when one of the two cannot be read
 */
export async function compareImage(
  from: PublishTarget,
  to: PublishTarget,
  digest: Digest,
  { signal }: { signal?: AbortSignal } = {},
): Promise<string[]> {
  const tree = await imageTree(from, digest, { everything: true, ...(signal === undefined ? {} : { signal }) });
  return compareTree(to, tree, signal);
}

/** The same for a tree that was read already. */
export async function compareTree(to: PublishTarget, tree: ImageTree, signal?: AbortSignal): Promise<string[]> {
  const manifests = await inLanes(tree.manifests, LANES, signal, async ({ content, referrers }, lane) => {
    if (!(await reads(to, content.digest, lane))) return [`manifest ${content.digest} is missing`];
    if (referrers.length === 0) return [];
    const listed = new Set((await to.referrers(content.digest, { signal: lane })).map((entry) => entry.digest));
    return referrers
      .filter((referrer) => !listed.has(referrer))
      .map((referrer) => `${referrer} is not listed as referring to ${content.digest}`);
  });
  const blobs = await inLanes(tree.blobs, LANES, signal, async (blob, lane) =>
    (await to.has(blob, { signal: lane })) ? [] : [`blob ${blob.digest} is missing`],
  );
  const tags = await inLanes(tree.tags, LANES, signal, async ({ tag, digest: wanted }, lane) => {
    const found = (await to.head(tag, { signal: lane }))?.digest ?? null;
    return found === wanted ? [] : [`${tag} is ${found === null ? 'missing' : `at ${found} instead of ${wanted}`}`];
  });
  return [...manifests, ...blobs, ...tags].flat();
}

/** A manifest that comes back with another digest is as good as none. */
async function reads(to: PublishTarget, digest: Digest, signal: AbortSignal): Promise<boolean> {
  try {
    await to.manifest(digest, { signal });
    return true;
  } catch (error) {
    if (error instanceof PublisherError && ['registry-not-found', 'registry-invalid'].includes(error.code))
      return false;
    throw error;
  }
}
