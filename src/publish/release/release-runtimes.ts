import { runtimeDestinations } from '../../build/runtimes/destinations.ts';
import { runtimeTags } from '../../build/runtimes/identity.ts';
import { selectRuntimes, withArguments } from '../../build/runtimes/select.ts';
import type { Catalog } from '../../catalog/types.ts';
import { PublisherError } from '../../errors.ts';
import type { DestinationContext } from '../../plan/destinations.ts';
import type { PlannedTarget } from '../../plan/types.ts';
import { formatReference, parseReference } from '../../registry/reference.ts';
import type { Digest } from '../../registry/types.ts';
import { fill } from '../fill.ts';
import type { ReadyStep } from '../move-tags.ts';
import { tagSteps } from '../tag-steps.ts';
import type { PublishContext } from '../types.ts';
import type { ReleaseOptions } from './options.ts';
import { isOwnRuntime } from './own-runtime.ts';

/** A runtime image that is built here, and that a model of the release stands on. */
export interface ReadyRuntime {
  name: string;
  /** Of the index. */
  digest: Digest;
  /** `host/repository` where it lies. */
  source: string;
  /** Where it gets its tags: the same repository and those of the catalog's further registries. */
  repositories: string[];
  tags: string[];
}

/**
 * The catalog with other values of build arguments, so that models are planned on the runtimes which come of them.
 *
 * @throws PublisherError `usage` for an argument that no runtime in use declares
 */
export function withReleaseArguments(catalog: Catalog, { set, experimental }: ReleaseOptions): Catalog {
  if (set.length === 0) return catalog;
  const used = new Set(catalog.models.flatMap((model) => model.runtimes));
  const mine = catalog.runtimes.filter(({ name }) => used.has(name));
  const changed = withArguments(selectRuntimes(mine, [], experimental || catalog.settings.experimental), set);
  const byName = new Map(changed.map((runtime) => [runtime.name, runtime]));
  return { ...catalog, runtimes: catalog.runtimes.map((runtime) => byName.get(runtime.name) ?? runtime) };
}

/** Those that images of the release were built on, each once. */
export function readyRuntimes({
  catalog,
  options,
  targets,
  destinations,
}: {
  catalog: Catalog;
  options: ReleaseOptions;
  targets: readonly PlannedTarget[];
  destinations: DestinationContext;
}): ReadyRuntime[] {
  const runtimes = new Map<string, ReadyRuntime>();
  for (const target of targets) {
    const base = target.request?.base;
    if (base === undefined || !base.own || runtimes.has(target.runtime)) continue;
    const { registry, repository } = parseReference(base.reference);
    const source = formatReference({ registry, repository, tag: null, digest: null });
    const { repositories } = runtimeDestinations(catalog.settings, destinations);
    runtimes.set(target.runtime, {
      name: target.runtime,
      digest: base.digest,
      source,
      repositories: [...new Set([source, ...repositories])],
      tags: runtimeTags(target.runtime, options.tag.replaceAll('+', '_'), options.latest),
    });
  }
  return [...runtimes.values()];
}

/**
 * Makes sure that every repository has its runtime images, and reads what their tags are at. Moves none.
 *
 * @throws PublisherError `denied` naming every tag that is not ours to move
 */
export async function runtimeSteps(runtimes: readonly ReadyRuntime[], context: PublishContext): Promise<ReadyStep[]> {
  const ready: ReadyStep[] = [];
  const conflicts: string[] = [];
  for (const { name, digest, source, repositories, tags } of runtimes) {
    for (const repository of repositories) {
      const target = context.open(repository);
      await fill(target, digest, [context.open(source)], context);
      const rendered = tags.map((tag) => ({ tag, template: tag, immutable: false }));
      // No model's name: what stands there as a model's image is never taken over.
      for (const step of await tagSteps(target, rendered, { digest, model: '' }, context)) {
        if (step.action !== 'conflict') ready.push({ step, digest, target });
        else if (await isOwnRuntime(target, step.before, name, context.signal)) {
          const { why: _, ...known } = step;
          ready.push({ step: { ...known, action: 'move' }, digest, target });
        } else conflicts.push(`${repository}:${step.tag} is at ${step.before}: ${step.why}.`);
      }
    }
  }
  if (conflicts.length > 0) throw new PublisherError('denied', `${conflicts.join(' ')} No tag was moved.`);
  return ready;
}
