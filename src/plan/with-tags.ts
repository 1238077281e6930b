import type { Model, Settings } from '../catalog/types.ts';
import { targetFields, withoutReserved } from '../publish/publication-tags.ts';
import type { TagFields } from '../publish/tags.ts';
import { renderTargets } from '../publish/target-tags.ts';
import type { UntaggedTarget } from './target.ts';
import type { PlannedTarget } from './types.ts';

/**
 * Gives all targets of one model their tags, as far as a plan can tell: the one of the inputs key is a publication's. A target left without
 * any fails, before a byte moves.
 *
 * @param fields of the catalog's commit and branch, where they are known
 * @param later stands for what is known only when it is published: a tag that waits for it is one, too
 */
export function withTags(
  targets: UntaggedTarget[],
  model: Model,
  settings: Settings,
  fields: TagFields = {},
  later: TagFields = {},
): PlannedTarget[] {
  const building = targets.filter(({ action }) => action === 'build');
  const render = (known: TagFields) =>
    renderTargets(
      settings.tags,
      building.map((target) => ({
        runtime: target.runtime,
        variant: target.variant,
        first: model.runtimes[0] === target.runtime,
        fields: { ...known, ...targetFields({ ...target, inputs: null }) },
      })),
    ).map(withoutReserved);
  const rendered = render(fields);
  const then = render({ ...later, ...fields });
  return targets.map((target) => {
    const { version } = target;
    const at = building.findIndex((other) => other.runtime === target.runtime && other.variant === target.variant);
    const result = rendered[at];
    if (target.action !== 'build' || result === undefined) return target;
    const warnings =
      version === null
        ? [`Nobody says which version ${target.base.reference} is: set \`base_version\` for tags that use it.`]
        : [];
    const tags = result.tags.map(({ tag }) => tag);
    const problems = then[at]?.problems ?? [];
    if (problems.length > 0 || then[at]?.tags.length === 0) {
      const why = problems.length > 0 ? problems : ['No tag template applies: the image would have no tag.'];
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
