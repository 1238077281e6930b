import { REGISTRIES } from '../catalog/builtin.ts';
import type { Model, Settings } from '../catalog/types.ts';
import { namesOwner, repositoryFor } from '../publish/tags.ts';
import { mayPublish, type Pattern } from '../registry/patterns.ts';
import { formatReference, parseReference } from '../registry/reference.ts';

export interface DestinationContext {
  /** Account of the catalog's repository; null when the command line could not find out. */
  owner: string | null;
  namespaceSuffix: string;
  /** null: no restriction (the command line without `PUBLISH_ALLOW`). */
  publishAllow: Pattern[] | null;
}

export interface Destinations {
  /** `host/repository`, in the order of the registries; with `{owner}` still in them when it is unknown. */
  repositories: string[];
  problems: string[];
  notes: string[];
}

/** Where a model's images may go: checked on the fully expanded reference, before any connection. */
export function destinations(model: Model, settings: Settings, context: DestinationContext): Destinations {
  const result: Destinations = { repositories: [], problems: [], notes: [] };
  for (const name of model.publish) {
    const prefix = settings.registries[name];
    if (prefix === undefined) continue;
    const repository = repositoryFor(prefix, model.short, context);
    if (namesOwner(prefix) && context.owner === null) {
      result.repositories.push(repository);
      continue;
    }
    const refusal = repositoryRefusal(repository, context);
    if (refusal === null) result.repositories.push(normalise(repository));
    else if (REGISTRIES.get(name) === prefix) result.notes.push(`Registry ${name} is left out: ${refusal}`);
    else result.problems.push(`Registry ${name}: ${refusal}`);
  }
  if (result.repositories.length === 0 && result.problems.length === 0 && context.publishAllow !== null) {
    result.problems.push(
      'No registry is left to publish to: name one in `publish` that the operator allows (PUBLISH_ALLOW).',
    );
  }
  return result;
}

/**
 * The repository of runtime images beside a model's, in the first registry it goes to. The operator's list covers it as any other.
 *
 * @returns `unknown` where only the account is missing, which a plan can do without
 */
export function runtimeRepository(
  { repositories: [first] }: Destinations,
  project: string,
  context: DestinationContext,
): { ok: true; repository: string } | { ok: false; why: string; unknown: boolean } {
  if (first === undefined) {
    const why = 'its image lies where the model is published, and the model is published nowhere.';
    return { ok: false, why, unknown: false };
  }
  const repository = `${first.slice(0, first.lastIndexOf('/'))}/${project}`;
  if (first.includes('{owner}')) {
    const why = `nobody said whose registry ${repository} is: pass --owner or set GITHUB_REPOSITORY_OWNER.`;
    return { ok: false, why, unknown: true };
  }
  const refusal = repositoryRefusal(repository, context);
  return refusal === null ? { ok: true, repository } : { ok: false, why: refusal, unknown: false };
}

/** Why an expanded `host/repository` may not be published to; null when it may. */
export function repositoryRefusal(repository: string, { owner, publishAllow }: DestinationContext): string | null {
  try {
    const reference = parseReference(repository);
    if (publishAllow === null || mayPublish(reference, owner ?? '', publishAllow)) return null;
    return `the operator does not allow publishing to ${repository} (PUBLISH_ALLOW).`;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function normalise(repository: string): string {
  return formatReference(parseReference(repository));
}
