import { diffCatalogs } from '../catalog/diff.ts';
import { mergeCatalogs } from '../catalog/merge.ts';
import { MAX_CATALOG_BYTES, parseCatalog } from '../catalog/parse.ts';
import { stricterCatalog } from '../catalog/stricter.ts';
import type { Catalog, CatalogDiff, CatalogResult, Problem } from '../catalog/types.ts';
import type { FileResult, GitHub, PullRequest, Repo } from '../github/types.ts';
import { sha256Hex } from '../image/hash.ts';
import { CATALOG_CHECKS } from '../licensing/catalog-checks.ts';
import type { CatalogState } from '../report/types.ts';
import { CATALOG_PATH } from './context.ts';

export type Catalogs =
  /** No commit and no branch has a catalog: this repository is none of ours. */
  | { kind: 'none' }
  | { kind: 'stopped'; state: CatalogState; against: string }
  | {
      kind: 'planned';
      /** As it is judged: merged, at the stricter of default branch and head. */
      catalog: Catalog;
      /** What the target branch has now; null when it has none. */
      target: Catalog | null;
      /** What the pull request changes, weakenings included. */
      diff: CatalogDiff;
      state: CatalogState;
      weakenings: string[];
      against: string;
    };

/**
 * The catalog that a pull request would make, judged by the rules that hold without it: head's changes since the merge base are applied to what
 * the target branch has now, and rules are taken at the stricter of that and the default branch. GitHub's list of changed files is
 * not asked: it stops at 3,000.
 */
export async function readCatalogs(github: GitHub, repo: Repo, pull: PullRequest): Promise<Catalogs> {
  const { read, branch, current, trusted, against } = await readJudges(github, repo, pull);
  const mergeBase = await github.mergeBase(repo, branch, pull.headSha);
  const before = mergeBase === branch ? current : await read(mergeBase);
  const after = await read(pull.headSha);
  const stop = (state: CatalogState): Catalogs => ({ kind: 'stopped', state, against });

  if (after.kind === 'absent' && before.kind === 'absent') {
    // A branch older than the repository's catalog changes nothing of it, and is still waited for by the required check.
    const none = current.kind === 'absent' && trusted.kind === 'absent';
    return none ? { kind: 'none' } : stop({ kind: 'untouched' });
  }
  if (after.kind === 'absent') return stop({ kind: 'removed' });
  if (after.kind === 'invalid') return stop({ kind: 'unreadable', reason: after.reason });
  if (before.kind === 'file' && before.text === after.text) return stop({ kind: 'untouched' });
  const head = parse(after.text);
  if (!head.valid) return stop({ kind: 'invalid', problems: head.problems });

  const target = catalogIn(current);
  const merged = mergedWith(head.catalog, before, current);
  if ('problems' in merged) return stop({ kind: 'invalid', problems: merged.problems });
  const rules = catalogIn(trusted);
  const { catalog, weakenings } = stricterCatalog(merged.catalog, rules ?? EMPTY, rules === null);
  return {
    kind: 'planned',
    catalog,
    target,
    diff: diffCatalogs(target, merged.catalog),
    state: { kind: 'valid', warnings: head.warnings },
    weakenings,
    against,
  };
}

/** What of the target and default branches a review depends on, to know whether it has to be made again. */
export async function currentAgainst(github: GitHub, repo: Repo, pull: PullRequest): Promise<string> {
  return (await readJudges(github, repo, pull)).against;
}

/** The catalogs a pull request is judged by: on the branch it goes into, and on the default branch, whose rules are trusted. */
async function readJudges(github: GitHub, repo: Repo, { baseRef }: PullRequest) {
  const read = (sha: string) => github.fileAt(repo, sha, CATALOG_PATH, MAX_CATALOG_BYTES);
  const branch = await github.branchHead(repo, baseRef);
  const current = await read(branch);
  const { defaultBranch } = await github.repository(repo);
  const trusted = defaultBranch === baseRef ? current : await read(await github.branchHead(repo, defaultBranch));
  const against = sha256Hex(JSON.stringify([textOf(current), textOf(trusted)]));
  return { read, branch, current, trusted, against };
}

/** A target branch that has not touched the catalog since takes head's as it is, even to repair one that is broken. */
function mergedWith(
  head: Catalog,
  before: FileResult,
  current: FileResult,
): { catalog: Catalog } | { problems: Problem[] } {
  if (textOf(before) === textOf(current)) return { catalog: head };
  const [base, target] = [catalogIn(before), catalogIn(current)];
  const broken = (before.kind !== 'absent' && base === null) || (current.kind !== 'absent' && target === null);
  if (broken) {
    const message =
      'the catalog changed on the target branch and cannot be merged with there: bring this branch up to date';
    return { problems: [{ path: '', line: 1, column: 1, message }] };
  }
  const result = mergeCatalogs(base ?? EMPTY, head, target ?? EMPTY);
  return result.ok ? { catalog: result.catalog } : { problems: result.problems };
}

function textOf(file: FileResult): string | null {
  return file.kind === 'file' ? file.text : file.kind === 'absent' ? null : `invalid: ${file.reason}`;
}

function catalogIn(file: FileResult): Catalog | null {
  const parsed = file.kind === 'file' ? parse(file.text) : null;
  return parsed?.valid === true ? parsed.catalog : null;
}

export function parse(text: string): CatalogResult {
  return parseCatalog(text, CATALOG_CHECKS);
}

/** The built-in settings and no model. */
const EMPTY: Catalog = builtIn();

function builtIn(): Catalog {
  const parsed = parse('models: []');
  if (!parsed.valid) throw new TypeError('the empty catalog is valid');
  return parsed.catalog;
}
