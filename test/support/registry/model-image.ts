import { createHash } from 'node:crypto';
import { OCI_INDEX } from '../../../src/registry/media-types.ts';
import type { Digest, ImageTarget } from '../../../src/registry/types.ts';
import { pushBaseImage } from './base-image.ts';

/** An image that says of itself, as ours do, which model it is of. `text` tells versions apart. */
export async function pushModelImage(
  target: ImageTarget,
  { model = 'acme/tiny', text = 'one', tags = [] }: { model?: string; text?: string; tags?: readonly string[] } = {},
): Promise<Digest> {
  const { manifests } = await pushBaseImage(target, { files: { 'models/file': text }, tag: 'pr-1-scratch' });
  const annotations = {
    'io.model-image-publisher.inputs': createHash('sha256').update(text).digest('hex'),
    'io.model-image-publisher.model': model,
  };
  const entries = manifests.map(({ descriptor, platform }) => ({ ...descriptor, platform }));
  const index = { schemaVersion: 2, mediaType: OCI_INDEX, manifests: entries, annotations };
  const bytes = Buffer.from(JSON.stringify(index));
  const { digest } = await target.putManifest(bytes, OCI_INDEX);
  for (const tag of tags) await target.tag(tag, { bytes, digest, mediaType: OCI_INDEX });
  return digest;
}
