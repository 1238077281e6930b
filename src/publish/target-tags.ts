import type { TagTemplate, Variant } from '../catalog/types.ts';
import { type RenderedTag, type RenderedTags, renderTags, type TagFields } from './tags.ts';

/** A target as far as its tags are concerned: `first` says whether its runtime is the model's own. */
export interface TagTarget {
  runtime: string;
  variant: Variant;
  first: boolean;
  fields: TagFields;
}

/**
 * The tags of all targets of one model, in the order given. Where one tag would name two targets, all but those of the model's
 * first runtime get `-<runtime>` before `-{variant}`; so a further runtime never renames the first one's tags. What collides
 * even then is a problem of every target concerned.
 */
export function renderTargets(templates: readonly TagTemplate[], targets: readonly TagTarget[]): RenderedTags[] {
  const results = targets.map((): RenderedTags => ({ tags: [], problems: [] }));
  const add = (index: number, rendered: RenderedTags) => {
    results[index]?.tags.push(...rendered.tags);
    results[index]?.problems.push(...rendered.problems);
  };
  for (const template of templates) {
    const plain = targets.map(({ fields }) => renderTags([template], fields));
    const count = countTags(plain);
    targets.forEach((target, index) => {
      const rendered = plain[index] ?? { tags: [], problems: [] };
      const shared = rendered.tags.some(({ tag }) => (count.get(tag) ?? 0) > 1);
      const qualified = shared && !target.first;
      add(index, qualified ? renderTags([template], target.fields, { qualifier: target.runtime }) : rendered);
    });
  }
  return withoutCollisions(results.map(({ tags, problems }) => ({ tags: distinct(tags), problems })));
}

function countTags(rendered: RenderedTags[]): Map<string, number> {
  const count = new Map<string, number>();
  for (const { tags } of rendered) for (const { tag } of tags) count.set(tag, (count.get(tag) ?? 0) + 1);
  return count;
}

function distinct(tags: RenderedTag[]): RenderedTag[] {
  const byTag = new Map<string, RenderedTag>();
  for (const rendered of tags) {
    byTag.set(rendered.tag, {
      ...rendered,
      immutable: rendered.immutable || byTag.get(rendered.tag)?.immutable === true,
    });
  }
  return [...byTag.values()];
}

function withoutCollisions(results: RenderedTags[]): RenderedTags[] {
  const count = countTags(results);
  const isShared = ({ tag }: RenderedTag) => (count.get(tag) ?? 0) > 1;
  return results.map(({ tags, problems }) => ({
    tags: tags.filter((rendered) => !isShared(rendered)),
    problems: [
      ...problems,
      ...tags
        .filter(isShared)
        .map(({ tag, template }) => `Tag "${template}": ${tag} would name several targets; put {variant} in it.`),
    ],
  }));
}
