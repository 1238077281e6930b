import { PublisherError } from '../../errors.ts';
import { targetsRefusal } from '../../plan/ceilings.ts';
import type { PlannedTarget } from '../../plan/types.ts';
import { conflictSentence, immutableConflicts } from '../../publish/immutable-conflicts.ts';
import { placesOf } from '../../publish/places.ts';
import { furtherTags, publicationTags } from '../../publish/publication-tags.ts';
import { mostSpecificFirst } from '../../publish/tag-order.ts';
import type { RenderedTag } from '../../publish/tags.ts';
import type { Place } from '../../publish/types.ts';
import { parseReference } from '../../registry/reference.ts';
import type { PublishTarget } from '../../registry/types.ts';
import { gitFields, type Planning, suffixOf } from '../plan-context.ts';
import type { PublishOptions } from './options.ts';

/** A target with where it goes. */
export interface PlacedTarget {
  target: PlannedTarget;
  places: Place[];
}

/** A repository of the account's, with its logins. */
export const openPlace =
  ({ services, owner }: Planning) =>
  (repository: string): PublishTarget =>
    services.target(parseReference(repository), owner);

/**
 * Decides every tag and place of what is published, before anything is connected to.
 *
 * @param building all targets of the model that can be built: tags that collide do so whichever are published
 * @throws PublisherError `refused`, `environment` for a place that may not be or that nobody owns; `denied` for tags that cannot be, or too
 *   many; `usage` for a `--tag` that cannot be
 */
export function placeTargets(
  wanted: readonly PlannedTarget[],
  building: readonly PlannedTarget[],
  { catalog, services, owner, git }: Planning,
  options: PublishOptions,
): { placed: PlacedTarget[]; notes: string[] } {
  const [one] = wanted;
  const model = catalog.models.find(({ short }) => short === one?.model.short);
  if (model === undefined) return { placed: [], notes: [] };
  const tooMany = targetsRefusal(model, catalog, services.environment.ceilings.maxTargetsPerModel);
  if (tooMany !== null) throw new PublisherError('denied', tooMany);
  const context = { owner, namespaceSuffix: suffixOf(git), publishAllow: services.publishAllow };
  const { places, problems, notes } = placesOf(model, catalog.settings, context);
  if (problems.length > 0) {
    const nobody = owner === null && services.publishAllow === null;
    throw new PublisherError(nobody ? 'environment' : 'refused', problems.join(' '));
  }
  if (places.length === 0) {
    throw new PublisherError('environment', `${model.short} publishes to no registry: name one in \`publish\`.`);
  }
  const fields = gitFields(git);
  const rendered = publicationTags({ targets: building, model, settings: catalog.settings, fields });
  const further = furtherTags(options.tags, { targets: wanted, model, fields });
  const placed = wanted.map((target, at) => {
    const own = rendered[building.indexOf(target)];
    const wrong = own?.problems ?? [];
    if (wrong.length > 0) throw new PublisherError('denied', wrong.join(' '));
    const asked = further[at];
    if (asked !== undefined && asked.problems.length > 0) throw new PublisherError('usage', asked.problems.join(' '));
    if (asked !== undefined && asked.tags.length < options.tags.length) {
      throw new PublisherError('usage', '--tag names a field that is not known here, e.g. a release.');
    }
    const tags = distinct([...(own?.tags ?? []), ...(asked?.tags ?? [])]).sort(mostSpecificFirst);
    if (tags.length === 0) throw new PublisherError('denied', `${model.short} ${target.variant} would have no tag.`);
    return { target, places: places.map((place) => ({ ...place, tags })) };
  });
  return { placed, notes };
}

/** @throws PublisherError `denied` for an immutable tag that names another image already, before anything is built */
export async function assertTagsFree(
  placed: readonly PlacedTarget[],
  open: (repository: string) => PublishTarget,
  signal: AbortSignal,
): Promise<void> {
  const told: string[] = [];
  for (const { target, places } of placed) {
    if (target.inputs === null) continue;
    told.push(...(await immutableConflicts(places, target.inputs, open, signal)).map(conflictSentence));
  }
  if (told.length > 0) throw new PublisherError('denied', told.join(' '));
}

/** Tags that a fat image has from earlier, although the plan denies it now: they stay. One sentence each image. */
export async function keptTagsNotes(
  denied: readonly PlannedTarget[],
  building: readonly PlannedTarget[],
  places: readonly Place[],
  { catalog }: Planning,
  open: (repository: string) => PublishTarget,
  signal: AbortSignal,
): Promise<string[]> {
  const [place] = places;
  const model = catalog.models.find(({ short }) => short === denied[0]?.model.short);
  if (place === undefined || model === undefined) return [];
  const all = [...building, ...denied];
  const rendered = publicationTags({ targets: all, model, settings: catalog.settings });
  const notes: string[] = [];
  for (const target of denied) {
    const kept: string[] = [];
    for (const { tag } of rendered[all.indexOf(target)]?.tags ?? []) {
      if ((await open(place.repository).head(tag, { signal })) !== null) kept.push(`${place.repository}:${tag}`);
    }
    if (kept.length === 0) continue;
    notes.push(
      `The ${target.variant} image is not permitted any more; what was published keeps its tags: ${kept.join(', ')}.`,
    );
  }
  return notes;
}

function distinct(tags: readonly RenderedTag[]): RenderedTag[] {
  return tags.filter((rendered, at) => tags.findIndex(({ tag }) => tag === rendered.tag) === at);
}
