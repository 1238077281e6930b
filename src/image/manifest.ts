import { OCI_INDEX, OCI_MANIFEST } from '../registry/media-types.ts';
import type { Descriptor } from '../registry/types.ts';

const encoder = new TextEncoder();

/** Image manifest (OCI image-spec 1.1). */
export function imageManifest(
  config: Descriptor,
  layers: Descriptor[],
  annotations: Record<string, string>,
): Uint8Array {
  return json({
    schemaVersion: 2,
    mediaType: OCI_MANIFEST,
    config: bare(config),
    layers: layers.map(bare),
    annotations,
  });
}

/** Image index (OCI image-spec 1.1): one manifest a platform, in the order given. */
export function imageIndex(manifests: Descriptor[], annotations: Record<string, string>): Uint8Array {
  return json({ schemaVersion: 2, mediaType: OCI_INDEX, manifests: manifests.map(bare), annotations });
}

/** Descriptors with members in one order, so that equal content is equal bytes. */
function bare({ mediaType, digest, size, platform, annotations }: Descriptor): Descriptor {
  return {
    mediaType,
    digest,
    size,
    ...(platform === undefined ? {} : { platform }),
    ...(annotations === undefined ? {} : { annotations }),
  };
}

function json(value: unknown): Uint8Array {
  return encoder.encode(JSON.stringify(value));
}
