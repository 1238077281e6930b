import { parseTemplate, type TemplatePart } from '../../catalog/tag-template.ts';
import type { TagTemplate } from '../../catalog/types.ts';

/** A tag that a template with `{date}` or `{time}` made. */
export interface DatedTag {
  tag: string;
  template: string;
  /** What the tag says of its target, apart from when: runtime and variant. */
  target: string;
  /** Sorts as the moments do. */
  moment: string;
}

/** `timeFields` writes them; all other fields hold what a tag may. */
const PATTERNS: Partial<Record<string, string>> = {
  date: '\\d{4}\\.\\d{2}\\.\\d{2}',
  time: '\\d{4}',
  variant: 'slim|fat',
  sha: '[0-9a-f]{7}',
  revision: '[0-9a-f]{40}',
  inputs: '[0-9a-f]{12}',
  pr: '\\d+',
};
const ANY = '[A-Za-z0-9_.-]+?';
const RUNTIME = '(?:[A-Za-z0-9_.]+-)*?';

/**
 * The tags among `tags` that name a moment, by the catalog's moving templates. Immutable ones are for ever, and no business of ours.
 * Where a further runtime's tags carry its name before `{variant}`, it is part of the target.
 */
export function datedTags(tags: Iterable<string>, templates: readonly TagTemplate[]): DatedTag[] {
  const patterns = templates.flatMap(({ template, immutable }) => {
    const parsed = parseTemplate(template);
    const dated = parsed.valid && parsed.parts.some((part) => 'field' in part && isMoment(part.field));
    return immutable || !dated ? [] : [{ template, pattern: patternOf(parsed.parts) }];
  });
  return [...tags].flatMap((tag) => {
    for (const { template, pattern } of patterns) {
      const groups = pattern.exec(tag)?.groups;
      if (groups === undefined) continue;
      const { date = '', time = '', variant = '', runtime = '', qualifier = '' } = groups;
      return [{ tag, template, target: JSON.stringify([qualifier, runtime, variant]), moment: `${date} ${time}` }];
    }
    return [];
  });
}

/** Those to remove so that of each template and target the newest `keep` stay. */
export function supersededTags(dated: readonly DatedTag[], keep: number): DatedTag[] {
  const groups = new Map<string, DatedTag[]>();
  for (const tag of dated) {
    const key = `${tag.template} ${tag.target}`;
    groups.set(key, [...(groups.get(key) ?? []), tag]);
  }
  const newestFirst = (a: DatedTag, b: DatedTag) => (a.moment < b.moment ? 1 : a.moment > b.moment ? -1 : 0);
  return [...groups.values()].flatMap((group) => {
    const moments = [...new Set(group.sort(newestFirst).map(({ moment }) => moment))].slice(0, keep);
    return group.filter(({ moment }) => !moments.includes(moment));
  });
}

const isMoment = (field: string): boolean => field === 'date' || field === 'time';

function patternOf(parts: readonly TemplatePart[]): RegExp {
  const named = new Set<string>();
  const source = parts.map((part) => {
    if ('literal' in part) return RegExp.escape(part.literal.replaceAll('+', '_'));
    const pattern = PATTERNS[part.field] ?? ANY;
    if (named.has(part.field)) return `(?:${pattern})`;
    named.add(part.field);
    const group = `(?<${part.field}>${pattern})`;
    return part.field === 'variant' ? `(?<qualifier>${RUNTIME})${group}` : group;
  });
  return new RegExp(`^${source.join('')}$`);
}
