import type { KeyObject } from 'node:crypto';
import { z } from 'zod';
import type { Digest } from '../../registry/types.ts';
import { type AttachmentSource, contentOf, cosignTag, manifestOf } from './attached.ts';
import { signatureVerifies } from './dsse.ts';

/** containers/image, "Simple signing": what cosign signs of an image, as far as it says which. */
const payloadSchema = z.looseObject({
  critical: z.looseObject({ image: z.looseObject({ 'docker-manifest-digest': z.string() }) }),
});

const SIMPLE_SIGNING = 'application/vnd.dev.cosign.simplesigning.v1+json';
/** Bytes; what cosign signs is some hundred. */
const MOST_PAYLOAD = 64 * 1024;
const SIGNATURE = 'dev.cosignproject.cosign/signature';

/** What signatures lie under an image's `.sig` tag: `mine` of this key and about this image, or only others'. */
export async function imageSignature(
  source: AttachmentSource,
  index: Digest,
  key: KeyObject | null,
  signal?: AbortSignal,
): Promise<'none' | 'others' | 'mine'> {
  const read = await manifestOf(source, `${cosignTag(index)}.sig`, signal);
  const layers = (read?.manifest.layers ?? []).filter(
    ({ mediaType, size }) => mediaType === SIMPLE_SIGNING && size <= MOST_PAYLOAD,
  );
  for (const layer of key === null ? [] : layers) {
    const signature = layer.annotations?.[SIGNATURE];
    const payload = signature === undefined ? null : await contentOf(source, layer, signal);
    if (key === null || signature === undefined || payload === null) continue;
    if (signatureVerifies(payload, signature, key) && isOf(payload, index)) return 'mine';
  }
  return layers.length === 0 ? 'none' : 'others';
}

function isOf(payload: Uint8Array, index: Digest): boolean {
  try {
    const { critical } = payloadSchema.parse(JSON.parse(new TextDecoder().decode(payload)));
    return critical.image['docker-manifest-digest'] === index;
  } catch {
    return false;
  }
}
