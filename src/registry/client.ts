import { PublisherError } from '../errors.ts';
import { blobExists, mountBlob } from './blobs.ts';
import { Connection, type ConnectionOptions, type Place } from './connection.ts';
import { digestOf } from './digest.ts';
import { downloadBlob } from './download.ts';
import { deleteManifest, getManifest, headManifest, putManifest } from './manifests.ts';
import { putReferrer } from './put-referrer.ts';
import { listReferrers } from './referrers.ts';
import { removeTag } from './remove-tag.ts';
import { Spool } from './spool.ts';
import { listTags } from './tag-list.ts';
import type {
  BlobContent,
  Descriptor,
  Digest,
  ManifestContent,
  PublishTarget,
  Reference,
  TagRemoval,
  WriteOptions,
} from './types.ts';
import { uploadBlob } from './upload.ts';

/** Registries as seen with one set of credentials; logins are shared by the repositories of a registry. */
export class RegistryClient {
  readonly #options: ConnectionOptions;
  readonly #connections = new Map<string, Connection>();

  constructor(options: ConnectionOptions) {
    this.#options = { ...options, spool: options.spool ?? new Spool() };
  }

  /** The repository of a reference; its tag and digest are not looked at. */
  repository(reference: Pick<Reference, 'registry' | 'repository'>): RegistryRepository {
    const { registry, repository } = reference;
    const connection = this.#connections.get(registry) ?? new Connection(registry, this.#options);
    this.#connections.set(registry, connection);
    return new RegistryRepository({ connection, repository, name: `${registry}/${repository}` });
  }
}

/**
 * One repository of a registry (OCI distribution specification). Every method throws PublisherError with the registry
 * codes, `refused` and `cancelled`.
 */
export class RegistryRepository implements PublishTarget {
  readonly name: string;
  readonly #place: Place;

  constructor(place: Place) {
    this.name = place.name;
    this.#place = place;
  }

  manifest(tagOrDigest: string, { signal }: { signal?: AbortSignal } = {}): Promise<ManifestContent> {
    return getManifest(this.#place, tagOrDigest, signal);
  }

  blob(descriptor: Descriptor, { signal }: { signal?: AbortSignal } = {}): AsyncIterable<Uint8Array> {
    return downloadBlob(this.#place, descriptor, signal);
  }

  async has(descriptor: Descriptor, options: { signal?: AbortSignal; verify?: boolean } = {}): Promise<boolean> {
    if (!(await blobExists(this.#place, descriptor.digest, options.signal))) return false;
    return options.verify !== true || this.#reads(descriptor, options.signal);
  }

  async mount(descriptor: Descriptor, from: Reference, { signal }: { signal?: AbortSignal } = {}): Promise<boolean> {
    const { connection } = this.#place;
    if (from.registry !== connection.registry) return false;
    try {
      return await mountBlob(this.#place, descriptor, from, signal);
    } catch (error) {
      if (!(error instanceof PublisherError) || !CANNOT_MOUNT.has(error.code)) throw error;
      // Some registries refuse instead of offering an upload; if the upload is refused too, that error is the one to tell.
      connection.logger.debug({ err: error, blob: descriptor.digest }, 'mount refused');
      return false;
    }
  }

  write(content: BlobContent, options: WriteOptions = {}): Promise<Descriptor> {
    return uploadBlob(this.#place, content, options);
  }

  async putManifest(
    bytes: Uint8Array,
    mediaType: string,
    { signal, unlessThere = false }: { signal?: AbortSignal; unlessThere?: boolean } = {},
  ): Promise<Descriptor> {
    const digest = digestOf(bytes);
    const there = unlessThere && (await this.head(digest, signal === undefined ? {} : { signal })) !== null;
    if (!there) await putManifest(this.#place, digest, { bytes, mediaType, digest }, signal);
    return { mediaType, digest, size: bytes.byteLength };
  }

  async tag(tag: string, manifest: ManifestContent, { signal }: { signal?: AbortSignal } = {}): Promise<void> {
    await putManifest(this.#place, tag, manifest, signal);
  }

  /** All tags ("Listing Tags"); none for a repository that does not exist. */
  tags({ signal }: { signal?: AbortSignal } = {}): Promise<string[]> {
    return listTags(this.#place, signal);
  }

  head(tagOrDigest: string, { signal }: { signal?: AbortSignal } = {}): Promise<Descriptor | null> {
    return headManifest(this.#place, tagOrDigest, signal);
  }

  referrers(subject: Digest, options: { artifactType?: string; signal?: AbortSignal } = {}): Promise<Descriptor[]> {
    return listReferrers(this.#place, subject, options);
  }

  putReferrer(
    bytes: Uint8Array,
    mediaType: string,
    subject: Digest,
    { signal }: { signal?: AbortSignal } = {},
  ): Promise<Descriptor> {
    return putReferrer(this.#place, { bytes, mediaType, digest: digestOf(bytes) }, subject, signal);
  }

  removeTag(tag: string, { signal }: { signal?: AbortSignal } = {}): Promise<TagRemoval> {
    return removeTag(this.#place, tag, signal);
  }

  async deleteManifest(digest: Digest, { signal }: { signal?: AbortSignal } = {}): Promise<boolean> {
    const answer = await deleteManifest(this.#place, digest, signal);
    return answer === 'deleted' || answer === 'absent';
  }

  async #reads(descriptor: Descriptor, signal?: AbortSignal): Promise<boolean> {
    try {
      for await (const _chunk of downloadBlob(this.#place, descriptor, signal));
      return true;
    } catch (error) {
      if (error instanceof PublisherError && error.code === 'registry-invalid') return false;
      throw error;
    }
  }
}

const CANNOT_MOUNT: ReadonlySet<string> = new Set(['registry-denied', 'registry-not-found', 'registry-invalid']);
