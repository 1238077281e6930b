import type { Variant } from '../catalog/types.ts';
import { byteOrder } from '../image/file-list.ts';
import type { ImageInputs } from '../image/inputs.ts';
import { REASON_MEANINGS } from '../policy/meanings.ts';
import type { BaseLicense } from './base-licenses.ts';
import { obligationsOfExpression } from './expression-obligations.ts';
import { obligationMeaning } from './obligations.ts';

/** What the publisher adds around a model is under this licence, whatever the model's own is. */
export const INFRASTRUCTURE_LICENSE = 'CC0-1.0';

/** What is said of an image besides its files: parts of its inputs, and what its base says. */
export type LicenseFacts = Pick<ImageInputs, 'model' | 'revision' | 'license' | 'base' | 'codes'> & {
  variant: Variant;
  baseLicenses: readonly BaseLicense[];
  /** Files of the model that the image holds as several: a modification, if only of form, so it is said. */
  resharded?: readonly { path: string; sha256: string | null; parts: readonly string[] }[];
};

/** One file of `/licenses`. */
export interface FileOrigin {
  /** Absolute in the image. */
  path: string;
  source: 'upstream' | 'publisher';
  /** Upstream's path, or the SPDX ids whose texts it holds. */
  from: string[];
  /** Hex. */
  sha256: string;
  /** What a reader should know about it. */
  note?: string;
}

/**
 * `/licenses/manifest.json`: which licence a model has, what it asks for, what was decided and why, where each file of `/licenses` came
 * from, and what could not be had. Same input, same bytes; so reasons are told by their codes' fixed meanings.
 *
 * @param unreadable upstream's legal files behind a gate
 */
export function licenseManifest(
  facts: LicenseFacts,
  files: readonly FileOrigin[],
  unreadable: readonly string[],
): string {
  const { model, revision, variant, license, base, codes, baseLicenses, resharded = [] } = facts;
  const manifest = {
    schemaVersion: 2,
    model,
    revision,
    variant,
    license: {
      declared: license.declared,
      effective: license.spdx,
      class: license.class,
      link: license.link,
    },
    obligations: obligationsOfExpression(license.spdx).map(({ id, obligations, note }) => ({
      id,
      obligations: obligations.map((code) => ({ code, meaning: obligationMeaning(code) })),
      ...(note === null ? {} : { note }),
    })),
    infrastructure: INFRASTRUCTURE_LICENSE,
    base: {
      digests: Object.fromEntries(Object.entries(base).sort(([a], [b]) => byteOrder(a, b))),
      licenses: baseLicenses.map(({ id, name, evidence, url }) => ({ id, name, evidence, url })),
    },
    decision: { variant, reasons: [...codes].sort().map((code) => ({ code, meaning: REASON_MEANINGS[code] })) },
    ...(resharded.length === 0 ? {} : { resharded }),
    files,
    notReadable: [...unreadable].sort(byteOrder).map((path) => ({ path, reason: 'not readable, gated' })),
  };
  return `${JSON.stringify(manifest, null, 2)}\n`;
}
