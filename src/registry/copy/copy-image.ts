import { inLanes } from '../../build/lanes.ts';
import { parseReference } from '../reference.ts';
import type { Descriptor, Digest, PublishTarget } from '../types.ts';
import { type ImageTree, imageTree } from './tree.ts';

export interface CopyOptions {
  /** Also what refers to the image and its platforms, recursively, and cosign's tags; else index, platforms and blobs only. */
  everything: boolean;
  signal?: AbortSignal;
  /** Bytes sent since the last call; negative when an attempt is thrown away. */
  onBytes?: (bytes: number) => void;
  /** Waited for before each chunk of this many bytes goes on. */
  throttle?: (bytes: number, signal: AbortSignal) => Promise<void>;
  /** Other repositories, `host/repository`, that blobs may be mounted from when they are in the target's registry. */
  near?: readonly string[];
}

/** Bytes of blobs. `reused`: there already, or mounted. */
export interface CopiedBytes {
  moved: number;
  reused: number;
}

/** Blobs of one image under way at once. */
const LANES = 4;

/**
 * Copies an image by digest from one repository to another. What is there is not moved again, so a copy that broke off goes on where it
 * was; nothing is written to disk.
 *
 *     blobs, in lanes: there ─▶ mounted on the same host ─▶ streamed from registry to registry
 *     then manifests, platforms before their index, then what refers to them (`putReferrer`), then cosign's tags
 *
 * The image's own tags are the caller's business.
 *
 * @throws PublisherError with the registry codes, `image-invalid`, `cancelled`
 */
export async function copyImage(
  from: PublishTarget,
  to: PublishTarget,
  digest: Digest,
  options: CopyOptions,
): Promise<CopiedBytes> {
  return copyTree(from, to, await imageTree(from, digest, options), options);
}

/** The same for a tree that was read already. */
export async function copyTree(
  from: PublishTarget,
  to: PublishTarget,
  tree: ImageTree,
  options: Omit<CopyOptions, 'everything'>,
): Promise<CopiedBytes> {
  const sizes = await inLanes(tree.blobs, LANES, options.signal, (blob, signal) =>
    copyBlob(from, to, blob, { ...options, signal }),
  );
  await copyManifests(to, tree, options.signal);
  const moved = sizes.reduce((sum, size) => sum + size, 0);
  return { moved, reused: tree.blobs.reduce((sum, { size }) => sum + size, 0) - moved };
}

/** @returns bytes moved */
async function copyBlob(
  from: PublishTarget,
  to: PublishTarget,
  { mediaType, digest, size }: Descriptor,
  { signal, onBytes, throttle, near = [] }: Omit<CopyOptions, 'everything'> & { signal: AbortSignal },
): Promise<number> {
  const blob = { mediaType, digest, size };
  if (await to.has(blob, { signal })) return 0;
  for (const name of new Set([from.name, ...near])) {
    if (name !== to.name && (await to.mount(blob, parseReference(name), { signal }))) return 0;
  }
  const open = (reading: AbortSignal) => throttled(from.blob(blob, { signal: reading }), throttle, reading);
  await to.write({ ...blob, open }, { signal, ...(onBytes === undefined ? {} : { onBytes }) });
  return size;
}

async function* throttled(
  chunks: AsyncIterable<Uint8Array>,
  throttle: CopyOptions['throttle'],
  signal: AbortSignal,
): AsyncIterable<Uint8Array> {
  for await (const chunk of chunks) {
    await throttle?.(chunk.byteLength, signal);
    yield chunk;
  }
}

async function copyManifests(to: PublishTarget, { manifests, tags }: ImageTree, signal?: AbortSignal): Promise<void> {
  const options = signal === undefined ? {} : { signal };
  for (const { content, subject } of manifests) {
    if (subject !== null) await to.putReferrer(content.bytes, content.mediaType, subject, options);
    else if ((await to.head(content.digest, options)) === null) {
      await to.putManifest(content.bytes, content.mediaType, options);
    }
  }
  for (const { tag, digest } of tags) {
    if ((await to.head(tag, options))?.digest === digest) continue;
    const content = manifests.find((manifest) => manifest.content.digest === digest)?.content;
    if (content !== undefined) await to.tag(tag, content, options);
  }
}
