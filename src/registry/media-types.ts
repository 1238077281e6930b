import { PublisherError } from '../errors.ts';

export const OCI_INDEX = 'application/vnd.oci.image.index.v1+json';
export const OCI_MANIFEST = 'application/vnd.oci.image.manifest.v1+json';
export const OCI_CONFIG = 'application/vnd.oci.image.config.v1+json';
export const OCI_LAYER = 'application/vnd.oci.image.layer.v1.tar';
export const OCI_LAYER_GZIP = 'application/vnd.oci.image.layer.v1.tar+gzip';
export const OCI_LAYER_ZSTD = 'application/vnd.oci.image.layer.v1.tar+zstd';

export const DOCKER_INDEX = 'application/vnd.docker.distribution.manifest.list.v2+json';
export const DOCKER_MANIFEST = 'application/vnd.docker.distribution.manifest.v2+json';
export const DOCKER_CONFIG = 'application/vnd.docker.container.image.v1+json';
export const DOCKER_LAYER = 'application/vnd.docker.image.rootfs.diff.tar';
export const DOCKER_LAYER_GZIP = 'application/vnd.docker.image.rootfs.diff.tar.gzip';
export const DOCKER_LAYER_ZSTD = 'application/vnd.docker.image.rootfs.diff.tar.zstd';
export const DOCKER_FOREIGN_LAYER = 'application/vnd.docker.image.rootfs.foreign.diff.tar.gzip';

const TO_OCI: ReadonlyMap<string, string> = new Map([
  [DOCKER_INDEX, OCI_INDEX],
  [DOCKER_MANIFEST, OCI_MANIFEST],
  [DOCKER_CONFIG, OCI_CONFIG],
  [DOCKER_LAYER, OCI_LAYER],
  [DOCKER_LAYER_GZIP, OCI_LAYER_GZIP],
  [DOCKER_LAYER_ZSTD, OCI_LAYER_ZSTD],
]);

const INDEXES: ReadonlySet<string> = new Set([OCI_INDEX, DOCKER_INDEX]);
const MANIFESTS: ReadonlySet<string> = new Set([OCI_MANIFEST, DOCKER_MANIFEST]);

/** What a registry is asked for: every form of index and manifest that can be built upon. */
export const ACCEPTED_MANIFESTS: readonly string[] = [...INDEXES, ...MANIFESTS];

export function isIndex(mediaType: string): boolean {
  return INDEXES.has(mediaType);
}

export function isManifest(mediaType: string): boolean {
  return MANIFESTS.has(mediaType);
}

/**
 * The OCI media type for a Docker schema-2 one; OCI types stay as they are.
 *
 * @throws PublisherError `image-invalid` for layers that may not be redistributed (foreign, non-distributable)
 */
export function toOci(mediaType: string): string {
  if (mediaType.includes('.foreign.') || mediaType.includes('.nondistributable.')) {
    throw new PublisherError(
      'image-invalid',
      `A layer of type ${mediaType} lives outside the registry and may not be redistributed: choose another base image`,
    );
  }
  return TO_OCI.get(mediaType) ?? mediaType;
}
