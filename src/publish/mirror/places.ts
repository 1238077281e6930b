import type { Model, Settings } from '../../catalog/types.ts';
import { type DestinationContext, destinations } from '../../plan/destinations.ts';
import type { PublicationDetails } from '../../store/publications.ts';
import { placesOf } from '../places.ts';

/** A repository of a mirror and where its content comes from. */
export interface MirrorPlace {
  /** `host/repository`: the model's own repository in the first registry it is published to. */
  source: string;
  target: string;
  /** For an alias, the mirror's own repository of the model: its blobs can be mounted. */
  near: string[];
}

export interface MirrorPlaces {
  /** The model's own repositories before their aliases. */
  places: MirrorPlace[];
  /** Why a mirror gets nothing, one sentence each. */
  problems: string[];
}

/**
 * Where the images of a model are copied to: in each registry of `defaults.mirrors` the repositories it would have there if it were published
 * to it, aliases included. Each is checked against PUBLISH_ALLOW on its full name; nothing is connected to.
 */
export function mirrorPlaces(model: Model, settings: Settings, context: DestinationContext): MirrorPlaces {
  const published = destinations(model, settings, context).repositories;
  const [source] = published;
  if (source === undefined || settings.mirrors.length === 0) return { places: [], problems: [] };
  if (source.includes('{owner}')) {
    const why = `Nobody said whose registry ${source} is: pass --owner or set GITHUB_REPOSITORY_OWNER.`;
    return { places: [], problems: [why] };
  }
  const found = placesOf({ ...model, publish: settings.mirrors }, settings, context);
  const taken = new Set(published);
  const places = found.places
    .filter(({ repository }) => !taken.has(repository))
    .map(({ repository, aliasOf }) => ({ source, target: repository, near: aliasOf === null ? [] : [aliasOf] }));
  return { places, problems: [...found.problems, ...found.notes] };
}

/** As a publication remembers them: mirrors' repositories by the one they copy. */
export function mirrorsBySource(places: readonly MirrorPlace[]): PublicationDetails['mirrors'] {
  const groups = Map.groupBy(places, ({ source }) => source);
  return Object.fromEntries([...groups].map(([source, group]) => [source, group.map(({ target }) => target)]));
}
