import type { Model, Settings, TagTemplate } from '../catalog/types.ts';
import type { PlannedTarget } from '../plan/types.ts';
import { inputsFields, revisionFields } from './tag-fields.ts';
import { mostSpecificFirst } from './tag-order.ts';
import { type RenderedTag, type RenderedTags, type TagFields, templatesOf } from './tags.ts';
import { renderTargets } from './target-tags.ts';

/** What tags need of a target. */
export type TaggedTarget = Pick<PlannedTarget, 'runtime' | 'variant' | 'revision' | 'inputs' | 'version'>;

export interface PublicationTagsOptions {
  /** All of the model's targets that are built, whichever are published now: which tags collide must not depend on it. */
  targets: readonly TaggedTarget[];
  model: Pick<Model, 'runtimes'>;
  settings: Pick<Settings, 'tags' | 'inputsTag'>;
  /** What is known beyond the targets: of the catalog's commit, the branch, a release. */
  fields?: TagFields;
}

/** Tags that mean something else in a repository: pull requests' previews, the owner's marker, what lies beside a digest. */
const RESERVED = /^(?:pr-\d+(?:-|$)|publisher-owner$|sha256-[0-9a-f]{6})/;

/** Of the tags that never move, which only their own template gives: no other may take one over. */
const OF_INPUTS = /^i[0-9a-f]{12}(?:-|$)/;

/** Whether a tag is none that a template gave. */
export const isReserved = (tag: string): boolean => RESERVED.test(tag);

/** The tags a publication gives each target, in the targets' order, the most specific first, with the immutable one of the inputs key. */
export function publicationTags({ targets, model, settings, fields = {} }: PublicationTagsOptions): RenderedTags[] {
  return renderFor(templatesOf(settings), targets, model, fields).map(specificFirst);
}

/** Tags of further templates, e.g. of a command line, over the targets that are published alone. */
export function furtherTags(
  templates: readonly string[],
  { targets, model, fields = {} }: Omit<PublicationTagsOptions, 'settings'>,
): RenderedTags[] {
  const moving = templates.map((template) => ({ template, immutable: false }));
  return renderFor(moving, targets, model, fields).map(specificFirst);
}

/** The one tag of each target before its pull request is merged, whatever the catalog's templates say. In the targets' order. */
export function previewTags(targets: readonly TaggedTarget[], pr: number): string[] {
  const [first] = targets;
  if (first === undefined) return [];
  const template = { template: 'pr-{pr}-{variant}', immutable: false };
  return renderFor([template], targets, { runtimes: [first.runtime] }, { pr: String(pr) }).flatMap(({ tags }) =>
    tags.map(({ tag }) => tag),
  );
}

/** The fields of one target, as far as a plan knows them. */
export function targetFields({ runtime, variant, revision, inputs, version = null }: TaggedTarget): TagFields {
  return {
    variant,
    runtime,
    base_version: version,
    ...(revision === null ? {} : revisionFields(revision)),
    ...(inputs === null ? {} : inputsFields(inputs)),
  };
}

function renderFor(
  templates: readonly TagTemplate[],
  targets: readonly TaggedTarget[],
  model: Pick<Model, 'runtimes'>,
  fields: TagFields,
): RenderedTags[] {
  return renderTargets(
    templates,
    targets.map((target) => ({
      runtime: target.runtime,
      variant: target.variant,
      first: model.runtimes[0] === target.runtime,
      fields: { ...fields, ...targetFields(target) },
    })),
  );
}

const specificFirst = (rendered: RenderedTags): RenderedTags => {
  const { tags, problems } = withoutReserved(rendered);
  return { tags: tags.sort(mostSpecificFirst), problems };
};

/** Leaves out the names that stand for something else, each with a problem. */
export function withoutReserved({ tags, problems }: RenderedTags): RenderedTags {
  const isTaken = ({ tag, template }: RenderedTag) =>
    RESERVED.test(tag) || (OF_INPUTS.test(tag) && !template.includes('{inputs}'));
  return {
    tags: tags.filter((rendered) => !isTaken(rendered)),
    problems: [
      ...problems,
      ...tags
        .filter(isTaken)
        .map(({ tag, template }) => `Tag "${template}": ${tag} is a name that stands for something else here.`),
    ],
  };
}
