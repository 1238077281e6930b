import type { PlannedTarget } from '../../plan/types.ts';
import { LICENSE_DECISION } from './predicate-types.ts';
import { requestOf } from './subject-model.ts';

/** The rules that let a licence pass; every other answer about a licence stops the fat variant. */
const SATISFIED: ReadonlySet<string> = new Set(['license-permissive', 'license-override']);

/** Why this variant is published: the licence as declared and as understood, what the whitelist said, every reason, the legal files. */
export function licenseDecisionOf(target: PlannedTarget) {
  const { inputs, unreadable } = requestOf(target);
  const { declared, spdx, class: licenseClass } = target.license;
  return {
    schema: LICENSE_DECISION,
    model: target.model.id,
    revision: inputs.revision,
    variant: target.variant,
    license: { declared, spdx, class: licenseClass, link: inputs.license.link },
    whitelist: { satisfied: target.reasons.some(({ code }) => SATISFIED.has(code)) },
    gated: target.gated,
    reasons: target.reasons.map(({ code, effect, message }) => ({ code, effect, message })),
    legalFiles: inputs.legal.map(({ path, content }) => ({ path, content })),
    notReadable: unreadable,
  };
}
