import type { Ancestor } from '../../huggingface/types.ts';
import { effectiveLicense } from '../../licensing/effective-license.ts';
import { standingOf } from '../../licensing/whitelist.ts';
import { describeLicense } from '../describe-license.ts';
import { quote } from '../quote.ts';
import { denies, factsOf, type Rule, warns } from '../reason.ts';
import type { PolicyInput, Reason, ReasonCode } from '../types.ts';
import { isOverridden } from './license.ts';

/** Sentences a code may take; a family of hostile cards must not fill the report. */
const MOST = 3;

/**
 * A derivative cannot be freer than what it was made from. Every ancestor's licence has to satisfy the whitelist, and one of which nothing is
 * known denies as well, unless the catalog's word decides: then it is pointed out.
 */
export const lineage: Rule = (input) => {
  const facts = factsOf(input);
  if (facts === null) return [];
  const stricter: string[] = [];
  const unknown: string[] = [];
  for (const ancestor of facts.lineage) {
    const found = judge(input, ancestor);
    if (found !== null) (found.code === 'lineage-stricter' ? stricter : unknown).push(found.message);
  }
  const overridden = isOverridden(input);
  const reason = (code: ReasonCode, message: string): Reason =>
    overridden
      ? warns(code, `${message} The catalog's own word on the licence decides.`)
      : denies(code, `${message} Set \`override_spdx\` if you have verified which licence applies.`);
  return [...limited('lineage-stricter', stricter, reason), ...limited('lineage-unknown', unknown, reason)];
};

function judge(
  { whitelist }: PolicyInput,
  { id, path, answer }: Ancestor,
): { code: ReasonCode; message: string } | null {
  const way = path.length === 1 ? '' : ` (by way of ${path.slice(0, -1).map(quote).join(' → ')})`;
  const base = `The base model ${quote(id)}${way}`;
  if (answer.kind === 'unknown') {
    return { code: 'lineage-unknown', message: `${base} cannot be read on the Hub: ${answer.message}.` };
  }
  const license = effectiveLicense(answer.license);
  switch (standingOf(license, whitelist)) {
    case 'permitted':
      return null;
    case 'missing':
      return { code: 'lineage-unknown', message: `${base} declares no licence.` };
    default:
      return {
        code: 'lineage-stricter',
        message: `${base} declares ${describeLicense(license)}, which \`spdx_permissive_whitelist\` does not satisfy.`,
      };
  }
}

function limited(
  code: ReasonCode,
  messages: string[],
  reason: (code: ReasonCode, message: string) => Reason,
): Reason[] {
  const shown = messages.slice(0, MOST).map((message) => reason(code, message));
  const rest = messages.length - MOST;
  return rest > 0 ? [...shown, reason(code, `The same holds for ${rest} more of its base models.`)] : shown;
}
