import { type LayerPlanInput, planLayers } from '../image/layer-plan.ts';
import type { Resharding } from '../image/safetensors/reshard.ts';
import { denies } from '../policy/reason.ts';
import type { Decision, Reason } from '../policy/types.ts';
import type { PlannedTarget } from './types.ts';

/** Adds to a decision whether the weights, split where they have to be, fit into layers beside the base's. */
export function withLayerRule(
  decision: Decision,
  resharding: Resharding,
  input: Omit<LayerPlanInput, 'splits' | 'made'>,
): Decision {
  if (decision.fat !== 'build' || !resharding.ok) return decision;
  const plan = planLayers({ ...input, splits: resharding.splits, made: resharding.made });
  if (plan.ok) return decision;
  return denyFat(decision, denies(plan.code, plan.message));
}

/** Only the fat variant is skipped, for this reason before all others. */
export function denyFat(decision: Decision, reason: Reason): Decision {
  return { ...decision, fat: 'skip', reasons: [reason, ...decision.reasons] };
}

/** How many shards each split file becomes. */
export function shardCounts(resharding: Resharding): PlannedTarget['reshard'] {
  if (!resharding.ok) return [];
  return resharding.splits.map(({ file, parts }) => ({ path: file.path, parts: parts.length }));
}
