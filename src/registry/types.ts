/** OCI distribution and image-spec values shared by registries and layouts. */

export type Digest = `sha256:${string}`;

export interface Platform {
  os: string;
  architecture: string;
  variant?: string | undefined;
}

/** OCI image-spec "content descriptor". */
export interface Descriptor {
  mediaType: string;
  digest: Digest;
  /** Bytes. */
  size: number;
  annotations?: Record<string, string> | undefined;
  platform?: Platform | undefined;
  artifactType?: string | undefined;
}

/** A parsed, normalised reference: `docker.io/library/x` never stays implicit. */
export interface Reference {
  /** Host with optional port, e.g. `ghcr.io`, `127.0.0.1:5000`; Docker Hub is `docker.io`. */
  registry: string;
  repository: string;
  tag: string | null;
  digest: Digest | null;
}

export interface ManifestContent {
  mediaType: string;
  digest: Digest;
  bytes: Uint8Array;
}

/** A place images are read from: one repository of a registry, or an OCI layout directory. */
export interface ImageSource {
  /** @throws PublisherError `registry-not-found` and the other registry codes */
  manifest(tagOrDigest: string, options?: { signal?: AbortSignal }): Promise<ManifestContent>;
  /** Content of a blob in chunks, verified against digest and size: ends normally only when both match. */
  blob(descriptor: Descriptor, options?: { signal?: AbortSignal }): AsyncIterable<Uint8Array>;
}

/**
 * A blob to be written. `open` may be called again for a retry and must then give the same bytes. A chunk that was given belongs to
 * the reader: its buffer must not be filled anew.
 */
export interface BlobContent {
  mediaType: string;
  open(signal: AbortSignal): AsyncIterable<Uint8Array>;
  /** Bytes, known beforehand. */
  size: number;
  /** null while it streams for the first time: the target computes it. */
  digest: Digest | null;
  /** Where the content hashes itself: its digest, once its iteration has ended normally. */
  verified?: () => Digest;
}

export interface WriteOptions {
  signal?: AbortSignal;
  /** Bytes sent since the last call; negative when an attempt is thrown away, so that the sum stays true. */
  onBytes?: (bytes: number) => void;
  /**
   * Called, and waited for, once all content was read and its digest is known, before anything becomes visible under it. What it
   * throws ends the write as an error of the content does.
   */
  onDigest?: (descriptor: Descriptor) => Promise<void> | void;
}

/** A place images are written to: one repository of a registry, or an OCI layout directory. */
export interface ImageTarget extends ImageSource {
  /** `host/repository`, or `oci:DIR`. */
  readonly name: string;
  /** Whether the blob is there; with `verify`, by reading it back and hashing. */
  has(descriptor: Descriptor, options?: { signal?: AbortSignal; verify?: boolean }): Promise<boolean>;
  /** Cross-repository mount; false when the target cannot (another registry, or it answered 202). */
  mount(descriptor: Descriptor, from: Reference, options?: { signal?: AbortSignal }): Promise<boolean>;
  /**
   * Writes a blob and returns its descriptor. An error thrown by the content aborts the upload: nothing becomes visible
   * under any digest, and the content's own error is what is rethrown.
   */
  write(content: BlobContent, options?: WriteOptions): Promise<Descriptor>;
  /**
   * Puts a manifest or index under its digest, no tag. With `unlessThere` a registry is asked first: who changes nothing needs no right to
   * write, and wakes no webhook.
   */
  putManifest(
    bytes: Uint8Array,
    mediaType: string,
    options?: { signal?: AbortSignal; unlessThere?: boolean },
  ): Promise<Descriptor>;
  /** All tags; none where there is no such repository. */
  tags(options?: { signal?: AbortSignal }): Promise<string[]>;
  /** Points a tag at a manifest already put. */
  tag(tag: string, manifest: ManifestContent, options?: { signal?: AbortSignal }): Promise<void>;
}

/** What became of a tag that was to be removed. */
export type TagRemoval = { state: 'removed' | 'absent' } | { state: 'kept'; why: string };

/** A repository of a registry as publishing needs it, beyond what an image build does. */
export interface PublishTarget extends ImageTarget {
  /** What a tag or digest names, without its content; null where there is none (HEAD). */
  head(tagOrDigest: string, options?: { signal?: AbortSignal }): Promise<Descriptor | null>;
  /**
   * Manifests whose `subject` is this digest ("Listing Referrers"), from the referrers API or, where the registry has none, from the
   * index under the fallback tag `sha256-<hex>`. Verified like any manifest.
   */
  referrers(subject: Digest, options?: { artifactType?: string; signal?: AbortSignal }): Promise<Descriptor[]>;
  /**
   * Puts a manifest that has a `subject` under its digest. Where the registry does not say that it keeps referrers (`OCI-Subject`), the
   * index under the fallback tag is extended by it, keeping what others wrote there meanwhile.
   */
  putReferrer(
    bytes: Uint8Array,
    mediaType: string,
    subject: Digest,
    options?: { signal?: AbortSignal },
  ): Promise<Descriptor>;
  /**
   * Removes one tag and nothing else: what it named stays under its digest and under other tags. `kept` with the reason where the
   * registry cannot do that.
   */
  removeTag(tag: string, options?: { signal?: AbortSignal }): Promise<TagRemoval>;
  /** Deletes a manifest with every tag on it; the caller knows that nothing uses it. False where the registry does not delete. */
  deleteManifest(digest: Digest, options?: { signal?: AbortSignal }): Promise<boolean>;
}
