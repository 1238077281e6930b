import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip, createZstdDecompress } from 'node:zlib';
import { Hasher } from '../../registry/digest.ts';
import type { Descriptor, Digest, ImageSource } from '../../registry/types.ts';
import { type EntrySink, type ScannedEntry, TarScanner } from './tar-scanner.ts';

/** One entry of a layer, or of an image with all its layers. */
export interface FoundFile {
  type: 'file' | 'directory' | 'other';
  /** Bytes. */
  size: number;
  /** Hex; null for what is no file. */
  sha256: string | null;
  /** Hex git blob SHA-1; null for what is no file, and for large ones, which the Hub does not keep in git. */
  oid: string | null;
  /** Of the few small files that are read: the image's own lists. */
  content: Buffer | null;
  /** The layer it comes from. */
  layer: Descriptor;
}

export interface ReadLayer {
  /** Of the uncompressed tar. */
  diffId: Digest;
  entries: [path: string, file: FoundFile][];
}

const GIT_LIMIT = 64 * 1024 * 1024;
const READ_LIMIT = 32 * 1024 * 1024;
const READ = /^(?:licenses\/manifest\.json|etc\/model-image\/(?:files\.json|image\.conf))$/;

/**
 * Reads a layer from end to end: its digest and size are verified by the source, its uncompressed digest and every file in it are hashed.
 *
 * @throws PublisherError `registry-invalid` when the bytes are others, and the registry codes; another error for what is no tar
 */
export async function readLayer(
  source: Pick<ImageSource, 'blob'>,
  layer: Descriptor,
  signal: AbortSignal,
): Promise<ReadLayer> {
  const entries: ReadLayer['entries'] = [];
  const hasher = new Hasher();
  const scanner = new TarScanner((entry) => collect(entry, layer, entries));
  await eachChunk(source, layer, signal, (chunk) => {
    hasher.update(chunk);
    scanner.push(chunk);
  });
  scanner.finish();
  return { diffId: hasher.digest(), entries };
}

/** Uncompressed chunks of a layer, one after another. */
export async function eachChunk(
  source: Pick<ImageSource, 'blob'>,
  layer: Descriptor,
  signal: AbortSignal,
  take: (chunk: Uint8Array) => void,
): Promise<void> {
  const content = Readable.from(source.blob(layer, { signal }), { objectMode: false });
  const sink = async (chunks: AsyncIterable<Uint8Array>) => {
    for await (const chunk of chunks) take(chunk);
  };
  const unpack = layer.mediaType.endsWith('gzip')
    ? createGunzip()
    : layer.mediaType.endsWith('zstd')
      ? createZstdDecompress()
      : null;
  await (unpack === null ? pipeline(content, sink) : pipeline(content, unpack, sink));
}

function collect(entry: ScannedEntry, layer: Descriptor, entries: ReadLayer['entries']): EntrySink | null {
  const { path, type, size } = entry;
  if (type !== 'file') {
    entries.push([path.replace(/\/$/, ''), { type, size, sha256: null, oid: null, content: null, layer }]);
    return null;
  }
  const sha256 = createHash('sha256');
  const git = size <= GIT_LIMIT ? createHash('sha1').update(`blob ${size}\0`) : null;
  const parts: Buffer[] | null = READ.test(path) && size <= READ_LIMIT ? [] : null;
  return {
    data(bytes) {
      sha256.update(bytes);
      git?.update(bytes);
      parts?.push(Buffer.from(bytes));
    },
    end: () => {
      const content = parts === null ? null : Buffer.concat(parts);
      entries.push([
        path,
        { type, size, sha256: sha256.digest('hex'), oid: git?.digest('hex') ?? null, content, layer },
      ]);
    },
  };
}

/** The files of an image as a container sees them: upper layers win, whiteouts take away (OCI image specification, "Whiteouts"). */
export function overlay(layers: readonly ReadLayer[]): Map<string, FoundFile> {
  const files = new Map<string, FoundFile>();
  for (const { entries } of layers) {
    for (const [path] of entries) whiteOut(files, path);
    for (const [path, file] of entries) {
      if (isWhiteout(path)) continue;
      // What was a folder and is a file now has nothing in it any more.
      if (file.type !== 'directory' && files.get(path)?.type === 'directory') removeBelow(files, path);
      files.set(path, file);
    }
  }
  return files;
}

const PREFIX = '.wh.';

function isWhiteout(path: string): boolean {
  return path.slice(path.lastIndexOf('/') + 1).startsWith(PREFIX);
}

function whiteOut(files: Map<string, FoundFile>, path: string): void {
  if (!isWhiteout(path)) return;
  const at = path.lastIndexOf('/') + 1;
  const name = path.slice(at + PREFIX.length);
  if (name === '.wh..opq') {
    removeBelow(files, path.slice(0, Math.max(0, at - 1)));
    return;
  }
  const gone = path.slice(0, at) + name;
  files.delete(gone);
  removeBelow(files, gone);
}

function removeBelow(files: Map<string, FoundFile>, folder: string): void {
  for (const path of [...files.keys()]) if (folder === '' || path.startsWith(`${folder}/`)) files.delete(path);
}
