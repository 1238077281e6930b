import { gzipSync, zstdCompressSync } from 'node:zlib';
import { ensureBlob } from '../../../src/registry/content.ts';
import { digestOf } from '../../../src/registry/digest.ts';
import * as types from '../../../src/registry/media-types.ts';
import type { Descriptor, Digest, ImageTarget, Platform } from '../../../src/registry/types.ts';
import { tarOf } from './tar.ts';

export interface BaseImageOptions {
  /** `os/architecture[/variant]`. Default `linux/amd64` and `linux/arm64`. */
  platforms?: readonly string[];
  env?: readonly string[];
  labels?: Record<string, string>;
  workingDir?: string;
  entrypoint?: readonly string[];
  compression?: 'gzip' | 'zstd' | 'none';
  /** Docker's media types instead of OCI's. */
  dockerSchema2?: boolean;
  /** Path → content; one layer each, besides one layer that tells the platforms apart. */
  files?: Readonly<Record<string, string | Uint8Array>>;
  /** RFC 3339. */
  created?: string;
  tag?: string;
  /** One plain manifest instead of an index; there must be one platform then. */
  noIndex?: boolean;
}

export interface BaseImage {
  /** Of the index, or of the only manifest without one. */
  digest: Digest;
  mediaType: string;
  manifests: { platform: Platform; descriptor: Descriptor; layers: Descriptor[]; diffIds: Digest[] }[];
}

/** Makes a tiny but real image, for building upon: tar layers, matching configurations, a manifest per platform, an index. */
export async function pushBaseImage(target: ImageTarget, options: BaseImageOptions = {}): Promise<BaseImage> {
  const { platforms = ['linux/amd64', 'linux/arm64'], dockerSchema2 = false, tag = 'latest' } = options;
  const manifests: BaseImage['manifests'] = [];
  for (const platform of platforms) manifests.push(await pushPlatform(target, parsePlatform(platform), options));
  const [only] = manifests;
  const type = dockerSchema2 ? types.DOCKER_INDEX : types.OCI_INDEX;
  const entries = manifests.map(({ platform, descriptor }) => ({ ...descriptor, platform }));
  const index = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: type, manifests: entries }));
  if (options.noIndex === true) {
    if (only === undefined || manifests.length > 1) throw new Error('an image without index has exactly one platform');
    await target.tag(tag, await target.manifest(only.descriptor.digest));
    return { digest: only.descriptor.digest, mediaType: only.descriptor.mediaType, manifests };
  }
  const descriptor = await target.putManifest(index, type);
  await target.tag(tag, { bytes: index, mediaType: type, digest: descriptor.digest });
  return { digest: descriptor.digest, mediaType: type, manifests };
}

async function pushPlatform(target: ImageTarget, platform: Platform, options: BaseImageOptions) {
  const { files = { 'etc/os-release': 'ID=tiny\n' }, dockerSchema2 = false } = options;
  const contents = [
    { 'etc/platform': JSON.stringify(platform) },
    ...Object.entries(files).map(([path, text]) => ({ [path]: text })),
  ];
  const layers: Descriptor[] = [];
  const diffIds: Digest[] = [];
  for (const content of contents) {
    const tar = tarOf(content);
    diffIds.push(digestOf(tar));
    layers.push(await ensureBlob(target, compress(tar, options), layerType(options)));
  }
  const config = await ensureBlob(
    target,
    configOf(platform, diffIds, options),
    dockerSchema2 ? types.DOCKER_CONFIG : types.OCI_CONFIG,
  );
  const mediaType = dockerSchema2 ? types.DOCKER_MANIFEST : types.OCI_MANIFEST;
  const manifest = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, config, layers }));
  return { platform, descriptor: await target.putManifest(manifest, mediaType), layers, diffIds };
}

function configOf(platform: Platform, diffIds: readonly Digest[], options: BaseImageOptions): Buffer {
  const { env = ['PATH=/usr/bin:/bin'], labels = {}, workingDir = '/srv', created = '2025-01-02T03:04:05Z' } = options;
  return Buffer.from(
    JSON.stringify({
      created,
      architecture: platform.architecture,
      os: platform.os,
      ...(platform.variant === undefined ? {} : { variant: platform.variant }),
      config: { Env: env, Labels: labels, WorkingDir: workingDir, Entrypoint: options.entrypoint ?? ['/bin/sh'] },
      rootfs: { type: 'layers', diff_ids: diffIds },
      history: diffIds.map(() => ({ created, created_by: 'test' })),
    }),
  );
}

function compress(tar: Buffer, { compression = 'gzip' }: BaseImageOptions): Buffer {
  if (compression === 'gzip') return gzipSync(tar);
  return compression === 'zstd' ? zstdCompressSync(tar) : tar;
}

function layerType({ compression = 'gzip', dockerSchema2 = false }: BaseImageOptions): string {
  if (compression === 'gzip') return dockerSchema2 ? types.DOCKER_LAYER_GZIP : types.OCI_LAYER_GZIP;
  if (compression === 'zstd') return dockerSchema2 ? types.DOCKER_LAYER_ZSTD : types.OCI_LAYER_ZSTD;
  return dockerSchema2 ? types.DOCKER_LAYER : types.OCI_LAYER;
}

function parsePlatform(text: string): Platform {
  const [os = '', architecture = '', variant] = text.split('/');
  return variant === undefined ? { os, architecture } : { os, architecture, variant };
}
