import { z } from 'zod';
import type { LicenseClass } from '../policy/types.ts';
import data from './hub-licenses.json' with { type: 'json' };
import { licenseRef } from './license-ref.ts';

export interface HubLicense {
  /** As the Hub spells it, lower case. */
  id: string;
  /** null when SPDX has no id for it. */
  spdx: string | null;
  class: LicenseClass;
}

/** From the one that asks for least care to the one that asks for most. */
export const LICENSE_CLASSES = [
  'permissive',
  'copyleft',
  'review',
  'verbatim-only',
  'community-conditions',
  'rail-conditions',
  'noncommercial-or-research',
  'ambiguous-family',
  'unknown',
] as const satisfies readonly LicenseClass[];

const schema = z.strictObject({
  source: z.string(),
  note: z.string(),
  map: z.record(
    z.string().regex(/^[a-z0-9.+-]+$/),
    z.strictObject({ spdx: z.string().nullable(), class: z.enum(LICENSE_CLASSES) }),
  ),
});

/** Every licence identifier the Hub offers, in its order. The classes are a reading, not legal advice. */
export const HUB_LICENSES: readonly HubLicense[] = Object.entries(schema.parse(data).map).map(([id, entry]) => ({
  id,
  ...entry,
}));

// A Map, so that a licence called `constructor` is as unknown as any other.
const BY_ID: ReadonlyMap<string, HubLicense> = new Map(HUB_LICENSES.map((license) => [license.id, license]));

/** Looks up an identifier as declared on the Hub, in any case; null when the Hub does not offer it. */
export function hubLicense(id: string): HubLicense | null {
  return BY_ID.get(id.trim().toLowerCase()) ?? null;
}

const HUB_BY_SPDX: ReadonlyMap<string, HubLicense> = new Map(
  HUB_LICENSES.map((license) => [(license.spdx ?? licenseRef(license.id)).toLowerCase(), license]),
);

/**
 * The Hub's licence behind an SPDX id or, only for licences without one, our LicenseRef, in any case; null when the Hub does not offer it. A
 * free-text name such as `LicenseRef-mit` is thus not taken for MIT.
 */
export function hubLicenseOfSpdx(spdx: string): HubLicense | null {
  return HUB_BY_SPDX.get(spdx.toLowerCase()) ?? null;
}

/** The class of an SPDX id or LicenseRef; `review` for one that the Hub does not offer. */
export function spdxClass(spdx: string): LicenseClass {
  return hubLicenseOfSpdx(spdx)?.class ?? 'review';
}

/** The class that asks for most care. */
export function strictestClass(classes: readonly LicenseClass[]): LicenseClass {
  const rank = Math.max(...classes.map((one) => LICENSE_CLASSES.indexOf(one)));
  return LICENSE_CLASSES[rank] ?? 'unknown';
}
