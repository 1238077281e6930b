import { PublicationFailed } from '../../publish/publication-failed.ts';
import type { Place, TagMove } from '../../publish/types.ts';
import type { Digest, PublishTarget } from '../../registry/types.ts';

/** How the tags are when a publication has failed: exactly, or not known. */
export interface StateAfterFailure {
  /** Tags that moved before it failed. */
  moved: TagMove[];
  /** What every tag names now; null where it is not there. */
  tags: { repository: string; tag: string; digest: Digest | null }[];
  /** Repositories that do not tell. */
  unread: string[];
}

/** Reads every tag once more; a registry that does not answer is told as such. */
export async function stateAfter(
  error: unknown,
  places: readonly Place[],
  open: (repository: string) => PublishTarget,
  signal: AbortSignal,
): Promise<StateAfterFailure> {
  const state: StateAfterFailure = {
    moved: error instanceof PublicationFailed ? error.state.moves : [],
    tags: [],
    unread: [],
  };
  const repositories = [...new Set(places.map(({ repository }) => repository))];
  for (const repository of repositories) {
    const tags = new Set(
      places.filter((place) => place.repository === repository).flatMap((place) => place.tags.map(({ tag }) => tag)),
    );
    try {
      const read: StateAfterFailure['tags'] = [];
      for (const tag of tags) {
        read.push({ repository, tag, digest: (await open(repository).head(tag, { signal }))?.digest ?? null });
      }
      state.tags.push(...read);
    } catch {
      state.unread.push(repository);
    }
  }
  return state;
}

/** For people. */
export function stateLines({ moved, tags, unread }: StateAfterFailure): string[] {
  return [
    ...(moved.length === 0
      ? ['no tag was moved']
      : moved.map(({ repository, tag, after }) => `moved: ${repository}:${tag} to ${after}`)),
    ...tags.map(
      ({ repository, tag, digest }) =>
        `now: ${repository}:${tag} ${digest === null ? 'is not there' : `is at ${digest}`}`,
    ),
    ...unread.map((repository) => `not known: the tags of ${repository}`),
  ];
}
