import { quote } from '../policy/quote.ts';
import type { EffectiveLicense } from '../policy/types.ts';
import { judge, licensesIn, whitelistTerm } from './expression.ts';
import { obligationsOfExpression } from './expression-obligations.ts';
import { hubLicenseOfSpdx, spdxClass } from './hub-licenses.ts';
import { obligationMeaning } from './obligations.ts';

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
  return `${quote(entry)} is not permissive (${license.class}): fat images under it are allowed, and bind whoever passes them on: ${dutiesOf(id)}`;
}

/** What the licences of an expression ask of whoever passes the model on, as sentences. */
export function dutiesOf(spdx: string): string {
  const found = obligationsOfExpression(spdx);
  const sentences = new Set(found.flatMap(({ obligations }) => obligations.map(obligationMeaning)));
  const notes = found.flatMap(({ id, note }) => (note === null ? [] : [`${id}: ${note}.`]));
  return [...sentences, ...notes].join(' ') || 'Nothing in particular.';
}

/** Licences of an expression that are not permissive. */
export function demandingLicenses(spdx: string): string[] {
  return licensesIn(spdx).filter((id) => spdxClass(id) !== 'permissive');
}
