import type { DeclaredLicense, ModelFacts } from '../huggingface/types.ts';
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

/**
 * What a model says of itself: the metadata's declaration, and the README's at the same commit. Where both state one and they differ, both
 * count, as AND. A README alone declares nothing (the Hub would show it), and one that cannot be understood makes the whole unknown.
 */
export function modelLicense({ license, card }: Pick<ModelFacts, 'license' | 'card'>): EffectiveLicense {
  const metadata = effectiveLicense(license);
  if (metadata.spdx === null || card.kind === 'none') return metadata;
  if (card.kind === 'unreadable') return { ...metadata, class: 'unknown' };
  const readme = effectiveLicense(card.license);
  return sameStatement(metadata, readme) ? metadata : both(metadata, readme);
}

/** Whether metadata and README disagree on what they both state. */
export function statementsDiffer({ license, card }: Pick<ModelFacts, 'license' | 'card'>): boolean {
  const metadata = effectiveLicense(license);
  return metadata.spdx !== null && card.kind === 'stated' && !sameStatement(metadata, effectiveLicense(card.license));
}

function sameStatement(a: EffectiveLicense, b: EffectiveLicense): boolean {
  const parts = ({ spdx }: EffectiveLicense) => (spdx ?? '').split(' AND ').sort().join(' AND ');
  return parts(a) === parts(b);
}

function both(a: EffectiveLicense, b: EffectiveLicense): EffectiveLicense {
  const joined = (x: string | null, y: string | null) =>
    [...new Set([x, y].flatMap((text) => text?.split(' AND ') ?? []))].join(' AND ');
  return {
    declared: joined(a.declared, b.declared),
    spdx: joined(a.spdx, b.spdx),
    class: strictestClass([a.class ?? 'unknown', b.class ?? 'unknown']),
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
