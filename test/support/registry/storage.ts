import { digestOf } from '../../../src/registry/digest.ts';
import { isIndex, isManifest } from '../../../src/registry/media-types.ts';
import { indexSchema, manifestSchema, parseJson } from '../../../src/registry/schema.ts';
import type { Descriptor } from '../../../src/registry/types.ts';

export interface StoredManifest {
  mediaType: string;
  bytes: Buffer;
}

interface Repository {
  /** Digests of the blobs linked to this repository; the bytes are shared by all. */
  blobs: Set<string>;
  manifests: Map<string, StoredManifest>;
  tags: Map<string, string>;
}

/** What a registry stand-in has stored; may outlive the server, so that a registry can die and come back. */
export class RegistryStorage {
  readonly blobs = new Map<string, Buffer>();
  readonly repositories = new Map<string, Repository>();

  repository(name: string): Repository {
    const found = this.repositories.get(name) ?? { blobs: new Set(), manifests: new Map(), tags: new Map() };
    this.repositories.set(name, found);
    return found;
  }

  /** The bytes of a blob linked to a repository. */
  blob(repository: string, digest: string): Buffer | null {
    return this.repositories.get(repository)?.blobs.has(digest) ? (this.blobs.get(digest) ?? null) : null;
  }

  addBlob(repository: string, bytes: Buffer): string {
    const digest = digestOf(bytes);
    this.blobs.set(digest, bytes);
    this.repository(repository).blobs.add(digest);
    return digest;
  }

  manifest(repository: string, reference: string): (StoredManifest & { digest: string }) | null {
    const found = this.repositories.get(repository);
    const digest = found?.tags.get(reference) ?? reference;
    const manifest = found?.manifests.get(digest);
    return manifest === undefined ? null : { ...manifest, digest };
  }

  /** With every tag on it, as Distribution. */
  deleteManifest(repository: string, digest: string): void {
    const found = this.repository(repository);
    found.manifests.delete(digest);
    for (const [tag, at] of found.tags) if (at === digest) found.tags.delete(tag);
  }

  /** Why a manifest may not be stored, or null: like Distribution, nothing it refers to may be missing. */
  problemOf(repository: string, mediaType: string, bytes: Buffer): string | null {
    try {
      if (isIndex(mediaType)) {
        const index = parseJson(indexSchema, bytes, 'the index');
        if ((index.mediaType ?? mediaType) !== mediaType) return 'the media types differ';
        const missing = index.manifests.find(({ digest }) => this.manifest(repository, digest) === null);
        return missing === undefined ? null : `unknown manifest ${missing.digest}`;
      }
      if (!isManifest(mediaType)) return `unknown type ${mediaType}`;
      const manifest = parseJson(manifestSchema, bytes, 'the manifest');
      if ((manifest.mediaType ?? mediaType) !== mediaType) return 'the media types differ';
      const missing = [manifest.config, ...manifest.layers].find((entry) => !this.#holds(repository, entry));
      return missing === undefined ? null : `unknown blob ${missing.digest} of ${missing.size} bytes`;
    } catch (error) {
      return String(error);
    }
  }

  #holds(repository: string, { digest, size }: Descriptor): boolean {
    return this.blob(repository, digest)?.byteLength === size;
  }
}
