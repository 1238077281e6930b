import { PublisherError } from '../../errors.ts';
import { LABEL_PREFIX } from '../../image/labels.ts';
import { parseImageConfig, parseManifestContent } from '../../registry/schema.ts';
import type { Digest, ImageSource } from '../../registry/types.ts';

const RECIPE = /^[0-9a-f]{64}$/;
/** Bytes; a configuration beyond is nothing that was built here. */
const MOST = 4 * 1024 * 1024;
const NO_IMAGE: ReadonlySet<string> = new Set(['registry-not-found', 'image-invalid']);

/**
 * Whether an image says of every platform that it is this runtime, built here by a recipe. That is what is left to go by where a tag was moved
 * and nobody could write it down, or by a command with a ledger of its own.
 *
 * @throws PublisherError with the registry codes, but `registry-not-found`
 */
export async function isOwnRuntime(
  source: ImageSource,
  digest: Digest,
  runtime: string,
  signal: AbortSignal,
): Promise<boolean> {
  try {
    const content = parseManifestContent(await source.manifest(digest, { signal }));
    if (content.kind !== 'index') return await isOfRuntime(source, digest, runtime, signal);
    // Statements that the build tool lays into the index are no platforms.
    const platforms = content.index.manifests.filter(({ platform }) => platform?.os !== 'unknown');
    for (const platform of platforms) {
      if (!(await isOfRuntime(source, platform.digest, runtime, signal))) return false;
    }
    return platforms.length > 0;
  } catch (error) {
    if (error instanceof PublisherError && NO_IMAGE.has(error.code)) return false;
    throw error;
  }
}

async function isOfRuntime(
  source: ImageSource,
  digest: Digest,
  runtime: string,
  signal: AbortSignal,
): Promise<boolean> {
  const content = parseManifestContent(await source.manifest(digest, { signal }));
  if (content.kind !== 'manifest' || content.manifest.config.size > MOST) return false;
  const chunks = await Array.fromAsync(source.blob(content.manifest.config, { signal }));
  const labels = parseImageConfig(Buffer.concat(chunks)).config?.Labels ?? {};
  const label = (name: string) => labels[`${LABEL_PREFIX}.${name}`];
  // The image of a model has its runtime's labels too, and is none.
  if (label('model') !== undefined || label('inputs') !== undefined) return false;
  return label('runtime') === runtime && RECIPE.test(label('recipe') ?? '');
}
