import type { BaseLicense } from '../licensing/base-licenses.ts';
import { obligationsOfExpression } from '../licensing/expression-obligations.ts';
import { imageExpression } from '../licensing/image-expression.ts';
import type { Digest } from '../registry/types.ts';
import type { ImageInputs } from './inputs.ts';
import { printable } from './printable.ts';

export const LABEL_PREFIX = 'io.model-image-publisher';
/** What labels say besides the inputs themselves; all of it follows from them. */
interface LabelFacts {
  /** The inputs key. */
  key: string;
  /** Manifest digest of the platform's base; null for an index. */
  base: Digest | null;
  /** Of the base, over all platforms. */
  licenses: readonly BaseLicense[];
  /** RFC 3339, see {@link createdOf}. */
  created: string;
}

const HUB = 'https://huggingface.co';

/**
 * Labels of the image configuration, the same as annotations of manifest and index (OCI image-spec, "Pre-Defined Annotation
 * Keys"). They follow from the inputs alone: the base's name, which is a tag, is therefore not among them, its digest is.
 */
export function imageLabels(inputs: ImageInputs, { key, base, licenses, created }: LabelFacts): Record<string, string> {
  const { model, revision, short, variant, oci, license } = inputs;
  const labels: Record<string, string | null> = {
    'org.opencontainers.image.created': created,
    'org.opencontainers.image.title': oci.title ?? `${short} (${variant})`,
    'org.opencontainers.image.description': oci.description ?? describe(inputs),
    'org.opencontainers.image.url': oci.url ?? `${HUB}/${model}`,
    'org.opencontainers.image.source': `${HUB}/${model}`,
    'org.opencontainers.image.revision': revision,
    'org.opencontainers.image.licenses': imageExpression(
      license.spdx,
      licenses.flatMap(({ id }) => id ?? []),
    ),
    'org.opencontainers.image.base.digest': base,
    [`${LABEL_PREFIX}.inputs`]: key,
    [`${LABEL_PREFIX}.model`]: model,
    [`${LABEL_PREFIX}.variant`]: variant,
    [`${LABEL_PREFIX}.runtime`]: inputs.runtime,
    [`${LABEL_PREFIX}.engine`]: inputs.engine,
    [`${LABEL_PREFIX}.license.declared`]: license.declared === null ? null : printable(license.declared),
    [`${LABEL_PREFIX}.obligations`]: obligationsLabel(license.spdx),
    [`${LABEL_PREFIX}.base.licenses`]: licenses.map(({ name }) => name).join(', ') || null,
    [`${LABEL_PREFIX}.infrastructure-license`]: 'CC0-1.0',
  };
  const present = Object.entries(labels).filter((entry): entry is [string, string] => entry[1] !== null);
  return Object.fromEntries(present);
}

/** Each obligation once, e.g. `text,notice,naming:Built with Llama`; null without any. */
function obligationsLabel(spdx: string | null): string | null {
  const all = obligationsOfExpression(spdx).flatMap(({ obligations }) => obligations);
  return [...new Set(all)].join(',') || null;
}

function describe({ model, variant, downloadRoot, short }: ImageInputs): string {
  return variant === 'fat'
    ? `${model} with its weights inside, under ${downloadRoot}/${short}.`
    : `${model} without weights: they are downloaded into ${downloadRoot}/${short} when the container first starts.`;
}

/** The later of two RFC 3339 times, to the second: an image's `created` comes from its inputs, never from the clock. */
export function createdOf(lastModified: string, baseCreated: string | null): string {
  const times = [lastModified, baseCreated ?? '']
    .map((text) => Date.parse(text))
    .filter((time) => Number.isFinite(time));
  return new Date(Math.max(0, ...times)).toISOString().replace(/\.\d{3}Z$/, 'Z');
}
