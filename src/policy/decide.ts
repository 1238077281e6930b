import { modelLicense, overriddenLicense } from '../licensing/effective-license.ts';
import { factsOf, type Rule } from './reason.ts';
import { availability } from './rules/availability.ts';
import { gating } from './rules/gating.ts';
import { license } from './rules/license.ts';
import { lineage } from './rules/lineage.ts';
import { runtime } from './rules/runtime.ts';
import { pickles, remoteCode, scannerVerdicts } from './rules/safety.ts';
import { layerSize, totalSize } from './rules/size.ts';
import type { Decision, Effect, EffectiveLicense, PolicyInput, Reason } from './types.ts';

/** Every rule, in the order in which reasons of equal weight are shown. */
const RULES: readonly Rule[] = [
  availability,
  license,
  lineage,
  gating,
  scannerVerdicts,
  remoteCode,
  runtime,
  totalSize,
  layerSize,
  pickles,
];

const NO_LICENSE: EffectiveLicense = { declared: null, spdx: null, class: null };

const WEIGHT: Record<Effect, number> = { fails: 0, 'denies-fat': 1, warns: 2, allows: 3 };

/**
 * Decides whether a model becomes a slim image, a fat one, both or none, and says why. Each rule contributes its reasons
 * independently and none can take back another's denial, so adding a restriction never permits anything.
 */
export function decide(input: PolicyInput): Decision {
  const facts = factsOf(input);
  return {
    ...conclude(RULES.flatMap((rule) => rule(input))),
    license: facts === null ? NO_LICENSE : overriddenLicense(modelLicense(facts), input.overrideSpdx),
    gated: facts === null ? null : facts.gated !== false || input.gated === true,
  };
}

/** What reasons amount to: fat needs a licence reason that allows it and none that denies. Orders them, denials first. */
export function conclude(reasons: readonly Reason[]): Pick<Decision, 'slim' | 'fat' | 'reasons'> {
  const ordered = [...reasons].sort((a, b) => WEIGHT[a.effect] - WEIGHT[b.effect]);
  const has = (effect: Effect) => reasons.some((reason) => reason.effect === effect);
  if (has('fails')) return { slim: 'fail', fat: 'fail', reasons: ordered };
  return { slim: 'build', fat: has('denies-fat') || !has('allows') ? 'skip' : 'build', reasons: ordered };
}
