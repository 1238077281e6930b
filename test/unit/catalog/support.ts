import { BUILTIN_RUNTIMES } from '../../../src/catalog/builtin-runtimes.ts';
import { type ParseOptions, parseCatalog } from '../../../src/catalog/parse.ts';
import type { Catalog, Problem, Runtime } from '../../../src/catalog/types.ts';

/** The catalog of a text that must be valid. */
export function validCatalog(text: string): Catalog {
  const result = parseCatalog(text);
  if (!result.valid) throw new Error(`not valid:\n${result.problems.map(formatProblem).join('\n')}`);
  return result.catalog;
}

/** The runtimes that the text declares, `default` included. */
export function declaredIn({ runtimes }: Catalog): Runtime[] {
  return runtimes.filter(({ name }) => !Object.hasOwn(BUILTIN_RUNTIMES, name));
}

/** Problems as `line:column path: message`. */
export function problemsOf(text: string, options?: ParseOptions): string[] {
  const result = parseCatalog(text, options);
  return result.valid ? [] : result.problems.map(formatProblem);
}

export function warningsOf(text: string, options?: ParseOptions): string[] {
  const result = parseCatalog(text, options);
  if (!result.valid) throw new Error(`not valid:\n${result.problems.map(formatProblem).join('\n')}`);
  return result.warnings.map(formatProblem);
}

/** A catalog of one model with further keys, in flow style. */
export function withModel(keys: string): string {
  return `models: [{id: a/b, short: x, ${keys}}]\n`;
}

export function withDefaults(keys: string): string {
  return `defaults: {${keys}}\nmodels: [{id: a/b, short: x}]\n`;
}

function formatProblem({ line, column, path, message }: Problem): string {
  return `${line}:${column} ${path}: ${message}`;
}
