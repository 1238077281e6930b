import { OCI_MANIFEST } from '../../registry/media-types.ts';
import type { Descriptor } from '../../registry/types.ts';

/** OCI image specification 1.1, "Guidelines for Artifact Usage": the configuration of what has none. */
export const EMPTY_TYPE = 'application/vnd.oci.empty.v1+json';
export const EMPTY = new TextEncoder().encode('{}');

interface Referrer {
  artifactType: string;
  config: Descriptor;
  content: Descriptor;
  subject: Descriptor;
  annotations: Record<string, string>;
}

/** Manifest of an artifact that refers to an image: one layer, no time, so that equal content has an equal digest. */
export function referrerManifest({ artifactType, config, content, subject, annotations }: Referrer): Uint8Array {
  const bare = ({ mediaType, digest, size }: Descriptor) => ({ mediaType, digest, size });
  return new TextEncoder().encode(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: OCI_MANIFEST,
      artifactType,
      config: bare(config),
      layers: [bare(content)],
      subject: bare(subject),
      annotations,
    }),
  );
}

/** What finds a statement without reading it: cosign's annotations for a bundle, BuildKit's for a bare statement. */
export function referrerAnnotations(predicateType: string, signed: boolean): Record<string, string> {
  return signed
    ? { 'dev.sigstore.bundle.content': 'dsse-envelope', 'dev.sigstore.bundle.predicateType': predicateType }
    : { 'in-toto.io/predicate-type': predicateType };
}
