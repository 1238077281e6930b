import type { SpdxCheck } from './checks.ts';
import { crossChecks } from './cross-checks.ts';
import { resolveCatalog } from './resolve.ts';
import { catalogSchema } from './schema.ts';
import { schemaProblems } from './schema-problems.ts';
import { readSource, unreadable } from './text.ts';
import { isNull, locate, toPlain } from './tree.ts';
import type { Catalog, CatalogResult, Problem } from './types.ts';
import { parseYaml } from './yaml.ts';

export { MAX_CATALOG_BYTES } from './text.ts';

export interface ParseOptions {
  /** Says what is wrong with an SPDX expression, else null. `override_spdx` must pass. */
  validSpdxExpression?: SpdxCheck;
  /** The same for a licence of the whitelist. Default: the former. */
  validWhitelistEntry?: SpdxCheck;
  /** Says what somebody who whitelists a licence should know, else null. */
  whitelistWarning?: SpdxCheck;
}

/** Problems beyond these are counted, not listed. */
const MAX_PROBLEMS = 100;

/**
 * Reads `models.yaml` (YAML 1.2, UTF-8, at most 1 MiB) and applies every default. Never throws: what is wrong, all of it at once
 * and in the order of the text, is in `problems`.
 */
export function parseCatalog(text: string, options: ParseOptions = {}): CatalogResult {
  const { validSpdxExpression = () => null, validWhitelistEntry = validSpdxExpression } = options;
  const source = readSource(text);
  const fatal = unreadable(text, source);
  if (fatal !== null) return invalid([fatal]);
  const yaml = parseYaml(source);
  if (yaml.tree === null) return invalid(yaml.problems);
  const { tree } = yaml;
  if (yaml.problems.length === 0 && isNull(tree)) {
    return invalid([source.problem(0, '', 'the catalog is empty; it needs a list `models`')]);
  }
  const parsed = catalogSchema.safeParse(toPlain(tree));
  const crossed = crossChecks(tree, source, {
    expression: validSpdxExpression,
    whitelistEntry: validWhitelistEntry,
    whitelistWarning: options.whitelistWarning ?? (() => null),
  });
  const found = parsed.success ? [] : schemaProblems(parsed.error.issues, tree, source);
  const problems = [...yaml.problems, ...found, ...crossed.problems];
  if (!parsed.success || problems.length > 0) return invalid(problems);
  const catalog = resolveCatalog(parsed.data, (index) => source.position(locate(tree, ['models', index]).tree.start));
  return {
    valid: true,
    catalog,
    warnings: inOrder([...yaml.warnings, ...crossed.warnings, ...unpublished(catalog)]),
  };
}

function unpublished({ models }: Catalog): Problem[] {
  return models.flatMap(({ publish, position }, index) =>
    publish.length > 0 ? [] : [{ ...position, path: `models[${index}]`, message: 'this model is published nowhere' }],
  );
}

function invalid(problems: Problem[]): CatalogResult {
  return { valid: false, problems: capped(inOrder(problems)) };
}

/** By position, each once: an alias brings the same mistake to several paths. */
function inOrder(problems: Problem[]): Problem[] {
  const distinct = new Map<string, Problem>();
  for (const problem of problems) {
    const key = `${problem.line}:${problem.column}:${problem.message}`;
    if (!distinct.has(key)) distinct.set(key, problem);
  }
  return [...distinct.values()].sort((a, b) => a.line - b.line || a.column - b.column);
}

function capped(problems: Problem[]): Problem[] {
  const next = problems[MAX_PROBLEMS];
  if (next === undefined) return problems;
  const more = { ...next, path: '', message: `… and ${problems.length - MAX_PROBLEMS} more` };
  return [...problems.slice(0, MAX_PROBLEMS), more];
}
