import type { z } from 'zod';
import { keysAt } from './schema-keys.ts';
import { suggest } from './suggest.ts';
import type { Source } from './text.ts';
import { clip, formatPath, isNull, locate, type Path, show, type Tree } from './tree.ts';
import type { Problem } from './types.ts';

type Issue = z.core.$ZodIssue;

/** What the schema finds wrong, as problems of the text: on the key where a key is wrong, else on the value. */
export function schemaProblems(issues: readonly Issue[], root: Tree, source: Source): Problem[] {
  return issues.flatMap((issue) => problemsOf(issue, issue.path, root, source));
}

function problemsOf(issue: Issue, path: Path, root: Tree, source: Source): Problem[] {
  const { tree, keyStart, exists } = locate(root, path);
  if (!exists) return [source.problem(tree.start, formatPath(path), missing(path))];
  if (issue.code === 'unrecognized_keys') {
    const known = keysAt(path);
    return issue.keys.map((key) => {
      const at = locate(root, [...path, key]).keyStart ?? tree.start;
      return source.problem(at, formatPath([...path, key]), unknownKey(key, path, known));
    });
  }
  if (issue.code === 'invalid_key') {
    const why = issue.issues[0]?.message ?? 'is not a name';
    return [source.problem(keyStart ?? tree.start, formatPath(path), `${show(String(path.at(-1)))} ${why}`)];
  }
  if (issue.code === 'invalid_union') {
    const branch = issue.errors.find((errors) => !errors.some(isWrongKind));
    if (branch !== undefined) {
      return branch.flatMap((inner) => problemsOf(inner, [...path, ...inner.path], root, source));
    }
    const kinds = issue.errors.flatMap((errors) => errors.filter(isWrongKind).map(expectedKind));
    return [source.problem(tree.start, formatPath(path), `must be ${[...new Set(kinds)].join(' or ')}`)];
  }
  const subject = path.length === 0 ? 'the catalog ' : '';
  return [source.problem(tree.start, formatPath(path), `${subject}${describe(issue, tree)}`)];
}

function describe(issue: Issue, tree: Tree): string {
  if (issue.code === 'invalid_type') return wrongKind(issue.expected, tree);
  if (issue.code === 'invalid_value') return wrongChoice(issue.values.map(String), tree);
  return issue.message;
}

function missing(path: Path): string {
  if (path.length === 1) return `\`${String(path[0])}\` is missing: the catalog needs it`;
  return `\`${String(path.at(-1))}\` is missing in ${formatPath(path.slice(0, -1))}`;
}

const PLACES = [
  { key: undefined, where: 'at the top', known: keysAt([]) },
  { key: 'defaults', where: 'in `defaults`', known: keysAt(['defaults']) },
  { key: 'models', where: 'in a model', known: keysAt(['models', 0]) },
  { key: 'runtimes', where: 'in a runtime', known: keysAt(['runtimes', 'name']) },
];

function unknownKey(key: string, path: Path, known: string[]): string {
  const shown = /^[\w.-]{1,60}$/.test(key) ? key : show(key).slice(1, -1);
  const meant = suggest(key, known);
  if (meant !== null) return `unknown key \`${shown}\`; did you mean \`${meant}\`?`;
  const elsewhere = PLACES.find((place) => place.key !== path[0] && place.known.includes(key));
  if (elsewhere !== undefined) return `unknown key \`${shown}\` here; it belongs ${elsewhere.where}`;
  return `unknown key \`${shown}\`; known here: ${known.join(', ')}`;
}

function wrongKind(expected: string, tree: Tree): string {
  if (isNull(tree)) return `must not be empty: ${kindName(expected)} is needed`;
  if (tree.kind !== 'scalar') return `must be ${kindName(expected)}, not ${tree.kind === 'map' ? 'a map' : 'a list'}`;
  if (expected === 'string') return `must be text; put it in quotes: ${show(tree.source)}`;
  if (expected === 'array') return `must be a list, e.g. [${clip(tree.source)}]`;
  if (expected === 'boolean') return `must be true or false${isQuotedBoolean(tree) ? ', without quotes' : ''}`;
  return `must be ${kindName(expected)}`;
}

function wrongChoice(values: string[], tree: Tree): string {
  const choices = `must be ${values.length === 1 ? '' : 'one of '}${values.join(', ')}`;
  if (isQuotedBoolean(tree) && values.includes('true')) return `${choices}; true and false go without quotes`;
  const meant = tree.kind === 'scalar' ? suggest(tree.source, values) : null;
  return meant === null ? choices : `${choices}; did you mean ${meant}?`;
}

function isQuotedBoolean(tree: Tree): boolean {
  return tree.kind === 'scalar' && (tree.value === 'true' || tree.value === 'false');
}

function isWrongKind(issue: Issue): boolean {
  return issue.code === 'invalid_type' && issue.path.length === 0;
}

function expectedKind(issue: Issue): string {
  return issue.code === 'invalid_type' ? kindName(issue.expected) : 'another value';
}

function kindName(expected: string): string {
  const names: Readonly<Record<string, string>> = {
    string: 'text',
    number: 'a number',
    boolean: 'true or false',
    array: 'a list',
    object: 'a map of keys and values',
    record: 'a map of keys and values',
  };
  return names[expected] ?? expected;
}
