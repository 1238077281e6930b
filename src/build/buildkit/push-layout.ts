import { PublisherError } from '../../errors.ts';
import { parseManifestContent } from '../../registry/schema.ts';
import type { BlobContent, Descriptor, Digest, ImageSource } from '../../registry/types.ts';
import type { BasePlatform } from '../base.ts';
import { inLanes } from '../lanes.ts';
import type { Transfer } from '../transfer.ts';

const LANES = 4;

/**
 * Pushes one platform's image from the layout BuildKit wrote: the base's layers from wherever they are cheapest, ours from disk.
 *
 * @returns descriptor of the manifest
 * @throws PublisherError `image-invalid` when it does not stand on the base it was built for; registry codes
 */
export async function pushLayout(
  layout: ImageSource,
  digest: Digest,
  base: BasePlatform,
  transfer: Transfer,
  signal?: AbortSignal,
): Promise<Descriptor> {
  const top = await layout.manifest(digest, { signal });
  const content = parseManifestContent(top);
  if (content.kind === 'index') {
    throw new PublisherError('image-invalid', 'BuildKit wrote an index where one image was asked for.');
  }
  const { config, layers } = content.manifest;
  const below = layers.slice(0, base.layers.length);
  if (!base.layers.every(({ digest: wanted }, at) => below[at]?.digest === wanted)) {
    const text = 'BuildKit built on other layers than those of the base image: its layers must not be compressed anew.';
    throw new PublisherError('image-invalid', text);
  }
  const own = [...layers.slice(below.length), config].map(
    ({ mediaType, digest, size }): BlobContent & { digest: Digest } => ({
      mediaType,
      digest,
      size,
      open: (inner) => layout.blob({ mediaType, digest, size }, { signal: inner }),
    }),
  );
  await inLanes(distinct(below), LANES, signal, (layer, inner) => transfer.baseLayer(layer, inner));
  await inLanes(distinct(own), LANES, signal, (blob) => transfer.ownBlob(blob));
  return transfer.manifest(top.bytes, top.mediaType);
}

/** Two empty layers are one blob. */
function distinct<T extends { digest: Digest }>(blobs: readonly T[]): T[] {
  return [...new Map(blobs.map((blob) => [blob.digest, blob])).values()];
}
