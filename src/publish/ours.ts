import { PublisherError } from '../errors.ts';
import { LABEL_PREFIX } from '../image/labels.ts';
import { parseManifestContent } from '../registry/schema.ts';
import type { ImageSource } from '../registry/types.ts';

/** What an index of ours says about itself. */
export interface ImageOrigin {
  /** Inputs key, 64 hex. */
  inputs: string;
  /** Hub repository. */
  model: string;
}

/**
 * The origin that an image's annotations tell; null for an image that is not ours, or no image at all.
 *
 * @throws PublisherError with the registry codes, but `registry-not-found`
 */
export async function originAt(
  source: ImageSource,
  tagOrDigest: string,
  signal: AbortSignal,
): Promise<ImageOrigin | null> {
  try {
    const content = parseManifestContent(await source.manifest(tagOrDigest, { signal }));
    const annotations = content.kind === 'index' ? content.index.annotations : content.manifest.annotations;
    const inputs = annotations?.[`${LABEL_PREFIX}.inputs`];
    const model = annotations?.[`${LABEL_PREFIX}.model`];
    return inputs === undefined || model === undefined ? null : { inputs, model };
  } catch (error) {
    if (error instanceof PublisherError && NO_IMAGE.has(error.code)) return null;
    throw error;
  }
}

const NO_IMAGE: ReadonlySet<string> = new Set(['registry-not-found', 'image-invalid']);
