import { parseExpression } from './expression.ts';

/** Stands for a model that declares no licence: SPDX's own NOASSERTION is no licence expression. */
const NOT_DECLARED = 'LicenseRef-not-declared';
/** Stands for an expression too long for a label; the manifest in the image has it whole. */
const TOO_LONG = 'LicenseRef-see-licenses-manifest.json';

/**
 * `org.opencontainers.image.licenses` (OCI image-spec, "Pre-Defined Annotation Keys"): the model's effective licence and those that
 * its base brings along. Always a valid SPDX expression. What the publisher adds is CC0-1.0, which asks for nothing and has a label
 * of its own.
 *
 * @param spdx effective licence of the model; null when nothing is declared
 * @param base ids of licences of the base image
 */
export function imageExpression(spdx: string | null, base: readonly string[]): string {
  const model = spdx === null ? NOT_DECLARED : textOf(spdx);
  if (base.length === 0) return model;
  return [/ OR /.test(model) ? `(${model})` : model, ...base].join(' AND ');
}

function textOf(spdx: string): string {
  const parsed = parseExpression(spdx);
  return parsed.ok ? parsed.text : TOO_LONG;
}
