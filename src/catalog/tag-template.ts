/** What a tag template may hold in braces. */
export const TAG_FIELDS = [
  'base_version',
  'variant',
  'revision',
  'sha',
  'inputs',
  'runtime',
  'branch',
  'pr',
  'date',
  'time',
  'release',
  'major',
  'minor',
  'patch',
] as const;
export type TagField = (typeof TAG_FIELDS)[number];

/** OCI distribution specification, "Pulling manifests": `[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}`; `+` becomes `_`. */
const LITERAL = /^[A-Za-z0-9_.+-]*$/;
const LONGEST_TEMPLATE = 512;

/** A template in pieces: literal text and fields, in order. */
export type TemplatePart = { literal: string } | { field: TagField };

export type ParsedTemplate = { valid: true; parts: TemplatePart[] } | { valid: false; message: string };

/** Takes a template apart, e.g. `r{sha}-{variant}`. What it may become is known only when its fields are. */
export function parseTemplate(template: string): ParsedTemplate {
  if (template === '') return invalid('a tag must not be empty');
  if (template.length > LONGEST_TEMPLATE) return invalid(`a tag template has at most ${LONGEST_TEMPLATE} characters`);
  const parts: TemplatePart[] = [];
  for (const [piece] of template.matchAll(/\{[^{}]*\}|[^{}]+|[{}]/g)) {
    if (piece === '{' || piece === '}') return invalid(`"${piece}" has no counterpart: fields are written {variant}`);
    if (piece.startsWith('{')) {
      const name = piece.slice(1, -1);
      const field = TAG_FIELDS.find((known) => known === name);
      if (field === undefined) return invalid(unknownField(name));
      parts.push({ field });
    } else if (LITERAL.test(piece)) {
      parts.push({ literal: piece });
    } else {
      return invalid('a tag holds only letters, digits, "_", "." and "-"');
    }
  }
  const [first] = parts;
  if (first !== undefined && 'literal' in first && /^[.-]/.test(first.literal)) {
    return invalid('a tag must start with a letter, a digit or "_"');
  }
  return { valid: true, parts };
}

/** Whether slim and fat get tags of their own. */
export function tellsVariantsApart(parts: TemplatePart[]): boolean {
  return parts.some((part) => 'field' in part && (part.field === 'variant' || part.field === 'inputs'));
}

function unknownField(name: string): string {
  const known = TAG_FIELDS.map((field) => `{${field}}`).join(', ');
  return `unknown field {${name.slice(0, 40)}}; there are ${known}`;
}

function invalid(message: string): ParsedTemplate {
  return { valid: false, message };
}
