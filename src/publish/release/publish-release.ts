import type { BuiltImage } from '../../build/types.ts';
import type { Catalog } from '../../catalog/types.ts';
import { PublisherError } from '../../errors.ts';
import type { DestinationContext } from '../../plan/destinations.ts';
import type { PlannedTarget } from '../../plan/types.ts';
import type { ScanResult } from '../../scan/types.ts';
import { moveTags } from '../move-tags.ts';
import { placesOf } from '../places.ts';
import { publicationTags } from '../publication-tags.ts';
import { publishTargets } from '../publish.ts';
import { releaseFields } from '../tag-fields.ts';
import type { CatalogSource, Place, PublishContext, PublishedImage } from '../types.ts';
import type { ReleaseOptions } from './options.ts';
import { type ReadyRuntime, readyRuntimes, runtimeSteps } from './release-runtimes.ts';
import { releaseTemplates } from './release-tags.ts';
import type { Snapshot } from './snapshot.ts';

/** An image that was built, and passed. */
export interface ReadyImage {
  target: PlannedTarget;
  image: BuiltImage;
  scan: ScanResult | null;
}

export interface ReleaseInput {
  catalog: Catalog;
  options: ReleaseOptions;
  /** Every image of the release: tags that collide are told apart over all of them. */
  targets: readonly PlannedTarget[];
  /** Git tags of what was released before. */
  earlier: readonly string[];
  destinations: DestinationContext;
}

/** An image with where it goes. */
export interface PlacedImage {
  target: PlannedTarget;
  places: Place[];
}

/** Everything a release will name, decided before anything is connected to. */
export interface PreparedRelease {
  placed: PlacedImage[];
  runtimes: ReadyRuntime[];
  /** `host/repository`, each once: what has to be leased. */
  repositories: string[];
  notes: string[];
}

/**
 * Decides every tag and place.
 *
 * @throws PublisherError `denied` with every reason why the release as a whole cannot be; `refused` where an operator's list says no
 */
export function prepareRelease(input: ReleaseInput): PreparedRelease {
  const refusals: string[] = [];
  const problems: string[] = [];
  const notes: string[] = [];
  const placed: PlacedImage[] = [];
  for (const short of new Set(input.targets.map(({ model }) => model.short))) {
    const mine = input.targets.filter((target) => target.model.short === short);
    const model = input.catalog.models.find((entry) => entry.short === short);
    if (model === undefined) continue;
    const found = placesOf(model, input.catalog.settings, input.destinations);
    refusals.push(...found.problems);
    notes.push(...found.notes);
    const tags = tagsOf(input, mine, model);
    for (const [at, target] of mine.entries()) {
      const rendered = tags[at] ?? { tags: [], problems: [] };
      problems.push(...rendered.problems.map((problem) => `${short} ${target.variant}: ${problem}`));
      const places = found.places.map((place): Place => ({ ...place, tags: rendered.tags }));
      if (places.length > 0) placed.push({ target, places });
    }
  }
  if (refusals.length > 0) throw new PublisherError('refused', [...new Set(refusals)].join(' '));
  if (problems.length > 0) throw new PublisherError('denied', [...new Set(problems)].join(' '));
  const runtimes = readyRuntimes(input);
  const repositories = [
    ...placed.flatMap(({ places }) => places.map(({ repository }) => repository)),
    ...runtimes.flatMap((runtime) => runtime.repositories),
  ];
  return { placed, runtimes, repositories: [...new Set(repositories)], notes: [...new Set(notes)] };
}

function tagsOf(
  { catalog, options, earlier }: ReleaseInput,
  targets: readonly PlannedTarget[],
  model: { runtimes: string[] },
) {
  const { inputsTag } = catalog.settings;
  return publicationTags({
    targets,
    model,
    settings: { tags: releaseTemplates(options, catalog.settings.tags, earlier), inputsTag },
    fields: releaseFields(options.tag),
  });
}

/**
 * Names a release: model images first, then the runtimes they stand on. The tags of all are read, and conflicts end it, before the first one
 * moves.
 *
 * @throws PublisherError as `publishTargets` and `moveTags`
 */
export async function publishRelease(
  { placed, runtimes }: PreparedRelease,
  ready: readonly ReadyImage[],
  source: CatalogSource,
  context: PublishContext,
): Promise<{ images: PublishedImage[]; snapshot: Snapshot }> {
  const wanted = placed.map(({ target, places }) => {
    const one = ready.find((candidate) => candidate.target === target);
    if (one !== undefined) return { ...one, places, source };
    throw new PublisherError('internal', `${target.model.short} ${target.variant} is released and was not built.`);
  });
  const steps = await runtimeSteps(runtimes, context);
  const images = await publishTargets(wanted, context);
  await moveTags(steps, context);
  return {
    images,
    snapshot: {
      images: wanted.map(({ target, image, places }) => ({
        short: target.model.short,
        model: target.model.id,
        runtime: target.runtime,
        variant: target.variant,
        revision: image.revision,
        base: baseOf(target),
        digest: image.digest,
        repositories: places.map(({ repository }) => repository),
        tags: places[0]?.tags.map(({ tag }) => tag) ?? [],
      })),
      runtimes: runtimes.map(({ name, digest, repositories, tags }) => ({ name, digest, repositories, tags })),
    },
  };
}

function baseOf({ request, model, variant }: PlannedTarget): Snapshot['images'][number]['base'] {
  if (request === null) throw new PublisherError('internal', `${model.short} ${variant} was built without a request.`);
  return { reference: request.base.reference, digest: request.base.digest };
}
