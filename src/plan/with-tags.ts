import type { Model, Settings } from '../catalog/types.ts';
import { revisionFields } from '../publish/tag-fields.ts';
import { renderTargets } from '../publish/target-tags.ts';
import type { UntaggedTarget } from './target.ts';
import type { PlannedTarget } from './types.ts';

/** Gives all targets of one model their tags. A target left without any fails, before a byte moves. */
export function withTags(targets: UntaggedTarget[], model: Model, settings: Settings): PlannedTarget[] {
  const building = targets.filter(({ action }) => action === 'build');
  const rendered = renderTargets(
    settings.tags,
    building.map(({ runtime, variant, revision, version }) => ({
      runtime,
      variant,
      first: model.runtimes[0] === runtime,
      fields: {
        variant,
        runtime,
        base_version: version,
        ...(revision === null ? {} : revisionFields(revision)),
      },
    })),
  );
  return targets.map(({ version, ...target }) => {
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
