import { parseTemplate } from '../catalog/tag-template.ts';
import type { RenderedTag } from './tags.ts';

/**
 * The order in which tags move: the most specific first, so that whoever follows `latest` meets it only when every exact name of the
 * same image is there. Immutable ones lead; then what has more fields, then what is longer; `latest` and its kin come last.
 */
export function mostSpecificFirst(a: RenderedTag, b: RenderedTag): number {
  return (
    Number(b.immutable) - Number(a.immutable) ||
    Number(isLatest(a)) - Number(isLatest(b)) ||
    fieldsOf(b) - fieldsOf(a) ||
    b.tag.length - a.tag.length ||
    (a.tag < b.tag ? -1 : Number(a.tag > b.tag))
  );
}

function isLatest({ tag }: RenderedTag): boolean {
  return /^latest(?:-|$)/.test(tag);
}

function fieldsOf({ template }: RenderedTag): number {
  const parsed = parseTemplate(template);
  if (!parsed.valid) return 0;
  const fields = parsed.parts.flatMap((part) => ('field' in part ? part.field : []));
  // A release is its major, minor and patch in one.
  return fields.reduce((sum, field) => sum + (field === 'release' ? 3 : 1), 0);
}
