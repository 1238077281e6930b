import { createReadStream } from 'node:fs';
import { mkdir, readdir, readFile, stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { z } from 'zod';
import { type Clock, systemClock } from '../clock.ts';
import { messageOf, PublisherError } from '../errors.ts';
import { cancelled } from '../http/retry.ts';
import { Feed } from './content.ts';
import { digestOf, Hasher, hexOf, isDigest } from './digest.ts';
import { diskFailure, errnoOf, sweep, writeWhole } from './layout-files.ts';
import {
  EMPTY_INDEX,
  findDigest,
  findTag,
  formatLayoutIndex,
  type LayoutIndex,
  parseLayoutIndex,
  tagsIn,
  withManifest,
  withTag,
} from './layout-index.ts';
import { withLayoutLock } from './layout-lock.ts';
import { isIndex } from './media-types.ts';
import { isTag } from './reference.ts';
import { indexSchema, MANIFEST_LIMIT, parseJson } from './schema.ts';
import type { BlobContent, Descriptor, Digest, ImageTarget, ManifestContent, WriteOptions } from './types.ts';

const layoutSchema = z.looseObject({ imageLayoutVersion: z.literal('1.0.0') });
const typedSchema = z.looseObject({ mediaType: z.string().optional() });

type Signal = { signal?: AbortSignal | undefined };

/**
 * An image layout on disk (OCI image specification, "Image Layout"). The folder is made with the first write; a folder with
 * other things in it is refused.
 *
 * Methods throw PublisherError `registry-not-found`, `image-invalid`, `environment` (disk full, no access, not a layout),
 * `busy` and `cancelled`.
 */
export function openLayout(dir: string, { clock = systemClock }: { clock?: Clock } = {}): ImageTarget {
  if (dir === '' || dir.includes('\0')) throw new PublisherError('usage', 'An image layout needs a folder: oci:DIR');
  return new Layout(resolve(dir), clock);
}

class Layout implements ImageTarget {
  readonly name: string;
  readonly #dir: string;
  readonly #blobs: string;
  readonly #clock: Clock;
  #prepared: Promise<void> | null = null;

  constructor(dir: string, clock: Clock) {
    this.name = `oci:${dir}`;
    this.#dir = dir;
    this.#blobs = `${dir}/blobs/sha256`;
    this.#clock = clock;
  }

  async manifest(tagOrDigest: string): Promise<ManifestContent> {
    if (!isTag(tagOrDigest) && !isDigest(tagOrDigest)) {
      throw new PublisherError('usage', `${JSON.stringify(tagOrDigest)} is neither a tag nor a sha256 digest`);
    }
    const index = await this.#readIndex();
    const entry = isDigest(tagOrDigest) ? findDigest(index, tagOrDigest) : findTag(index, tagOrDigest);
    const digest = entry?.digest ?? (isDigest(tagOrDigest) ? tagOrDigest : null);
    if (digest === null) throw new PublisherError('registry-not-found', `${this.name} has no tag ${tagOrDigest}`);
    const bytes = await this.#readManifest(digest);
    const own = parseJson(typedSchema, bytes, `Manifest ${digest} of ${this.name}`).mediaType;
    const mediaType = own ?? entry?.mediaType;
    if (mediaType === undefined)
      throw new PublisherError('image-invalid', `${digest} of ${this.name} has no media type`);
    return { bytes, digest, mediaType };
  }

  async *blob({ digest, size }: Descriptor, { signal }: Signal = {}): AsyncGenerator<Uint8Array, void, undefined> {
    const hasher = new Hasher();
    try {
      const stream = createReadStream(this.#path(digest), { highWaterMark: 1024 * 1024, signal });
      for await (const chunk of stream) {
        hasher.update(chunk);
        yield chunk;
      }
    } catch (error) {
      if (signal?.aborted) throw cancelled(signal);
      throw errnoOf(error) === 'ENOENT' ? this.#missing(digest) : error;
    }
    if (hasher.size !== size || hasher.digest() !== digest) {
      throw new PublisherError('registry-invalid', `Blob ${digest} of ${this.name} is damaged: write it again`);
    }
  }

  async has(descriptor: Descriptor, options: Signal & { verify?: boolean } = {}): Promise<boolean> {
    const found = await stat(this.#path(descriptor.digest)).catch(() => null);
    if (found === null || !found.isFile() || found.size !== descriptor.size) return false;
    if (options.verify !== true) return true;
    try {
      for await (const _chunk of this.blob(descriptor, options));
      return true;
    } catch (error) {
      if (error instanceof PublisherError && error.code === 'registry-invalid') return false;
      throw error;
    }
  }

  /** A layout shares its blobs among all its images: what is there is mounted. */
  mount(descriptor: Descriptor): Promise<boolean> {
    return this.has(descriptor);
  }

  async write(content: BlobContent, options: WriteOptions = {}): Promise<Descriptor> {
    await this.#prepare();
    const feed = new Feed(content, options);
    try {
      await writeWhole(this.#blobs, async (file) => {
        for await (const chunk of feed.chunks()) {
          // FileHandle.write may write less than asked.
          for (let at = 0; at < chunk.byteLength; ) at += (await file.write(chunk, at)).bytesWritten;
        }
        return this.#path(feed.digest);
      });
    } catch (error) {
      feed.stop();
      feed.rewind();
      if (options.signal?.aborted) throw cancelled(options.signal);
      throw feed.failure === null ? error : feed.failure.error;
    }
    return feed.descriptor;
  }

  async putManifest(bytes: Uint8Array, mediaType: string, { signal }: Signal = {}): Promise<Descriptor> {
    const descriptor = { mediaType, digest: digestOf(bytes), size: bytes.byteLength };
    await this.#storeManifest(bytes, descriptor);
    const children = isIndex(mediaType) ? parseJson(indexSchema, bytes, `Index ${descriptor.digest}`).manifests : [];
    const digests = children.map(({ digest }) => digest);
    await this.#change((index) => withManifest(index, descriptor, digests), signal);
    return descriptor;
  }

  async tags(): Promise<string[]> {
    return tagsIn(await this.#readIndex());
  }

  async tag(tag: string, manifest: ManifestContent, { signal }: Signal = {}): Promise<void> {
    if (!isTag(tag)) throw new PublisherError('usage', `${JSON.stringify(tag)} is not a tag`);
    const { bytes, mediaType, digest } = manifest;
    const descriptor = { mediaType, digest, size: bytes.byteLength };
    await this.#storeManifest(bytes, descriptor);
    await this.#change((index) => withTag(index, tag, descriptor), signal);
  }

  async #storeManifest(bytes: Uint8Array, descriptor: Descriptor): Promise<void> {
    if (bytes.byteLength > MANIFEST_LIMIT) {
      throw new PublisherError(
        'too-large',
        `A manifest of ${bytes.byteLength} bytes is over the limit of ${MANIFEST_LIMIT}`,
      );
    }
    await this.#prepare();
    if (await this.has(descriptor, { verify: true })) return;
    await writeWhole(this.#blobs, async (file) => {
      await file.writeFile(bytes);
      return this.#path(descriptor.digest);
    });
  }

  async #change(change: (index: LayoutIndex) => LayoutIndex, signal?: AbortSignal): Promise<void> {
    await withLayoutLock(`${this.#dir}/.index.lock`, { clock: this.#clock, signal }, async () => {
      const before = await this.#readIndex();
      await writeWhole(this.#dir, async (file) => {
        await file.writeFile(formatLayoutIndex(change(before)));
        return `${this.#dir}/index.json`;
      });
    });
  }

  async #readIndex(): Promise<LayoutIndex> {
    const path = `${this.#dir}/index.json`;
    const bytes = await readFile(path).catch((error: unknown) => {
      if (errnoOf(error) === 'ENOENT') return null;
      throw new PublisherError('environment', `Cannot read ${path}: ${messageOf(error)}`, { cause: error });
    });
    return bytes === null ? EMPTY_INDEX : parseLayoutIndex(bytes, path);
  }

  async #readManifest(digest: Digest): Promise<Uint8Array> {
    const path = this.#path(digest);
    const found = await stat(path).catch(() => null);
    if (found === null) throw this.#missing(digest);
    if (found.size > MANIFEST_LIMIT) {
      throw new PublisherError('too-large', `${path} is over the limit of ${MANIFEST_LIMIT} bytes for a manifest`);
    }
    const bytes = await readFile(path);
    if (digestOf(bytes) !== digest) throw new PublisherError('registry-invalid', `${path} is damaged: write it again`);
    return bytes;
  }

  /** Makes the folder a layout, once for all who write. */
  #prepare(): Promise<void> {
    this.#prepared ??= this.#makeLayout().catch((error: unknown) => {
      this.#prepared = null;
      throw diskFailure(error, this.#dir);
    });
    return this.#prepared;
  }

  async #makeLayout(): Promise<void> {
    await mkdir(this.#dir, { recursive: true });
    const marker = `${this.#dir}/oci-layout`;
    const bytes = await readFile(marker).catch(() => null);
    if (bytes !== null) {
      parseJson(layoutSchema, bytes, marker);
    } else {
      const others = (await readdir(this.#dir)).filter((name) => !OURS.has(name) && !name.endsWith('.part'));
      if (others.length > 0) {
        throw new PublisherError(
          'environment',
          `${this.#dir} holds other files and no image layout: choose an empty folder`,
        );
      }
      await writeWhole(this.#dir, async (file) => {
        await file.writeFile('{"imageLayoutVersion":"1.0.0"}');
        return marker;
      });
    }
    await mkdir(this.#blobs, { recursive: true });
    await sweep(this.#blobs, this.#clock.now());
  }

  #path(digest: Digest): string {
    // The type promises it, but this becomes a path.
    if (!isDigest(digest)) throw new PublisherError('usage', 'A blob is named by a sha256 digest');
    return `${this.#blobs}/${hexOf(digest)}`;
  }

  #missing(digest: Digest): PublisherError {
    return new PublisherError('registry-not-found', `${this.name} has no blob ${digest}`);
  }
}

/** What a process that starts at the same moment may have made already. */
const OURS: ReadonlySet<string> = new Set(['oci-layout', 'index.json', 'blobs', '.index.lock']);
