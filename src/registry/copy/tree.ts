import { PublisherError } from '../../errors.ts';
import { cancelled } from '../../http/retry.ts';
import { isIndex } from '../media-types.ts';
import { fallbackTag } from '../referrers.ts';
import { descriptorSchema, indexSchema, manifestSchema, parseJson } from '../schema.ts';
import type { Descriptor, Digest, ManifestContent, PublishTarget } from '../types.ts';

export interface TreeManifest {
  content: ManifestContent;
  /** What it refers to; null for an image. */
  subject: Digest | null;
  /** Manifests that refer to it, as the source lists them; none unless everything was asked for. */
  referrers: Digest[];
}

/** All that belongs to an image in one repository. */
export interface ImageTree {
  /** Each once; what a manifest names comes before it, and what refers to it after it. */
  manifests: TreeManifest[];
  /** Each once. */
  blobs: Descriptor[];
  /** What cosign finds by the name of the tag alone. */
  tags: { tag: string; digest: Digest }[];
}

/** cosign's tags beside the digest they speak of: signatures, attestations, SBOMs. */
const COSIGN_SUFFIXES = ['.sig', '.att', '.sbom'] as const;
/** An index of 64 platforms, each with a dozen statements, stays far below. */
const MOST_MANIFESTS = 2_000;

const subjectSchema = indexSchema.extend({ subject: descriptorSchema.nullish() });

/**
 * Reads all manifests of an image: index, platforms, and with `everything` what refers to each of them, recursively, and cosign's tags.
 *
 * @throws PublisherError with the registry codes; `image-invalid` for what is no manifest; `too-large` over 2000 manifests
 */
export async function imageTree(
  from: PublishTarget,
  digest: Digest,
  { everything, signal }: { everything: boolean; signal?: AbortSignal },
): Promise<ImageTree> {
  const options = signal === undefined ? {} : { signal };
  const seen = new Set<Digest>();
  const manifests: TreeManifest[] = [];
  const blobs = new Map<Digest, Descriptor>();
  const tags: ImageTree['tags'] = [];

  async function visit(reference: Digest): Promise<void> {
    if (seen.has(reference)) return;
    if (signal?.aborted) throw cancelled(signal);
    if (seen.size >= MOST_MANIFESTS) {
      throw new PublisherError('too-large', `${from.name}@${digest} has more than ${MOST_MANIFESTS} manifests`);
    }
    seen.add(reference);
    const content = await from.manifest(reference, options);
    const parts = partsOf(content);
    for (const blob of parts.blobs) blobs.set(blob.digest, blob);
    for (const child of parts.children) await visit(child);
    const listed = everything ? await from.referrers(reference, options) : [];
    manifests.push({ content, subject: parts.subject, referrers: listed.map((entry) => entry.digest) });
    for (const referrer of listed) await visit(referrer.digest);
    if (everything) await visitTags(reference);
  }

  async function visitTags(reference: Digest): Promise<void> {
    for (const suffix of COSIGN_SUFFIXES) {
      const tag = `${fallbackTag(reference)}${suffix}`;
      const named = await from.head(tag, options);
      if (named === null) continue;
      tags.push({ tag, digest: named.digest });
      await visit(named.digest);
    }
  }

  await visit(digest);
  return { manifests, blobs: [...blobs.values()], tags };
}

function partsOf(content: ManifestContent): { children: Digest[]; blobs: Descriptor[]; subject: Digest | null } {
  const what = `Manifest ${content.digest}`;
  if (isIndex(content.mediaType)) {
    const { manifests, subject } = parseJson(subjectSchema, content.bytes, what);
    return { children: manifests.map((child) => child.digest), blobs: [], subject: subject?.digest ?? null };
  }
  const { config, layers, subject } = parseJson(manifestSchema, content.bytes, what);
  const blobs = [config, ...layers].map(({ mediaType, digest, size }) => ({ mediaType, digest, size }));
  return { children: [], blobs, subject: subject?.digest ?? null };
}
