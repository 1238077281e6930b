import { suggest } from './suggest.ts';
import { entries, items, type Path, show, type Tree, textOf } from './tree.ts';

/** An error message for text that is not what SPDX allows there, else null. */
export type SpdxCheck = (text: string) => string | null;

export interface SpdxChecks {
  expression: SpdxCheck;
  whitelistEntry: SpdxCheck;
  /** What somebody should know about a valid entry. */
  whitelistWarning: SpdxCheck;
}

/** What the checks over several places share: the names that exist, and where findings go. */
export interface Checks {
  registries: ReadonlySet<string>;
  runtimes: ReadonlySet<string>;
  spdx: SpdxChecks;
  lineOf(tree: Tree): number;
  report(at: number, path: Path, message: string): void;
  warn(at: number, path: Path, message: string): void;
}

/** Every name of a `publish` map must be a registry. */
export function checkPublish(publish: Tree | null, path: Path, checks: Checks): void {
  for (const [name, { keyStart }] of entries(publish)) checkRegistry(name, keyStart, [...path, name], checks);
}

export function checkRegistry(name: string | null, at: number, path: Path, { registries, report }: Checks): void {
  if (name === null || registries.has(name)) return;
  report(at, path, unknownName('registry', name, registries, '`defaults.registries`'));
}

export function checkRuntime(name: string | null, at: number, path: Path, { runtimes, report }: Checks): void {
  if (name === null || runtimes.has(name)) return;
  report(at, path, unknownName('runtime', name, runtimes, '`runtimes`'));
}

/** No text twice in a list. */
export function checkDistinct(list: Tree | null, path: Path, { lineOf, report }: Checks): void {
  const seen = new Map<string, Tree>();
  items(list).forEach((item, index) => {
    const text = textOf(item);
    if (text === null) return;
    const earlier = seen.get(text);
    if (earlier === undefined) seen.set(text, item);
    else report(item.start, [...path, index], `${show(text)} is listed twice, first on line ${lineOf(earlier)}`);
  });
}

/** What a check says about a value; null for what the schema refuses anyway. */
export function spdxProblem(tree: Tree | null, check: SpdxCheck): string | null {
  const text = textOf(tree);
  return text === null || text.trim() === '' ? null : check(text);
}

const MOST_COMPARED = 50;
const MOST_LISTED = 10;

function unknownName(what: string, name: string, known: ReadonlySet<string>, where: string): string {
  const candidates = firstOf(known, MOST_COMPARED);
  const meant = suggest(name, candidates);
  if (meant !== null) return `unknown ${what} ${show(name)}; did you mean ${meant}?`;
  return `unknown ${what} ${show(name)}; add it to ${where}, or use one of: ${candidates.slice(0, MOST_LISTED).join(', ')}`;
}

function firstOf(names: ReadonlySet<string>, count: number): string[] {
  const first: string[] = [];
  for (const name of names) {
    if (first.length === count) break;
    first.push(name);
  }
  return first;
}
