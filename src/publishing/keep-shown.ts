import { canonicalJson } from '../image/canonical-json.ts';
import type { ImageInputs } from '../image/inputs.ts';
import type { PlannedTarget } from '../plan/types.ts';
import type { ReviewPlan } from '../review/types.ts';

/**
 * Slim images stay those that the merged pull request showed, also where the Hub has become stricter since: a gate that was put up hides legal
 * files, which would make it another image of the same thing. What it denies is the fat one.
 *
 * @param shown plans of merged pull requests, the newest first
 */
export function keepShown(targets: readonly PlannedTarget[], shown: readonly ReviewPlan[]): PlannedTarget[] {
  return targets.map((target) => {
    const { request } = target;
    if (target.variant !== 'slim' || target.action !== 'build' || request === null) return target;
    const before = shown
      .flatMap((plan) => plan.targets)
      .find(
        ({ model, runtime, variant }) =>
          model.short === target.model.short && runtime === target.runtime && variant === target.variant,
      )?.request;
    if (before === undefined || before === null || before.key === request.key) return target;
    return essence(before.inputs) === essence(request.inputs)
      ? { ...target, request: before, inputs: before.key }
      : target;
  });
}

/** Everything but what a gate changes. */
function essence({ legal: _legal, codes: _codes, ...rest }: ImageInputs): string {
  return canonicalJson(rest);
}
