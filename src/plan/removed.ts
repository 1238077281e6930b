import type { Catalog } from '../catalog/types.ts';
import { VARIANTS } from './target.ts';
import type { PlannedTarget } from './types.ts';

/** Targets of a model that the catalog no longer has: named so that nobody is surprised that their tags stay. */
export function removedTargets(short: string, base: Catalog | null): PlannedTarget[] {
  const model = base?.models.find((candidate) => candidate.short === short);
  if (model === undefined || base === null) return [];
  return model.runtimes.flatMap((name) => {
    const runtime = base.runtimes.find((candidate) => candidate.name === name);
    if (runtime === undefined) return [];
    return VARIANTS.map(
      (variant): PlannedTarget => ({
        model: { id: model.id, short },
        runtime: name,
        engine: runtime.engine,
        variant,
        platforms: runtime.platforms,
        action: 'remove',
        reasons: [],
        warnings: ['Removed from the catalog: existing tags stay.'],
        revision: null,
        license: { declared: null, spdx: null, class: null },
        gated: null,
        bytes: null,
        inputs: null,
        base: { reference: runtime.image ?? '', digest: null },
        files: [],
        reshard: [],
        repository: null,
        repositories: [],
        tags: [],
        request: null,
        awaits: null,
      }),
    );
  });
}
