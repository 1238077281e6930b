import { parseTemplate, type TagField, type TemplatePart } from '../catalog/tag-template.ts';
import type { Settings, TagTemplate } from '../catalog/types.ts';

/** Values of the fields; what is absent, null or empty does not exist, and templates that name it do not apply. */
export type TagFields = Partial<Record<TagField, string | null>>;

export interface RenderedTag {
  tag: string;
  immutable: boolean;
  /** As written in the catalog. */
  template: string;
}

export interface RenderedTags {
  tags: RenderedTag[];
  /** One sentence for each template that gives no usable tag. */
  problems: string[];
}

/** What registries' prefixes may hold in braces. */
export interface NamespaceFields {
  /** Account of the catalog's repository; null when unknown: `{owner}` then stays as it is. */
  owner: string | null;
  /** `{namespace_suffix}`, e.g. `0feat` on the branch `feat/add-login`; empty on the default branch. */
  namespaceSuffix?: string;
}

export interface RenderOptions {
  /** Runtime to put before `{variant}`, in templates that do not name `{runtime}` themselves. */
  qualifier?: string | null;
}

/** OCI distribution specification, "Pulling manifests". */
const TAG = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/;
const LONGEST_TAG = 128;

/** Written with every publication unless `inputs_tag: false`. */
const INPUTS_TEMPLATE: TagTemplate = { template: 'i{inputs}-{variant}', immutable: true };

/** The catalog's templates, with the immutable one of the inputs key unless it is switched off. */
export function templatesOf(settings: Pick<Settings, 'tags' | 'inputsTag'>): TagTemplate[] {
  return settings.inputsTag ? [...settings.tags, INPUTS_TEMPLATE] : settings.tags;
}

/**
 * The tags of one target, in the order of the templates, each once. A template applies when all its fields exist; `+` becomes
 * `_`, and what a branch name may hold but a tag may not becomes `-`.
 */
export function renderTags(
  templates: readonly TagTemplate[],
  fields: TagFields,
  { qualifier = null }: RenderOptions = {},
): RenderedTags {
  const tags = new Map<string, RenderedTag>();
  const problems: string[] = [];
  for (const { template, immutable } of templates) {
    const parsed = parseTemplate(template);
    if (!parsed.valid) {
      problems.push(`Tag "${template}": ${parsed.message}.`);
      continue;
    }
    const tag = render(qualify(parsed.parts, qualifier), fields);
    if (tag === null) continue;
    if (TAG.test(tag)) {
      tags.set(tag, { tag, template, immutable: immutable || tags.get(tag)?.immutable === true });
    } else {
      problems.push(`Tag "${template}": ${whyNot(tag)}.`);
    }
  }
  return { tags: [...tags.values()], problems };
}

/**
 * `{base_version}`: the tag of the base as written. For a base without one: what the catalog says, else the base's version
 * label, else `latest` when there is no digest either, else null.
 */
export function baseVersion(reference: string, explicit: string | null, label: string | null): string | null {
  const [name = '', digest] = reference.split('@', 2);
  const colon = name.lastIndexOf(':');
  if (colon > name.lastIndexOf('/') && colon < name.length - 1) return name.slice(colon + 1);
  const said = [explicit, label].find((version) => version !== null && version !== '');
  return said ?? (digest === undefined ? 'latest' : null);
}

/** `<prefix>/hf-<short>`, lower-cased as repositories must be, without the tag. */
export function repositoryFor(prefix: string, short: string, fields: NamespaceFields): string {
  return `${expandPrefix(prefix, fields)}/hf-${short}`.toLowerCase();
}

/** The repository of an alias: as that of a short name, whether or not the alias already carries `hf-`. */
export function aliasRepositoryFor(prefix: string, alias: string, fields: NamespaceFields): string {
  return repositoryFor(prefix, alias.replace(/^hf-/, ''), fields);
}

/** Whether a prefix depends on the account, which somebody has to know before anything is pushed there. */
export function namesOwner(prefix: string): boolean {
  return prefix.includes('{owner}');
}

function qualify(parts: TemplatePart[], qualifier: string | null): TemplatePart[] {
  if (qualifier === null || parts.some((part) => 'field' in part && part.field === 'runtime')) return parts;
  const at = parts.findIndex((part) => 'field' in part && part.field === 'variant');
  if (at < 0) return [...parts, { literal: `-${qualifier}` }];
  const before = parts[at - 1];
  const dashed = before !== undefined && 'literal' in before && before.literal.endsWith('-');
  // After a dash, `x-{variant}` becomes `x-<runtime>-{variant}`: the same as putting `<runtime>-` right before the field.
  const separated = before === undefined || dashed;
  return [...parts.slice(0, at), { literal: separated ? `${qualifier}-` : `-${qualifier}-` }, ...parts.slice(at)];
}

function render(parts: TemplatePart[], fields: TagFields): string | null {
  let tag = '';
  for (const part of parts) {
    const text = 'literal' in part ? part.literal : fieldValue(part.field, fields);
    if (text === null) return null;
    tag += text;
  }
  return tag.replaceAll('+', '_');
}

function fieldValue(field: TagField, fields: TagFields): string | null {
  const value = fields[field];
  if (value === undefined || value === null || value === '') return null;
  return field === 'branch' ? value.replace(/[^A-Za-z0-9._+-]/g, '-') : value;
}

function whyNot(tag: string): string {
  if (tag.length > LONGEST_TAG) return `the result has ${tag.length} characters, a tag at most ${LONGEST_TAG}`;
  return `the result ${JSON.stringify(tag)} is not a tag ([A-Za-z0-9_][A-Za-z0-9._-]*)`;
}

/** A registry's prefix with its braces filled in, without a slash at the end. */
export function expandPrefix(prefix: string, { owner, namespaceSuffix = '' }: NamespaceFields): string {
  return prefix
    .replace(/\/+$/, '')
    .replaceAll('{owner}', () => owner ?? '{owner}')
    .replaceAll('{namespace_suffix}', () => namespaceSuffix);
}
