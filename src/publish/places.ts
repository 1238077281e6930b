import { REGISTRIES } from '../catalog/builtin.ts';
import type { Model, Settings } from '../catalog/types.ts';
import { type DestinationContext, repositoryRefusal } from '../plan/destinations.ts';
import { namesExactly } from '../registry/patterns.ts';
import { formatReference, parseReference } from '../registry/reference.ts';
import { aliasRepositoryFor, expandPrefix, namesOwner, type RenderedTag, repositoryFor } from './tags.ts';
import type { Place } from './types.ts';

export interface Places {
  /** The model's own repositories first, in the order of its registries, then aliases. */
  places: Place[];
  /** Why nothing may be published at all, one sentence each. */
  problems: string[];
  /** What is left out, being a built-in registry that the operator does not allow. */
  notes: string[];
}

/**
 * Every repository that an image of a model is published to, each on its fully expanded and normalised name, checked against the operator's
 * list before anything is connected to.
 */
export function placesOf(
  model: Pick<Model, 'publish' | 'short' | 'aliases'>,
  { registries }: Pick<Settings, 'registries'>,
  context: DestinationContext,
  tags: RenderedTag[] = [],
): Places {
  const result: Places = { places: [], problems: [], notes: [] };
  const aliases: Place[] = [];
  for (const name of model.publish) {
    const prefix = registries[name];
    if (prefix === undefined) continue;
    if (namesOwner(prefix) && context.owner === null) {
      result.problems.push(`Nobody said whose registry ${prefix} is: pass --owner or set GITHUB_REPOSITORY_OWNER.`);
      continue;
    }
    const own = repositoryFor(prefix, model.short, context);
    const refusal = repositoryRefusal(own, context);
    if (refusal !== null) {
      const isBuiltin = REGISTRIES.get(name) === prefix;
      if (isBuiltin) result.notes.push(`Registry ${name} is left out: ${refusal}`);
      else result.problems.push(`Registry ${name}: ${refusal}`);
      continue;
    }
    const repository = normalise(own);
    result.places.push({ repository, aliasOf: null, tags });
    for (const alias of model.aliases) {
      const other = aliasRepository(prefix, alias, context);
      const problem = repositoryRefusal(other, context);
      if (problem === null) aliases.push({ repository: normalise(other), aliasOf: repository, tags });
      else result.problems.push(`Alias ${alias} in registry ${name}: ${problem}`);
    }
  }
  return { ...result, places: distinct([...result.places, ...aliases]) };
}

/** `hf-` stays, so that no alias names an image of something else, unless the operator's list has exactly the bare name. */
function aliasRepository(prefix: string, alias: string, context: DestinationContext): string {
  const bare = `${expandPrefix(prefix, context)}/${alias}`.toLowerCase();
  const { publishAllow, owner } = context;
  if (publishAllow !== null && isExact(bare, owner ?? '', publishAllow)) return bare;
  return aliasRepositoryFor(prefix, alias, context);
}

function isExact(repository: string, ...allowed: [string, NonNullable<DestinationContext['publishAllow']>]): boolean {
  try {
    return namesExactly(parseReference(repository), ...allowed);
  } catch {
    return false;
  }
}

function distinct(places: readonly Place[]): Place[] {
  return places.filter((place, at) => places.findIndex(({ repository }) => repository === place.repository) === at);
}

const normalise = (repository: string): string => formatReference(parseReference(repository));
