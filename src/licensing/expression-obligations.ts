import { licensesIn, parseExpression } from './expression.ts';
import { hubLicenseOfSpdx } from './hub-licenses.ts';
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
  const known = hubLicenseOfSpdx(id) ?? hubLicenseOfSpdx(onlyThisVersion(id));
  if (known !== null) {
    const vague = known.class === 'unknown' || known.class === 'ambiguous-family';
    return { id, obligations: obligationsOf(known.id), note: vague ? NOT_KNOWN : null };
  }
  const obligations = creativeCommons(id.toLowerCase());
  return obligations === null ? { id, obligations: ['text'], note: NOT_KNOWN } : { id, obligations, note: null };
}

/** GNU's `X-or-later` and the deprecated `X` ask for the same as `X-only`. */
function onlyThisVersion(id: string): string {
  return `${id.replace(/-or-later$/, '')}-only`;
}
