import { PublisherError } from '../../errors.ts';
import { formatPlatform } from '../../image/platform.ts';
import { type ImageConfig, type ImageManifest, parseImageConfig, parseManifestContent } from '../../registry/schema.ts';
import type { Descriptor, ImageSource, ManifestContent } from '../../registry/types.ts';

/** One platform of an index. */
export interface ReadPlatform {
  platform: string;
  descriptor: Descriptor;
  manifest: ImageManifest;
  config: ImageConfig;
}

/** What in a registry's answer makes an image doubtful, as against a registry that does not answer. */
const DOUBTFUL: ReadonlySet<string> = new Set(['registry-invalid', 'registry-not-found', 'image-invalid', 'too-large']);

/** Bytes. Configurations are some kilobytes, and are kept in memory. */
const MOST_CONFIG = 16 * 1024 * 1024;

/** The message of an error that tells of the image; rethrows any other. */
export function doubt(error: unknown): string {
  if (error instanceof PublisherError && DOUBTFUL.has(error.code)) return error.message.replace(/\.$/, '');
  throw error;
}

/**
 * Reads every platform's manifest and configuration; the source verifies their digests.
 *
 * @returns what could be read, and what is wrong
 */
export async function readPlatforms(
  source: ImageSource,
  top: ManifestContent,
  signal: AbortSignal,
): Promise<{ platforms: ReadPlatform[]; problems: string[] }> {
  const platforms: ReadPlatform[] = [];
  const problems: string[] = [];
  const content = parseManifestContent(top);
  if (content.kind !== 'index') return { platforms, problems: [`${top.digest} is no index of platforms`] };
  if (content.index.manifests.length === 0) problems.push('the index names no platform');
  for (const descriptor of content.index.manifests) {
    try {
      platforms.push(await readPlatform(source, descriptor, signal));
    } catch (error) {
      problems.push(doubt(error));
    }
  }
  return { platforms, problems };
}

async function readPlatform(source: ImageSource, descriptor: Descriptor, signal: AbortSignal): Promise<ReadPlatform> {
  const found = await source.manifest(descriptor.digest, { signal });
  if (found.bytes.byteLength !== descriptor.size || found.mediaType !== descriptor.mediaType) {
    throw invalid(`${descriptor.digest} has another size or type than the index says`);
  }
  const content = parseManifestContent(found);
  if (content.kind !== 'manifest') throw invalid(`${descriptor.digest} is no image manifest`);
  const { manifest } = content;
  if (manifest.config.size > MOST_CONFIG) {
    throw new PublisherError(
      'too-large',
      `the configuration of ${descriptor.digest} has ${manifest.config.size} bytes`,
    );
  }
  const chunks = await Array.fromAsync(source.blob(manifest.config, { signal }));
  const config = parseImageConfig(Buffer.concat(chunks));
  if (config.rootfs.diff_ids.length !== manifest.layers.length) {
    throw invalid(
      `${descriptor.digest} has ${manifest.layers.length} layers and ${config.rootfs.diff_ids.length} diff ids`,
    );
  }
  const platform = descriptor.platform === undefined ? formatPlatform(config) : formatPlatform(descriptor.platform);
  if (config.architecture !== descriptor.platform?.architecture || config.os !== descriptor.platform.os) {
    throw invalid(`the configuration of ${descriptor.digest} is for another platform than the index says`);
  }
  return { platform, descriptor, manifest, config };
}

function invalid(message: string): PublisherError {
  return new PublisherError('image-invalid', message);
}
