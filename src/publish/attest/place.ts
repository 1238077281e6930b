import { ensureBlob } from '../../registry/content.ts';
import { OCI_MANIFEST } from '../../registry/media-types.ts';
import { parseReference } from '../../registry/reference.ts';
import { manifestSchema, parseJson } from '../../registry/schema.ts';
import type { Descriptor, Digest, PublishTarget } from '../../registry/types.ts';
import type { SignedPlace } from './cosign-arguments.ts';
import { EMPTY, EMPTY_TYPE, referrerAnnotations, referrerManifest } from './referrer.ts';

/** A referrer before it is anywhere: the same bytes go to every repository. */
export interface PreparedReferrer {
  manifest: Uint8Array;
  mediaType: string;
  content: { mediaType: string; bytes: Uint8Array };
}

/** @param subject the index's descriptor */
export function prepareReferrer(
  subject: Descriptor,
  { predicateType, artifactType, bytes }: { predicateType: string; artifactType: string; bytes: Uint8Array },
  signed: boolean,
  describe: (bytes: Uint8Array, mediaType: string) => Descriptor,
): PreparedReferrer {
  const manifest = referrerManifest({
    artifactType,
    config: describe(EMPTY, EMPTY_TYPE),
    content: describe(bytes, artifactType),
    subject,
    annotations: referrerAnnotations(predicateType, signed),
  });
  return { manifest, mediaType: OCI_MANIFEST, content: { mediaType: artifactType, bytes } };
}

/** Writes content first, then the manifest, so that what is seen is whole. */
export async function placeReferrer(
  target: PublishTarget,
  subject: Digest,
  { manifest, mediaType, content }: PreparedReferrer,
  signal: AbortSignal,
): Promise<Descriptor> {
  // cosign's own has another configuration than ours.
  const { config } = parseJson(manifestSchema, manifest, 'The referrer');
  if (!(await target.has(config, { signal }))) await ensureBlob(target, EMPTY, EMPTY_TYPE, { signal });
  await ensureBlob(target, content.bytes, content.mediaType, { signal });
  return target.putReferrer(manifest, mediaType, subject, { signal });
}

/** How cosign names an image of a target. */
export function signedPlace({ name }: PublishTarget, digest: Digest): SignedPlace {
  const { registry, repository } = parseReference(name);
  return { registry, repository, digest };
}
