import { PublisherError } from '../../../src/errors.ts';
import type { RegistryRepository } from '../../../src/registry/client.ts';
import { hexOf } from '../../../src/registry/digest.ts';
import { OCI_INDEX } from '../../../src/registry/media-types.ts';
import { indexSchema, parseJson } from '../../../src/registry/schema.ts';
import type { Descriptor, Digest, PublishTarget } from '../../../src/registry/types.ts';

/** A repository of a registry without a referrers API: what refers to an image is listed under the fallback tag alone. */
export function withReferrers(repository: RegistryRepository): PublishTarget {
  const read = async (subject: Digest): Promise<Descriptor[]> => {
    try {
      const { bytes } = await repository.manifest(`sha256-${hexOf(subject)}`);
      return parseJson(indexSchema, bytes, 'The fallback index').manifests;
    } catch (error) {
      if (error instanceof PublisherError && error.code === 'registry-not-found') return [];
      throw error;
    }
  };
  const unused = () => Promise.reject(new Error('not needed here'));
  return {
    name: repository.name,
    manifest: (...args) => repository.manifest(...args),
    blob: (...args) => repository.blob(...args),
    has: (...args) => repository.has(...args),
    mount: (...args) => repository.mount(...args),
    write: (...args) => repository.write(...args),
    putManifest: (...args) => repository.putManifest(...args),
    tags: (...args) => repository.tags(...args),
    tag: (...args) => repository.tag(...args),
    async head(tagOrDigest) {
      const { mediaType, digest, bytes } = await repository.manifest(tagOrDigest);
      return { mediaType, digest, size: bytes.byteLength };
    },
    referrers: read,
    async putReferrer(bytes, mediaType, subject) {
      const put = await repository.putManifest(bytes, mediaType);
      const others = (await read(subject)).filter(({ digest }) => digest !== put.digest);
      const index = Buffer.from(
        JSON.stringify({ schemaVersion: 2, mediaType: OCI_INDEX, manifests: [...others, put] }),
      );
      const { digest } = await repository.putManifest(index, OCI_INDEX);
      await repository.tag(`sha256-${hexOf(subject)}`, { bytes: index, mediaType: OCI_INDEX, digest });
      return put;
    },
    removeTag: unused,
    deleteManifest: unused,
  };
}
