import { licensesIn, parseExpression } from './expression.ts';
import { HUB_LICENSES, type HubLicense } from './hub-licenses.ts';
import { licenseRef } from './license-ref.ts';
import { creativeCommons, type Obligation, obligationsOf } from './obligations.ts';

/** What one licence of an expression asks for. */
export interface LicenseObligations {
  /** SPDX id or LicenseRef. */
  id: string;
  obligations: Obligation[];
  /** What else a reader should know; null for nothing. */
  note: string | null;
}

const NOT_KNOWN = 'obligations not known to the publisher: read the licence';

/** By SPDX id or, only for licences without one, by the LicenseRef; so that a free-text name such as `mit` is not taken for MIT. */
const BY_ID: ReadonlyMap<string, HubLicense> = new Map(
  HUB_LICENSES.map((license) => [(license.spdx ?? licenseRef(license.id)).toLowerCase(), license]),
);

/** The obligations of every licence that an expression names, in its order; of none where it cannot be read. */
export function obligationsOfExpression(spdx: string | null): LicenseObligations[] {
  return spdx === null ? [] : licensesIn(spdx).map(obligationsOfLicense);
}

/**
 * Whether an expression names a licence that lets the model be passed on only as it is, so that not even its files may be cut
 * differently. An expression that cannot be read is taken to.
 */
export function forbidsModification(spdx: string | null): boolean {
  if (spdx === null) return false;
  if (!parseExpression(spdx).ok) return true;
  return obligationsOfExpression(spdx).some(({ obligations }) => obligations.includes('unmodified-only'));
}

function obligationsOfLicense(id: string): LicenseObligations {
  const known = BY_ID.get(id.toLowerCase()) ?? BY_ID.get(onlyThisVersion(id));
  if (known !== undefined) {
    const vague = known.class === 'unknown' || known.class === 'ambiguous-family';
    return { id, obligations: obligationsOf(known.id), note: vague ? NOT_KNOWN : null };
  }
  const obligations = creativeCommons(id.toLowerCase());
  return obligations === null ? { id, obligations: ['text'], note: NOT_KNOWN } : { id, obligations, note: null };
}

/** GNU's `X-or-later` and the deprecated `X` ask for the same as `X-only`. */
function onlyThisVersion(id: string): string {
  return `${id.replace(/-or-later$/, '')}-only`.toLowerCase();
}
