import { MAX_CATALOG_BYTES, parseCatalog } from '../catalog/parse.ts';
import type { Catalog, CatalogResult } from '../catalog/types.ts';
import type { GitHub, PullRequest, Repo } from '../github/types.ts';
import { validateExpression, validateWhitelistEntry } from '../licensing/expression.ts';
import type { CatalogState } from '../report/types.ts';
import { CATALOG_PATH } from './context.ts';

export type Catalogs =
  /** Neither commit has a catalog: this repository is none of ours. */
  | { kind: 'none' }
  | { kind: 'stopped'; state: CatalogState }
  | { kind: 'both'; base: Catalog | null; head: Catalog; warnings: CatalogState };

/**
 * The catalog at the merge base and at the head. GitHub's list of changed files is not asked: it stops at 3,000. A base that is
 * not valid counts as empty, so that the pull request that repairs it is planned whole.
 */
export async function readCatalogs(github: GitHub, repo: Repo, pull: PullRequest): Promise<Catalogs> {
  const mergeBase = await github.mergeBase(repo, pull.baseSha, pull.headSha);
  const before = await github.fileAt(repo, mergeBase, CATALOG_PATH, MAX_CATALOG_BYTES);
  const after = await github.fileAt(repo, pull.headSha, CATALOG_PATH, MAX_CATALOG_BYTES);
  if (after.kind === 'absent') {
    return before.kind === 'absent' ? { kind: 'none' } : { kind: 'stopped', state: { kind: 'removed' } };
  }
  if (after.kind === 'invalid') return { kind: 'stopped', state: { kind: 'unreadable', reason: after.reason } };
  if (before.kind === 'file' && before.text === after.text) return { kind: 'stopped', state: { kind: 'untouched' } };
  const head = parse(after.text);
  if (!head.valid) return { kind: 'stopped', state: { kind: 'invalid', problems: head.problems } };
  const base = before.kind === 'file' ? parse(before.text) : null;
  return {
    kind: 'both',
    base: base?.valid === true ? base.catalog : null,
    head: head.catalog,
    warnings: { kind: 'valid', warnings: head.warnings },
  };
}

function parse(text: string): CatalogResult {
  return parseCatalog(text, { validSpdxExpression: validateExpression, validWhitelistEntry: validateWhitelistEntry });
}
