import type { PublishTarget } from '../registry/types.ts';
import { originAt } from './ours.ts';
import type { Place, TagStep } from './types.ts';

/**
 * Immutable tags that name an image of other inputs already: found when planning, so that nothing is built for a publication that cannot
 * be. The tag of the inputs key itself is never among them.
 *
 * @param inputs the inputs key of what would be published
 * @param open as `PublishContext.open`
 * @throws PublisherError with the registry codes
 */
export async function immutableConflicts(
  places: readonly Place[],
  inputs: string,
  open: (repository: string) => Pick<PublishTarget, 'head' | 'manifest' | 'blob'>,
  signal: AbortSignal,
): Promise<Extract<TagStep, { action: 'conflict' }>[]> {
  const conflicts: Extract<TagStep, { action: 'conflict' }>[] = [];
  for (const { repository, tags } of places) {
    for (const { tag, immutable, template } of tags) {
      if (!immutable || template.includes('{inputs}')) continue;
      const target = open(repository);
      const before = (await target.head(tag, { signal }))?.digest ?? null;
      if (before === null || (await originAt(target, before, signal))?.inputs === inputs) continue;
      const why = 'it is immutable and names another image';
      conflicts.push({ repository, tag, immutable, action: 'conflict', before, why });
    }
  }
  return conflicts;
}

/** One sentence a conflict. */
export const conflictSentence = ({ repository, tag, before, why }: Extract<TagStep, { action: 'conflict' }>): string =>
  `${repository}:${tag} is at ${before}: ${why}.`;
