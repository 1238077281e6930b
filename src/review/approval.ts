import type { PlannedTarget } from '../plan/types.ts';
import type { ReviewPlan } from './types.ts';

/**
 * Whether a target waits for somebody with write access to approve this very commit: everything from a fork, and a fat image that is
 * permitted only by an override which the pull request itself brings.
 */
export function awaitsApproval(target: PlannedTarget, plan: ReviewPlan): boolean {
  if (target.action !== 'build' || plan.approvedBy !== null) return false;
  if (plan.fork) return true;
  const overridden = target.reasons.some(({ code }) => code === 'license-override');
  return target.variant === 'fat' && overridden && plan.overrides.includes(target.model.short);
}
