import type { Model, Settings } from '../catalog/types.ts';
import { targetFields } from '../publish/publication-tags.ts';
import type { TagFields } from '../publish/tags.ts';
import { renderTargets } from '../publish/target-tags.ts';
import type { UntaggedTarget } from './target.ts';
import type { PlannedTarget } from './types.ts';

/**
 * Gives all targets of one model their tags, as far as a plan can tell: the one of the inputs key is a publication's. A target left without
 * any fails, before a byte moves.
 *
 * @param fields of the catalog's commit and branch, where they are known
 */
export function withTags(
  targets: UntaggedTarget[],
  model: Model,
  settings: Settings,
  fields: TagFields = {},
): PlannedTarget[] {
  const building = targets.filter(({ action }) => action === 'build');
  const rendered = renderTargets(
    settings.tags,
    building.map((target) => ({
      runtime: target.runtime,
      variant: target.variant,
      first: model.runtimes[0] === target.runtime,
      fields: { ...fields, ...targetFields({ ...target, inputs: null }) },
    })),
  );
  return targets.map((target) => {
    const { version } = target;
    const result =
      rendered[building.findIndex((other) => other.runtime === target.runtime && other.variant === target.variant)];
    if (target.action !== 'build' || result === undefined) return target;
    const warnings =
      version === null
        ? [`Nobody says which version ${target.base.reference} is: set \`base_version\` for tags that use it.`]
        : [];
    const tags = result.tags.map(({ tag }) => tag);
    if (result.problems.length > 0 || tags.length === 0) {
      const why =
        result.problems.length > 0 ? result.problems : ['No tag template applies: the image would have no tag.'];
      return {
        ...target,
        action: 'fail',
        request: null,
        awaits: null,
        inputs: null,
        warnings: [...why, ...warnings, ...target.warnings],
      };
    }
    return { ...target, tags, warnings: [...warnings, ...target.warnings] };
  });
}
