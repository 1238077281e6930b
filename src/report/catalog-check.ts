import { code, prose } from './markdown.ts';
import { plural } from './numbers.ts';
import type { Annotation, CheckReport, ReviewReport } from './types.ts';

/** The check about the catalog itself: validation with annotations on the exact lines, and what changed. */
export function catalogCheck({ catalogPath: path, catalog, diff, notes }: ReviewReport): CheckReport | null {
  const name = path;
  // While it is being read nobody knows whether it has anything to say, and a check once begun has to be concluded.
  if (catalog === null || catalog.kind === 'untouched') return null;
  const completed = { name, status: 'completed' } as const;
  if (catalog.kind === 'removed') {
    const title = 'The catalog is removed; existing tags stay';
    return { ...completed, conclusion: 'neutral', title, summary: `${title}.`, annotations: [], actions: [] };
  }
  if (catalog.kind === 'unreadable') {
    return {
      ...completed,
      conclusion: 'failure',
      title: 'Cannot be read',
      summary: prose(catalog.reason),
      annotations: [],
      actions: [],
    };
  }
  if (catalog.kind === 'invalid') {
    const title = plural(catalog.problems.length, 'problem');
    const lines = catalog.problems.map(
      ({ path: at, line, column, message }) =>
        `- line ${line}, column ${column}${at === '' ? '' : ` (${code(at)})`}: ${prose(message)}`,
    );
    return {
      ...completed,
      conclusion: 'failure',
      title,
      summary: lines.join('\n'),
      annotations: annotate(path, catalog.problems, 'failure'),
      actions: [],
    };
  }
  const changed = diff === null ? [] : describe(diff);
  return {
    ...completed,
    conclusion: 'success',
    title: changed.length === 0 ? 'Valid' : `Valid: ${changed.join(', ')}`,
    summary:
      [
        ...(diff?.added ?? []).map((short) => `- ${code(short)} added`),
        ...(diff?.changed ?? []).map(({ short, fields }) => `- ${code(short)} changed: ${fields.map(code).join(', ')}`),
        ...(diff?.removed ?? []).map((short) => `- ${code(short)} removed; existing tags stay`),
        ...notes.map((note) => `- ${prose(note)}`),
      ].join('\n') || 'Valid.',
    annotations: annotate(path, catalog.warnings, 'warning'),
    actions: [],
  };
}

function describe({ added, changed, removed }: { added: string[]; changed: unknown[]; removed: string[] }): string[] {
  const parts = [
    [added.length, 'added'],
    [changed.length, 'changed'],
    [removed.length, 'removed'],
  ] as const;
  return parts.filter(([count]) => count > 0).map(([count, what]) => `${plural(count, 'model')} ${what}`);
}

function annotate(
  path: string,
  problems: { line: number; column: number; message: string }[],
  level: Annotation['level'],
): Annotation[] {
  return problems.map(({ line, column, message }) => ({ path, line, column, level, message }));
}
