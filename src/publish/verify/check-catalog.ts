import type { Catalog, Model, Runtime } from '../../catalog/types.ts';
import { PublisherError } from '../../errors.ts';
import type { Hub } from '../../huggingface/types.ts';
import { parseReference } from '../../registry/reference.ts';
import type { ReadProvenance } from './check-provenance.ts';
import { type Check, judged, notChecked } from './types.ts';

/** `missing`: there is none where it would be looked for; null: none is wanted. */
export type CatalogToHold = Catalog | 'missing' | null;

export const catalogOf = (catalog: CatalogToHold): Catalog | null => (catalog === 'missing' ? null : catalog);

const COMMIT = /^[0-9a-f]{40}$/;

/**
 * Provenance against the catalog: model, short name, runtime, variant, the commit of a pinned revision, the base's repository and, where the
 * catalog names one, its digest. No check at all when none is wanted.
 *
 * @throws PublisherError `hub-unavailable`
 */
export async function checkCatalog(
  provenance: readonly ReadProvenance[],
  catalog: CatalogToHold,
  { hub, signal }: { hub: Pick<Hub, 'facts'>; signal: AbortSignal },
): Promise<Check[]> {
  if (catalog === null) return [];
  if (catalog === 'missing') {
    return [
      notChecked('catalog', 'there is no models.yaml here: name one with --catalog, or do without (--no-catalog)'),
    ];
  }
  if (provenance.length === 0) return [notChecked('catalog', 'there is no provenance to hold against it')];
  const problems: string[] = [];
  const unclear: string[] = [];
  for (const read of provenance) {
    const { model: id, short } = read.externalParameters;
    const model = catalog.models.find((each) => each.short === short) ?? catalog.models.find((each) => each.id === id);
    if (model === undefined) {
      unclear.push('it does not have the model');
      continue;
    }
    problems.push(...identityProblems(read, model));
    problems.push(
      ...baseProblems(
        read,
        catalog.runtimes.find(({ name }) => name === read.externalParameters.runtime),
      ),
    );
    const { revision } = read.internalParameters;
    if (model.revision === null || model.revision === revision) continue;
    if (COMMIT.test(model.revision)) {
      problems.push(`the catalog pins ${model.revision}, the provenance says ${revision}`);
    } else {
      unclear.push(...(await movedOn(model.id, model.revision, revision, hub, signal)));
    }
  }
  if (problems.length === 0 && unclear.length > 0) return [notChecked('catalog', [...new Set(unclear)].join('; '))];
  return [
    judged('catalog', [...new Set(problems)], 'model, short name, runtime, variant, revision and base are its own'),
  ];
}

function identityProblems({ externalParameters }: ReadProvenance, model: Model): string[] {
  const { model: id, short, runtime, variant } = externalParameters;
  return [
    ...(model.id === id ? [] : [`${short} is ${model.id} in the catalog, ${id} in the provenance`]),
    ...(model.short === short ? [] : [`${id} is called ${model.short} in the catalog, ${short} in the provenance`]),
    ...(model.runtimes.includes(runtime) ? [] : [`${model.short} has no runtime ${runtime} in the catalog`]),
    ...(variant === 'slim' || variant === 'fat' ? [] : [`there is no variant ${variant}`]),
  ];
}

/** A base by tag is another digest from day to day: its repository is compared. One that is built here has none in the catalog. */
function baseProblems({ resolvedDependencies }: ReadProvenance, runtime: Runtime | undefined): string[] {
  const stated = resolvedDependencies.find(({ name, uri }) => name === 'base' && uri?.startsWith('oci://') === true);
  const image = runtime?.image ?? null;
  if (stated?.uri === undefined || image === null) return [];
  const wanted = parseReference(image);
  const base = readReference(stated.uri.slice('oci://'.length));
  const same =
    base?.registry === wanted.registry &&
    base.repository === wanted.repository &&
    (wanted.digest === null || base.digest === wanted.digest);
  return same ? [] : [`the base is ${image} in the catalog, ${stated.uri} in the provenance`];
}

function readReference(text: string) {
  try {
    return parseReference(text);
  } catch (error) {
    if (error instanceof PublisherError) return null;
    throw error;
  }
}

/** A branch or tag is asked about; that it is elsewhere by now does not tell whether it was there. */
async function movedOn(
  id: string,
  name: string,
  revision: string,
  hub: Pick<Hub, 'facts'>,
  signal: AbortSignal,
): Promise<string[]> {
  const answer = await hub.facts(id, name, { signal });
  if (answer.kind === 'unavailable') throw new PublisherError('hub-unavailable', answer.message);
  if (answer.kind !== 'found') return [`the Hub does not show ${name} of ${id} (${answer.kind}): ${answer.message}`];
  if (answer.facts.revision === revision) return [];
  return [`${name} of ${id} is ${answer.facts.revision} now, the provenance says ${revision}`];
}
