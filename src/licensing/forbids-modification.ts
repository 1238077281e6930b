import { licensesIn } from './expression.ts';
import { hubLicenseOfSpdx } from './hub-licenses.ts';
import { obligationsOf } from './obligations.ts';

/** Creative Commons' "no derivatives", in the versions that the Hub does not offer too. */
const NO_DERIVATIVES = /^CC-BY-(?:NC-)?ND-/i;

/**
 * Whether a licence asks that copies stay unmodified. Of an expression: whether any of its licences does, since nobody says here which
 * side of an OR was chosen.
 */
export function forbidsModification(spdx: string | null): boolean {
  return licensesIn(spdx ?? '').some((id) => {
    const license = hubLicenseOfSpdx(id);
    return NO_DERIVATIVES.test(id) || (license !== null && obligationsOf(license.id).includes('unmodified-only'));
  });
}
