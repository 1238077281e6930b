import { PublisherError } from '../../../src/errors.ts';
import { Feed } from '../../../src/registry/content.ts';
import { digestOf, isDigest } from '../../../src/registry/digest.ts';
import type {
  BlobContent,
  Descriptor,
  ImageTarget,
  ManifestContent,
  Reference,
  WriteOptions,
} from '../../../src/registry/types.ts';
import { RegistryStorage } from '../registry/index.ts';

/** A repository in memory, strict as a registry: no manifest without its blobs. Repositories share a storage as in a registry. */
export class MemoryTarget implements ImageTarget {
  readonly name: string;
  /** `method argument` of every call, in order. */
  readonly calls: string[] = [];
  readonly storage: RegistryStorage;
  readonly #host: string;
  readonly #repository: string;

  /** @param name `host/repository` */
  constructor(name: string, storage: RegistryStorage = new RegistryStorage()) {
    this.name = name;
    this.storage = storage;
    this.#host = name.slice(0, name.indexOf('/'));
    this.#repository = name.slice(name.indexOf('/') + 1);
  }

  async tags(): Promise<string[]> {
    return [...this.storage.repository(this.#repository).tags.keys()];
  }

  async manifest(tagOrDigest: string): Promise<ManifestContent> {
    this.calls.push(`manifest ${tagOrDigest}`);
    const found = this.storage.manifest(this.#repository, tagOrDigest);
    if (found === null) throw new PublisherError('registry-not-found', `${this.name} has no ${tagOrDigest}`);
    return { bytes: found.bytes, mediaType: found.mediaType, digest: digestOf(found.bytes) };
  }

  async *blob({ digest }: Descriptor): AsyncGenerator<Uint8Array> {
    this.calls.push(`blob ${digest}`);
    const found = this.storage.blob(this.#repository, digest);
    if (found === null) throw new PublisherError('registry-not-found', `${this.name} has no blob ${digest}`);
    yield found;
  }

  async has({ digest }: Descriptor): Promise<boolean> {
    this.calls.push(`has ${digest}`);
    return this.storage.blob(this.#repository, digest) !== null;
  }

  async mount({ digest }: Descriptor, from: Reference): Promise<boolean> {
    this.calls.push(`mount ${digest}`);
    const found = from.registry === this.#host ? this.storage.blob(from.repository, digest) : null;
    if (found !== null) this.storage.addBlob(this.#repository, found);
    return found !== null;
  }

  async write(content: BlobContent, options: WriteOptions = {}): Promise<Descriptor> {
    this.calls.push(`write ${content.digest ?? 'stream'}`);
    const feed = new Feed(content, options);
    const bytes = Buffer.concat(await Array.fromAsync(feed.chunks(), (chunk) => Buffer.from(chunk)));
    this.storage.addBlob(this.#repository, bytes);
    return feed.descriptor;
  }

  async putManifest(bytes: Uint8Array, mediaType: string): Promise<Descriptor> {
    const digest = digestOf(bytes);
    this.calls.push(`putManifest ${digest}`);
    const problem = this.storage.problemOf(this.#repository, mediaType, Buffer.from(bytes));
    if (problem !== null) throw new PublisherError('registry-invalid', `${this.name}: ${problem}`);
    this.storage.repository(this.#repository).manifests.set(digest, { mediaType, bytes: Buffer.from(bytes) });
    return { mediaType, digest, size: bytes.byteLength };
  }

  async tag(tag: string, { digest }: ManifestContent): Promise<void> {
    this.calls.push(`tag ${tag}`);
    if (isDigest(tag) || this.storage.manifest(this.#repository, digest) === null) {
      throw new PublisherError('registry-invalid', `${this.name} cannot tag ${digest} as ${tag}`);
    }
    this.storage.repository(this.#repository).tags.set(tag, digest);
  }
}
