import { PublisherError } from '../../errors.ts';
import { parseManifestContent } from '../../registry/schema.ts';
import type { Digest, ManifestContent, PublishTarget } from '../../registry/types.ts';
import type { ManifestNode, RepositoryGraph } from './graph.ts';

/**
 * Reads a whole repository: every tag, what each reaches, and those of the given digests that are there. What cannot be read is an error:
 * nothing may be deleted on half a picture.
 *
 * @throws PublisherError with the registry codes; `image-invalid` for a manifest of an unknown kind
 */
export async function surveyRepository(
  target: Pick<PublishTarget, 'name' | 'tags' | 'manifest' | 'referrers'>,
  known: Iterable<Digest>,
  signal: AbortSignal,
): Promise<RepositoryGraph> {
  const tags = new Map<string, Digest>();
  const manifests = new Map<Digest, ManifestNode>();
  const waiting: Digest[] = [];
  const add = async (content: ManifestContent) => {
    if (manifests.has(content.digest)) return;
    const referrers = (await target.referrers(content.digest, { signal })).map(({ digest }) => digest);
    const node = nodeOf(content, referrers);
    manifests.set(node.digest, node);
    waiting.push(...node.children, ...node.referrers);
  };
  for (const tag of await target.tags({ signal })) {
    const content = await present(target, tag, signal);
    // Removed by somebody since the list was read.
    if (content === null) continue;
    tags.set(tag, content.digest);
    await add(content);
  }
  waiting.push(...known);
  for (let digest = waiting.pop(); digest !== undefined; digest = waiting.pop()) {
    if (manifests.has(digest)) continue;
    const content = await present(target, digest, signal);
    if (content !== null) await add(content);
  }
  return { repository: target.name, tags, manifests };
}

async function present(
  target: Pick<PublishTarget, 'manifest'>,
  tagOrDigest: string,
  signal: AbortSignal,
): Promise<ManifestContent | null> {
  try {
    return await target.manifest(tagOrDigest, { signal });
  } catch (error) {
    if (error instanceof PublisherError && error.code === 'registry-not-found') return null;
    throw error;
  }
}

function nodeOf(content: ManifestContent, referrers: Digest[]): ManifestNode {
  const parsed = parseManifestContent(content);
  const common = { digest: content.digest, size: content.bytes.byteLength, referrers };
  if (parsed.kind === 'index') {
    return { ...common, children: parsed.index.manifests.map(({ digest }) => digest), blobs: new Map(), subject: null };
  }
  const { config, layers, subject } = parsed.manifest;
  const blobs = new Map([config, ...layers].map(({ digest, size }) => [digest, size]));
  return { ...common, children: [], blobs, subject: subject?.digest ?? null };
}
