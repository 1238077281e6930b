import { DEFAULT_RUNTIME, REGISTRIES } from './builtin.ts';
import { BUILTIN_RUNTIMES } from './builtin-runtimes.ts';
import { checkDefaults } from './check-defaults.ts';
import { checkModels } from './check-models.ts';
import { checkRuntimes } from './check-runtimes.ts';
import type { Checks, SpdxChecks } from './checks.ts';
import type { Source } from './text.ts';
import { child, entries, formatPath, type Tree } from './tree.ts';
import type { Problem } from './types.ts';

/**
 * What concerns several places of a catalog: names that must exist, values that must differ. Works on the tree, so that it still
 * finds everything when the schema has found something too; values of the wrong kind are left to the schema.
 */
export function crossChecks(
  root: Tree,
  source: Source,
  spdx: SpdxChecks,
): { problems: Problem[]; warnings: Problem[] } {
  const problems: Problem[] = [];
  const warnings: Problem[] = [];
  const registries = child(child(root, 'defaults'), 'registries');
  const checks: Checks = {
    registries: new Set([...REGISTRIES.keys(), ...namesOf(registries)]),
    runtimes: new Set([DEFAULT_RUNTIME, ...namesOf(child(root, 'runtimes')), ...Object.keys(BUILTIN_RUNTIMES)]),
    spdx,
    lineOf: (tree) => source.position(tree.start).line,
    report: (at, path, message) => problems.push(source.problem(at, formatPath(path), message)),
    warn: (at, path, message) => warnings.push(source.problem(at, formatPath(path), message)),
  };
  checkDefaults(child(root, 'defaults'), checks);
  checkRuntimes(root, checks);
  checkModels(child(root, 'models'), checks);
  return { problems, warnings };
}

function namesOf(map: Tree | null): string[] {
  return entries(map).flatMap(([name]) => (child(map, name) === null ? [] : [name]));
}
