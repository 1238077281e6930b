import { buildImage } from '../build/build.ts';
import { licenseFiles } from '../build/license-files.ts';
import type { BuiltImage, LayerMemory } from '../build/types.ts';
import { run } from '../exec.ts';
import type { PlannedTarget } from '../plan/types.ts';
import { parseReference } from '../registry/reference.ts';
import type { ImageTarget } from '../registry/types.ts';
import { baseOf } from '../services.ts';
import { requestOf } from './build-request.ts';
import type { CommandContext } from './command.ts';
import type { Planning } from './plan-context.ts';
import { buildProgress } from './progress.ts';

/**
 * Builds one planned image into all places by digest, with its progress on the terminal.
 *
 * @param startedAt when the facts were known, milliseconds since the epoch
 */
export async function buildTo(
  target: PlannedTarget,
  places: [ImageTarget, ...ImageTarget[]],
  { services, owner }: Planning,
  memory: LayerMemory,
  { startedAt, context }: { startedAt: number; context: CommandContext },
): Promise<BuiltImage> {
  const request = requestOf(target);
  const progress = buildProgress(`${target.model.short} ${target.variant}`, context.output, services.clock);
  return buildImage(request, {
    hub: services.hub(owner),
    base: baseOf(services, parseReference(request.base.reference), owner, request.base.own),
    targets: places,
    memory,
    open: (reference) => services.target(reference, owner),
    entrypoint: services.entrypoint.content,
    buildkit: { ...services.buildkit, variables: context.variables, run },
    licenses: (wanted, base, signal) => licenseFiles(wanted, base, services.hub(owner), signal),
    clock: services.clock,
    startedAt,
    signal: context.signal,
    onProgress: progress.update,
  }).finally(progress.end);
}
