import type { DeclaredLicense } from '../huggingface/types.ts';
import type { EffectiveLicense, LicenseClass } from '../policy/types.ts';
import { licensesIn, parseExpression } from './expression.ts';
import { hubLicense, spdxClass, strictestClass } from './hub-licenses.ts';
import { licenseRef } from './license-ref.ts';

/**
 * What a declaration on the Hub means, as SPDX: several ids mean AND, and the strictest class stands for all. An id that the Hub
 * does not offer is `unknown` even when SPDX knows it, as is `other`, which `license_name` names but does not explain. The
 * expression always parses.
 */
export function effectiveLicense(declared: DeclaredLicense): EffectiveLicense {
  const ids = declared.ids.map((id) => id.trim());
  if (ids.every((id) => id === '')) return { declared: null, spdx: null, class: null };
  const parts = ids.map((id) => meaningOf(id, declared.name));
  return {
    declared: ids.join(' AND '),
    spdx: [...new Set(parts.map(({ spdx }) => spdx))].join(' AND '),
    class: strictestClass(parts.map((part) => part.class)),
  };
}

/** The licence with `override_spdx` in the place of what the Hub declares; a malformed override changes nothing. */
export function overriddenLicense(license: EffectiveLicense, override: string | null): EffectiveLicense {
  const parsed = override === null ? null : parseExpression(override);
  if (!parsed?.ok) return license;
  return {
    declared: license.declared,
    spdx: parsed.text,
    class: strictestClass(licensesIn(parsed.text).map(spdxClass)),
  };
}

function meaningOf(id: string, name: string | null): { spdx: string; class: LicenseClass } {
  const known = hubLicense(id);
  if (known === null) return { spdx: licenseRef(id), class: 'unknown' };
  const named = known.id === 'other' && name !== null && name.trim() !== '';
  return { spdx: known.spdx ?? licenseRef(named ? name.trim() : known.id), class: known.class };
}
