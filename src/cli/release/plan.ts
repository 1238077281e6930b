import { buildAll } from '../../build/runtimes/build-all.ts';
import { installedBuildx } from '../../build/runtimes/installed.ts';
import type { RuntimeRequest } from '../../build/runtimes/types.ts';
import type { Plan } from '../../plan/types.ts';
import type { ReleaseOptions } from '../../publish/release/options.ts';
import type { CommandContext } from '../command.ts';
import { type Planning, planFor } from '../plan-context.ts';

/**
 * Plans the whole catalog; runtime images that are not there yet are built first, under the names by which models find them, and planned on.
 *
 * @throws PublisherError of a runtime that cannot be built
 */
export async function planWithRuntimes(
  planning: Planning,
  { experimental }: ReleaseOptions,
  context: CommandContext,
): Promise<Plan> {
  const plan = await planFor(planning, { experimental }, context);
  const awaited = new Map<string, RuntimeRequest>();
  for (const { awaits } of plan.targets) {
    if (awaits !== null) awaited.set(`${awaits.key} ${awaits.repository}`, awaits);
  }
  if (awaited.size === 0) return plan;
  const { services, owner } = planning;
  const buildx = await installedBuildx(services, owner, context.variables);
  const outcomes = await buildAll(
    [...awaited.values()],
    (request, signal) => {
      context.output.say(`${request.runtime.name}: building for ${request.runtime.platforms.join(', ')}`);
      return buildx.build(request, signal);
    },
    context.signal,
  );
  for (const outcome of outcomes) if ('error' in outcome) throw outcome.error;
  return planFor(planning, { experimental }, context);
}
