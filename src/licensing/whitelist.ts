import { quote } from '../policy/quote.ts';
import type { EffectiveLicense } from '../policy/types.ts';
import { judge, licensesIn, whitelistTerm } from './expression.ts';
import { type HubLicense, hubLicense, hubLicenseOfSpdx } from './hub-licenses.ts';
import { type Obligation, obligationsOf } from './obligations.ts';

/** What the whitelist says to a licence that somebody declared. Only `permitted` ever permits anything. */
export type Standing = 'permitted' | 'not-permitted' | 'family' | 'unknown' | 'missing';

/** Whatever the whitelist holds, a declaration that explains nothing is never satisfied by it. */
export function standingOf({ spdx, class: group }: EffectiveLicense, whitelist: readonly string[]): Standing {
  if (spdx === null || group === null) return 'missing';
  if (group === 'unknown') return 'unknown';
  if (group === 'ambiguous-family') return 'family';
  return judge(spdx, whitelist).kind === 'satisfied' ? 'permitted' : 'not-permitted';
}

/** What is wrong with a whitelist entry, in one sentence; null when it names one licence. */
export function whitelistProblem(entry: string): string | null {
  const term = whitelistTerm(entry);
  return term.ok ? null : term.problem;
}

/** What somebody should know who whitelists a licence that is not permissive, or that nobody declares; null for all others. */
export function whitelistWarning(entry: string): string | null {
  const term = whitelistTerm(entry);
  if (!term.ok) return null;
  const [id = ''] = licensesIn(term.text);
  const license = hubLicenseOfSpdx(id);
  if (license === null) {
    return `${quote(entry)} is none of the Hub's licences: what it asks for is not known here, so it counts only where \`override_spdx\` names it`;
  }
  if (license.class === 'permissive') return null;
  const duties = dutiesOf(license);
  return `${quote(entry)} is not permissive (${license.class}): fat images under it are allowed, and whoever passes them on owes ${duties}`;
}

/** The duties of a licence in words. */
export function dutiesOf({ id }: Pick<HubLicense, 'id'>): string {
  const words = obligationsOf(id).map(dutyInWords);
  return words.length === 0 ? 'nothing in particular' : words.join(', ');
}

const WORDS: Record<string, string> = {
  text: 'a copy of the licence',
  notice: 'its notice',
  attribution: 'attribution',
  'same-licence': 'the same licence for what is passed on',
  'unmodified-only': 'unmodified copies only',
  'non-commercial': 'no commercial use',
  'use-restrictions': 'its conditions of use passed on',
};

function dutyInWords(duty: Obligation): string {
  return duty.startsWith('naming:') ? `naming (“${duty.slice('naming:'.length)}”)` : (WORDS[duty] ?? duty);
}

/** Licences of an expression that are not permissive, by their Hub ids. */
export function demandingLicenses(spdx: string): HubLicense[] {
  return licensesIn(spdx).flatMap((id) => {
    const license = hubLicenseOfSpdx(id) ?? hubLicense(id);
    return license !== null && license.class !== 'permissive' ? [license] : [];
  });
}
