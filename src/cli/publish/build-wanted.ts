import { openMemory } from '../../build/open-memory.ts';
import type { BuiltImage } from '../../build/types.ts';
import type { PlannedTarget } from '../../plan/types.ts';
import { registryTargets } from '../build-targets.ts';
import { buildTo } from '../build-to.ts';
import type { CommandContext } from '../command.ts';
import type { Planning } from '../plan-context.ts';

/** Builds every target by digest into the model's own repositories; what is there already is not moved again. */
export async function buildWanted(
  targets: readonly PlannedTarget[],
  planning: Planning,
  context: CommandContext,
): Promise<Map<PlannedTarget, BuiltImage>> {
  const startedAt = planning.services.clock.now();
  const images = new Map<PlannedTarget, BuiltImage>();
  const memory = await openMemory(planning.services);
  try {
    for (const target of targets) {
      const places = registryTargets(target, planning.services, planning.owner);
      images.set(target, await buildTo(target, places, planning, memory.layers, { startedAt, context }));
    }
  } finally {
    await memory.close();
  }
  return images;
}

/** The slim images that are scanned for these targets, whether or not they are published themselves. */
export function slimsOf(wanted: readonly PlannedTarget[], building: readonly PlannedTarget[]): PlannedTarget[] {
  const runtimes = new Set(wanted.map(({ runtime }) => runtime));
  return building.filter(({ variant, runtime }) => variant === 'slim' && runtimes.has(runtime));
}
