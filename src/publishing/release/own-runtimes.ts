import { PublisherError } from '../../errors.ts';
import { readOwnership } from '../../publish/ownership.ts';
import type { PublishTarget } from '../../registry/types.ts';
import type { Database } from '../../store/database.ts';
import { claimRepository, holderOf } from '../../store/repositories.ts';

/**
 * Claims the repositories in which a release names runtimes: the first catalog has them. Images that lie there already speak against nobody,
 * they are built by recipe for whoever needs them; the tags of others are told apart when they are read.
 *
 * @throws PublisherError `denied` naming each that is another catalog's, and then none is claimed; as `readOwnership`
 */
export async function claimRuntimes(
  repositories: readonly string[],
  catalog: string,
  { db, open, signal }: { db: Database; open: (repository: string) => PublishTarget; signal: AbortSignal },
): Promise<void> {
  const others: string[] = [];
  for (const repository of repositories) {
    const holder = await holderOf(db, repository);
    const isOther =
      holder === null
        ? (await readOwnership(open(repository), catalog, signal)).state === 'other'
        : holder.catalog !== catalog;
    if (isOther) others.push(repository);
  }
  if (others.length > 0) throw taken(others);
  for (const repository of repositories) {
    if ((await claimRepository(db, repository, catalog)).catalog !== catalog) throw taken([repository]);
  }
}

function taken(repositories: readonly string[]): PublisherError {
  const which = repositories.join(', ');
  return new PublisherError(
    'denied',
    `Another catalog names its runtimes in ${which}: give this one another \`project\` in its defaults. No tag was moved.`,
  );
}
