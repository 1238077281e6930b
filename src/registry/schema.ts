import { z } from 'zod';
import { PublisherError } from '../errors.ts';
import { isDigest } from './digest.ts';
import { isIndex, isManifest } from './media-types.ts';
import type { Digest, ManifestContent } from './types.ts';

/** The distribution specification lets registries refuse more than this, and so do we. Bytes. */
export const MANIFEST_LIMIT = 4 * 1024 * 1024;
export const PLATFORM_LIMIT = 64;

const digest = z.custom<Digest>((value) => typeof value === 'string' && isDigest(value), 'not a sha256 digest');
const strings = z.record(z.string(), z.string());
/** Go writes empty fields as null: read as absent. */
const maybe = <T extends z.ZodType>(schema: T) =>
  schema
    .nullish()
    .transform((value) => value ?? undefined)
    .optional();

const platform = z.looseObject({
  os: z.string(),
  architecture: z.string(),
  variant: z.string().optional(),
});

/** OCI image specification, "Content Descriptors". `urls` is kept so that callers can refuse it. */
export const descriptorSchema = z.looseObject({
  mediaType: z.string().min(1).max(255),
  digest,
  size: z.int().nonnegative(),
  annotations: maybe(strings),
  platform: maybe(platform),
  artifactType: z.string().optional(),
  urls: maybe(z.array(z.string())),
});

/** OCI image specification, "Image Index"; also Docker's manifest list. */
export const indexSchema = z.looseObject({
  schemaVersion: z.literal(2),
  mediaType: z.string().optional(),
  manifests: z.array(descriptorSchema).max(PLATFORM_LIMIT, `more than ${PLATFORM_LIMIT} platforms`),
  annotations: maybe(strings),
});

/** OCI image specification, "Image Manifest"; also Docker's schema 2. */
export const manifestSchema = z.looseObject({
  schemaVersion: z.literal(2),
  mediaType: z.string().optional(),
  artifactType: z.string().optional(),
  config: descriptorSchema,
  layers: z.array(descriptorSchema),
  subject: maybe(descriptorSchema),
  annotations: maybe(strings),
});

/** OCI image specification, "Image Configuration". Unknown fields are kept: Docker writes some that engines read. */
export const imageConfigSchema = z.looseObject({
  architecture: z.string(),
  os: z.string(),
  variant: z.string().optional(),
  created: z.string().optional(),
  config: maybe(
    z.looseObject({
      User: maybe(z.string()),
      Env: maybe(z.array(z.string())),
      Entrypoint: maybe(z.array(z.string())),
      Cmd: maybe(z.array(z.string())),
      WorkingDir: maybe(z.string()),
      Labels: maybe(strings),
      Volumes: maybe(z.record(z.string(), z.unknown())),
      ExposedPorts: maybe(z.record(z.string(), z.unknown())),
      StopSignal: maybe(z.string()),
    }),
  ),
  rootfs: z.looseObject({ type: z.literal('layers'), diff_ids: z.array(digest) }),
  history: maybe(z.array(z.looseObject({ empty_layer: z.boolean().optional() }))),
});

export type ImageIndex = z.infer<typeof indexSchema>;
export type ImageManifest = z.infer<typeof manifestSchema>;
export type ImageConfig = z.infer<typeof imageConfigSchema>;

/**
 * What a manifest's bytes are: an index of images, or one image.
 *
 * @throws PublisherError `image-invalid` when it is neither, or breaks the image specification
 */
export function parseManifestContent(
  content: ManifestContent,
): { kind: 'index'; index: ImageIndex } | { kind: 'manifest'; manifest: ImageManifest } {
  const what = `Manifest ${content.digest}`;
  if (isIndex(content.mediaType)) return { kind: 'index', index: parseJson(indexSchema, content.bytes, what) };
  if (isManifest(content.mediaType)) {
    return { kind: 'manifest', manifest: parseJson(manifestSchema, content.bytes, what) };
  }
  throw new PublisherError('image-invalid', `${what} has the type ${content.mediaType}, which is not an image`);
}

/** @throws PublisherError `image-invalid` */
export function parseImageConfig(bytes: Uint8Array): ImageConfig {
  return parseJson(imageConfigSchema, bytes, 'The image configuration');
}

/**
 * JSON bytes (UTF-8) through a schema.
 *
 * @throws PublisherError `image-invalid` naming `what` and the first offending field
 */
export function parseJson<T extends z.ZodType>(schema: T, bytes: Uint8Array, what: string): z.output<T> {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (error) {
    throw new PublisherError('image-invalid', `${what} is not JSON`, { cause: error });
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  const where = issue === undefined || issue.path.length === 0 ? '' : ` at ${issue.path.join('.')}`;
  throw new PublisherError('image-invalid', `${what} breaks the image specification${where}: ${issue?.message}`);
}
