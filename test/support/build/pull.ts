import { createHash } from 'node:crypto';
import { gunzipSync, zstdDecompressSync } from 'node:zlib';
import { formatPlatform } from '../../../src/image/platform.ts';
import { type ImageConfig, parseImageConfig, parseManifestContent } from '../../../src/registry/schema.ts';
import type { Descriptor, ImageSource } from '../../../src/registry/types.ts';
import { type ReadEntry, readTar } from '../image/read-tar.ts';

export interface PulledPlatform {
  platform: string;
  config: ImageConfig;
  layers: Descriptor[];
  annotations: Record<string, string>;
  /** By path, as a container would see them: the uppermost layer wins. */
  files: Map<string, ReadEntry>;
  /** The entries of each layer, bottom first. */
  entries: ReadEntry[][];
}

export interface PulledImage {
  digest: string;
  annotations: Record<string, string>;
  platforms: PulledPlatform[];
}

/** Reads an image with everything it refers to, and throws unless every size, digest and diff id is true. */
export async function pull(source: ImageSource, reference: string): Promise<PulledImage> {
  const top = await source.manifest(reference);
  check(top, { digest: `sha256:${sha256(top.bytes)}` }, 'index');
  const content = parseManifestContent(top);
  if (content.kind !== 'index') throw new Error(`${reference} is not an index`);
  const platforms: PulledPlatform[] = [];
  for (const descriptor of content.index.manifests) {
    if (descriptor.platform === undefined) throw new Error(`${descriptor.digest} is for no platform`);
    platforms.push(await pullPlatform(source, descriptor, formatPlatform(descriptor.platform)));
  }
  return { digest: top.digest, annotations: content.index.annotations ?? {}, platforms };
}

async function pullPlatform(source: ImageSource, descriptor: Descriptor, platform: string): Promise<PulledPlatform> {
  const found = await source.manifest(descriptor.digest);
  check(
    { mediaType: found.mediaType, digest: `sha256:${sha256(found.bytes)}`, size: found.bytes.length },
    { mediaType: descriptor.mediaType, digest: descriptor.digest, size: descriptor.size },
    'manifest',
  );
  const content = parseManifestContent(found);
  if (content.kind !== 'manifest') throw new Error(`${descriptor.digest} is not a manifest`);
  const { config, layers, annotations = {} } = content.manifest;
  const parsed = parseImageConfig(await readBlob(source, config));
  if (formatPlatform(parsed) !== platform && `${formatPlatform(parsed)}` !== `${platform}/v8`) {
    throw new Error(`the configuration is for ${formatPlatform(parsed)}, the index says ${platform}`);
  }
  const entries: ReadEntry[][] = [];
  for (const [at, layer] of layers.entries()) {
    const tar = decompress(await readBlob(source, layer), layer.mediaType);
    check({ diffId: `sha256:${sha256(tar)}` }, { diffId: parsed.rootfs.diff_ids[at] }, layer.digest);
    entries.push(readTar(tar));
  }
  if (parsed.rootfs.diff_ids.length !== layers.length) throw new Error('diff ids and layers differ in number');
  const files = new Map(entries.flat().map((entry) => [entry.path, entry]));
  return { platform, config: parsed, layers, annotations, files, entries };
}

async function readBlob(source: ImageSource, { digest, mediaType, size }: Descriptor): Promise<Buffer> {
  const bytes = Buffer.concat(await Array.fromAsync(source.blob({ digest, mediaType, size })));
  check({ digest: `sha256:${sha256(bytes)}`, size: bytes.length }, { digest, size }, 'blob');
  return bytes;
}

function decompress(bytes: Buffer, mediaType: string): Buffer {
  if (mediaType.endsWith('gzip')) return gunzipSync(bytes);
  return mediaType.endsWith('zstd') ? zstdDecompressSync(bytes) : bytes;
}

function check<T extends object>(found: T, expected: Partial<T>, what: string): void {
  for (const [key, value] of Object.entries(expected)) {
    const actual = Object.entries(found).find(([name]) => name === key)?.[1];
    if (actual !== value) throw new Error(`${what}: ${key} is ${actual}, not ${value}`);
  }
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
