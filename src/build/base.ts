import { PublisherError } from '../errors.ts';
import type { ImageConfig } from '../image/config.ts';
import { MAX_LAYERS, OWN_LAYERS } from '../image/layer-plan.ts';
import { formatPlatform, parsePlatform, platformMatches } from '../image/platform.ts';
import { concatBytes } from '../image/tar.ts';
import { toOci } from '../registry/media-types.ts';
import { parseImageConfig, parseManifestContent } from '../registry/schema.ts';
import type { Descriptor, Digest, ImageSource, ManifestContent, Platform } from '../registry/types.ts';

/** A base image found: which manifest serves each platform asked for. */
export interface ResolvedBase {
  reference: string;
  /** Of what the reference names: the index, or the manifest of an image for one platform. */
  digest: Digest;
  /** `os/arch[/variant]` as asked → the manifest's digest. */
  platforms: Record<string, Digest>;
  /** Layers of the largest platform; what the layer plan has to leave room for. */
  layers: number;
  /** `org.opencontainers.image.version` of the first platform, for bases without a tag. */
  version: string | null;
}

/** One platform of a base, ready to be built upon: media types already OCI's. */
export interface BasePlatform {
  platform: Platform;
  manifestDigest: Digest;
  config: ImageConfig;
  layers: Descriptor[];
}

const MAX_CONFIG_BYTES = 4 * 1024 * 1024;

/**
 * Reads which manifests of a base serve the platforms asked for.
 *
 * @param tagOrDigest within `source`
 * @throws PublisherError `image-invalid` when a platform is missing or the base cannot be built upon; registry codes
 */
export async function resolveBase(
  source: ImageSource,
  reference: string,
  tagOrDigest: string,
  platforms: string[],
  signal?: AbortSignal,
): Promise<ResolvedBase> {
  const top = await source.manifest(tagOrDigest, { signal });
  const found: Record<string, Digest> = {};
  let layers = 0;
  let version: string | null = null;
  for (const platform of platforms) {
    const manifest = await manifestFor(source, reference, top, platform, signal);
    const base = await readPlatform(source, reference, manifest, signal);
    if (!platformMatches(parsePlatform(platform), base.platform)) {
      throw new PublisherError(
        'image-invalid',
        `Base image ${reference} is for ${formatPlatform(base.platform)}, not for ${platform}: correct \`arch\` or \`platforms\`.`,
      );
    }
    found[platform] = manifest.digest;
    layers = Math.max(layers, base.layers.length);
    version ??= base.config.config?.Labels?.['org.opencontainers.image.version'] ?? null;
  }
  if (layers > MAX_LAYERS - OWN_LAYERS) {
    throw new PublisherError(
      'image-invalid',
      `Base image ${reference} has ${layers} layers: with the ${OWN_LAYERS} of ours container engines would refuse the image (at most ${MAX_LAYERS}). Choose another base image.`,
    );
  }
  return { reference, digest: top.digest, platforms: found, layers, version };
}

/** A platform's configuration and layers, by manifest digest. */
export async function readBasePlatform(
  source: ImageSource,
  reference: string,
  digest: Digest,
  signal?: AbortSignal,
): Promise<BasePlatform> {
  return readPlatform(source, reference, await source.manifest(digest, { signal }), signal);
}

async function manifestFor(
  source: ImageSource,
  reference: string,
  top: ManifestContent,
  platform: string,
  signal?: AbortSignal,
): Promise<ManifestContent> {
  const content = parseManifestContent(top);
  if (content.kind === 'manifest') return top;
  const wanted = parsePlatform(platform);
  const { manifests } = content.index;
  const entry = manifests.find((item) => item.platform !== undefined && platformMatches(wanted, item.platform));
  if (entry === undefined) {
    const offered = manifests
      .flatMap((item) => (item.platform === undefined ? [] : [formatPlatform(item.platform)]))
      .filter((name) => name !== 'unknown/unknown');
    throw new PublisherError(
      'image-invalid',
      `Base image ${reference} has no ${platform}; it offers ${offered.slice(0, 20).join(', ') || 'no platform at all'}.`,
    );
  }
  return source.manifest(entry.digest, { signal });
}

async function readPlatform(
  source: ImageSource,
  reference: string,
  manifest: ManifestContent,
  signal?: AbortSignal,
): Promise<BasePlatform> {
  const content = parseManifestContent(manifest);
  if (content.kind === 'index') {
    throw new PublisherError(
      'image-invalid',
      `Base image ${reference} nests an index inside its index: name one image.`,
    );
  }
  const { config: descriptor, layers } = content.manifest;
  if (descriptor.size > MAX_CONFIG_BYTES) {
    throw new PublisherError(
      'image-invalid',
      `Base image ${reference} has a configuration of ${descriptor.size} bytes.`,
    );
  }
  const chunks: Uint8Array[] = [];
  for await (const chunk of source.blob(descriptor, { signal })) chunks.push(chunk);
  const config = parseImageConfig(concatBytes(chunks));
  if (config.rootfs.diff_ids.length !== layers.length) {
    throw new PublisherError(
      'image-invalid',
      `Base image ${reference} has ${layers.length} layers but ${config.rootfs.diff_ids.length} diff ids: its configuration does not belong to it.`,
    );
  }
  const { os, architecture, variant } = config;
  return {
    platform: { os, architecture, ...(variant === undefined || variant === '' ? {} : { variant }) },
    manifestDigest: manifest.digest,
    config,
    layers: layers.map(({ mediaType, digest, size, urls }) => {
      if (urls !== undefined && urls.length > 0) {
        throw new PublisherError(
          'image-invalid',
          `Base image ${reference} has a layer that lives at other addresses (descriptor \`urls\`): choose another base image.`,
        );
      }
      return { mediaType: toOci(mediaType), digest, size };
    }),
  };
}
