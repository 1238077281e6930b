import { z } from 'zod';
import { PublisherError } from '../errors.ts';
import { readBytes } from '../http/body.ts';
import { blobExists, mountBlob } from './blobs.ts';
import { Connection, type ConnectionOptions, discard, type Place } from './connection.ts';
import { digestOf } from './digest.ts';
import { downloadBlob } from './download.ts';
import { getManifest, putManifest } from './manifests.ts';
import { MANIFEST_LIMIT } from './schema.ts';
import { Spool } from './spool.ts';
import type { BlobContent, Descriptor, ImageTarget, ManifestContent, Reference, WriteOptions } from './types.ts';
import { uploadBlob } from './upload.ts';

const tagsSchema = z.looseObject({ tags: z.array(z.string()).nullish() });
const MOST_TAG_PAGES = 100;

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
export class RegistryRepository implements ImageTarget {
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
    { signal }: { signal?: AbortSignal } = {},
  ): Promise<Descriptor> {
    const digest = digestOf(bytes);
    await putManifest(this.#place, digest, { bytes, mediaType, digest }, signal);
    return { mediaType, digest, size: bytes.byteLength };
  }

  tag(tag: string, manifest: ManifestContent, { signal }: { signal?: AbortSignal } = {}): Promise<void> {
    return putManifest(this.#place, tag, manifest, signal);
  }

  /** All tags ("Listing Tags"); none for a repository that does not exist. */
  async tags({ signal }: { signal?: AbortSignal } = {}): Promise<string[]> {
    const { connection, repository } = this.#place;
    const tags: string[] = [];
    let url: URL | null = connection.url(`${repository}/tags/list`, { n: '1000' });
    for (let page = 0; url !== null && page < MOST_TAG_PAGES; page++) {
      const answer: { tags: string[]; next: URL | null } = await this.#tagPage(url, signal);
      tags.push(...answer.tags);
      url = answer.next;
    }
    if (url !== null)
      throw new PublisherError('too-large', `${this.name} has more than ${MOST_TAG_PAGES} pages of tags`);
    return tags;
  }

  #tagPage(url: URL, signal?: AbortSignal): Promise<{ tags: string[]; next: URL | null }> {
    const { connection, repository } = this.#place;
    const what = `listing tags of ${this.name}`;
    return connection.retry(async () => {
      const scopes = [`repository:${repository}:pull`];
      const response = await connection.send({ method: 'GET', url, scopes, what, signal });
      if (response.status === 404) {
        await discard(response);
        return { tags: [], next: null };
      }
      if (response.status !== 200) throw await connection.failure(response, what);
      const limits = {
        maxBytes: MANIFEST_LIMIT,
        what: `The tags of ${this.name}`,
        code: 'registry-unavailable',
      } as const;
      const bytes = await readBytes(response, limits);
      return { tags: parseTags(bytes, this.name), next: nextPage(response.headers.get('link'), url) };
    }, signal);
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

function parseTags(bytes: Uint8Array, name: string): string[] {
  try {
    return tagsSchema.parse(JSON.parse(new TextDecoder().decode(bytes))).tags ?? [];
  } catch (error) {
    throw new PublisherError('registry-invalid', `The tags of ${name} are not a list of tags`, { cause: error });
  }
}

/** RFC 8288 `Link: <…>; rel="next"`, on the same origin only. */
function nextPage(link: string | null, base: URL): URL | null {
  const target = /<([^>]*)>\s*;[^,]*\brel="?next"?/i.exec(link ?? '')?.[1];
  const url = target === undefined ? null : URL.parse(target, base);
  return url !== null && url.origin === base.origin ? url : null;
}
