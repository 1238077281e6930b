import { REGISTRIES } from '../../catalog/builtin.ts';
import type { Settings } from '../../catalog/types.ts';
import { PublisherError } from '../../errors.ts';
import type { DestinationContext } from '../../plan/destinations.ts';
import { namesOwner } from '../../publish/tags.ts';
import { mayPublish } from '../../registry/patterns.ts';
import { formatReference, parseReference } from '../../registry/reference.ts';

export interface RuntimeDestinations {
  /** `host/path`, in the order of the registries; never empty. */
  repositories: [string, ...string[]];
  notes: string[];
}

/**
 * Where runtime images go: `<prefix>/<project>` in every registry that the catalog publishes to by default. Decided before any
 * connection.
 *
 * @throws PublisherError `refused` for a registry of the catalog that PUBLISH_ALLOW lacks, `environment` where nobody said whose
 *   registry it is, `denied` where none is left
 */
export function runtimeDestinations(
  settings: Pick<Settings, 'registries' | 'publish' | 'project'>,
  { owner, namespaceSuffix, publishAllow }: DestinationContext,
): RuntimeDestinations {
  const repositories: string[] = [];
  const notes: string[] = [];
  for (const name of settings.publish) {
    const prefix = settings.registries[name];
    if (prefix === undefined) continue;
    if (owner === null && namesOwner(prefix)) {
      const message = `Nobody said whose registry ${prefix} is: pass --owner or set GITHUB_REPOSITORY_OWNER.`;
      throw new PublisherError('environment', message);
    }
    const place = expand(`${prefix}/${settings.project}`, owner ?? '', namespaceSuffix);
    const reference = parseReference(place);
    const repository = formatReference(reference);
    if (publishAllow === null || mayPublish(reference, owner ?? '', publishAllow)) repositories.push(repository);
    else {
      const refusal = `the operator does not allow publishing to ${repository} (PUBLISH_ALLOW).`;
      if (REGISTRIES.get(name) !== prefix) throw new PublisherError('refused', `Registry ${name}: ${refusal}`);
      notes.push(`Registry ${name} is left out: ${refusal}`);
    }
  }
  const [first, ...others] = repositories;
  if (first === undefined) {
    const why = notes.length > 0 ? notes.join(' ') : 'name one in `defaults.publish`.';
    throw new PublisherError('denied', `There is no registry to publish runtime images to: ${why}`);
  }
  return { repositories: [first, ...others], notes };
}

function expand(text: string, owner: string, suffix: string): string {
  return text
    .replaceAll('{owner}', () => owner)
    .replaceAll('{namespace_suffix}', () => suffix)
    .replace(/\/{2,}/g, '/')
    .toLowerCase();
}
