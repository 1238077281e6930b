import type { Catalog } from '../catalog/types.ts';
import type { GitHub, Repo } from '../github/types.ts';
import type { ModelPublication } from '../store/publishing.ts';
import type { RepoRef } from './types.ts';

/** The default branch of a repository as one publish job sees it. */
export interface Branch extends RepoRef {
  github: GitHub;
  name: Repo;
  /** Of the default branch. */
  branch: string;
  /** Its head, 40 hex. */
  head: string;
  /** `catalogId`. */
  catalogId: string;
}

/** A model to be published: what the catalog asks, and how far it is. */
export interface Wanted {
  short: string;
  /** `entryHash`. */
  entry: string;
  /** What was known of it; null for a model never seen. */
  known: ModelPublication | null;
}

/**
 * Models that are not published as the catalog asks. What failed is not tried again for the same commit; what waits is looked at again.
 *
 * @param entryOf the entry hash of a model
 */
export function wantedModels(
  { models }: Catalog,
  head: string,
  known: ReadonlyMap<string, ModelPublication>,
  entryOf: (model: Catalog['models'][number]) => string,
): Wanted[] {
  return models.flatMap((model) => {
    const entry = entryOf(model);
    const row = known.get(model.short) ?? null;
    const settled =
      row?.entry === entry && (row.state === 'published' || (row.state === 'failed' && row.commit === head));
    return settled ? [] : [{ short: model.short, entry, known: row }];
  });
}

/** Whether somebody changed what is asked for, or the branch moved: then what failed before is tried again. */
export const isNews = ({ known, entry }: Wanted, head: string): boolean =>
  known === null || known.entry !== entry || known.commit !== head;
