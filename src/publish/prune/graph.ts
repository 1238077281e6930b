import type { Digest } from '../../registry/types.ts';

/** One manifest or index, and what hangs on it. */
export interface ManifestNode {
  digest: Digest;
  /** Bytes of the manifest itself. */
  size: number;
  /** Entries of an index. */
  children: Digest[];
  /** Config and layers, by digest → bytes. */
  blobs: ReadonlyMap<Digest, number>;
  /** What it says something about. */
  subject: Digest | null;
  /** What says something about it, as the registry lists it. */
  referrers: Digest[];
}

/** One repository of a registry as far as its tags, and the digests that were asked about, reach. */
export interface RepositoryGraph {
  /** `host/repository`. */
  repository: string;
  tags: ReadonlyMap<string, Digest>;
  manifests: ReadonlyMap<Digest, ManifestNode>;
}

/** `sha256-<hex>` of referrers' indexes, and cosign's `.sig`, `.att` and `.sbom`: they live with the manifest they name. */
const BESIDE = /^sha256-([0-9a-f]{64})(?:\.(?:sig|att|sbom))?$/;

/** The manifest that a tag lies beside; null for a tag of its own. */
export function subjectOfTag(tag: string): Digest | null {
  const hex = BESIDE.exec(tag)?.[1];
  return hex === undefined ? null : `sha256:${hex}`;
}

/**
 * Everything that must stay as long as the roots do: what an index holds, what refers to anything of it, under whatever tag, and what a
 * tagged referrer refers to. An index that lives keeps its children even when nobody names them.
 *
 * @param roots digests; those that are not in the repository keep nothing but themselves
 */
export function livingSet({ tags, manifests }: RepositoryGraph, roots: Iterable<Digest>): Set<Digest> {
  const beside = new Map<Digest, Digest[]>();
  const lies = (subject: Digest, digest: Digest) => beside.set(subject, [...(beside.get(subject) ?? []), digest]);
  for (const [tag, digest] of tags) {
    const subject = subjectOfTag(tag);
    if (subject !== null) lies(subject, digest);
  }
  for (const { digest, subject } of manifests.values()) if (subject !== null) lies(subject, digest);
  const living = new Set<Digest>();
  const waiting = [...roots];
  for (let digest = waiting.pop(); digest !== undefined; digest = waiting.pop()) {
    if (living.has(digest)) continue;
    living.add(digest);
    const node = manifests.get(digest);
    waiting.push(...(beside.get(digest) ?? []));
    if (node === undefined) continue;
    waiting.push(...node.children, ...node.referrers, ...(node.subject === null ? [] : [node.subject]));
  }
  return living;
}

/** Bytes of manifests and blobs that only the removed reach, each counted once. */
export function bytesOnlyOf(
  { manifests }: RepositoryGraph,
  removed: ReadonlySet<Digest>,
  living: ReadonlySet<Digest>,
): number {
  const kept = new Set<Digest>();
  for (const digest of living) for (const blob of manifests.get(digest)?.blobs.keys() ?? []) kept.add(blob);
  let bytes = 0;
  for (const digest of removed) {
    const node = manifests.get(digest);
    if (node === undefined || living.has(digest)) continue;
    bytes += node.size;
    for (const [blob, size] of node.blobs) {
      if (kept.has(blob)) continue;
      kept.add(blob);
      bytes += size;
    }
  }
  return bytes;
}
