import type { PlannedTarget } from '../plan/types.ts';

/** Check names of targets, and what a target is called everywhere: the runtime only where a model has several. */
export function targetName(target: PlannedTarget, all: readonly PlannedTarget[]): string {
  const { short } = target.model;
  const runtimes = new Set(all.filter(({ model }) => model.short === short).map(({ runtime }) => runtime));
  const name = `${short} · ${target.variant}`;
  return runtimes.size > 1 ? `${name} · ${target.runtime}` : name;
}
