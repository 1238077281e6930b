import type { Catalog, Model } from '../catalog/types.ts';
import { PublisherError } from '../errors.ts';
import { markRepository } from '../publish/mark-repository.ts';
import { placesOf } from '../publish/places.ts';
import { publicationTags } from '../publish/publication-tags.ts';
import { publishTargets } from '../publish/publish.ts';
import type { TagFields } from '../publish/tags.ts';
import type { PublishedImage, WantedPublication } from '../publish/types.ts';
import { copyImage } from '../registry/copy/copy-image.ts';
import { parseReference } from '../registry/reference.ts';
import type { TargetState } from '../report/types.ts';
import { CATALOG_PATH, type ReviewContext } from '../review/context.ts';
import { planContext } from '../review/plan-review.ts';
import type { Transaction } from '../store/database.ts';
import type { Branch } from './branch.ts';
import { underLeases } from './under-leases.ts';

export interface Published {
  wanted: WantedPublication;
  image: PublishedImage;
}

/**
 * Gives the images of one model their tags in every place, under leases, while the default branch still asks for them. The repositories'
 * marker is written first.
 *
 * @param record writes it down, while nobody else can publish there
 * @param states all of the model's targets that are built: which tags collide must not depend on what passed
 * @throws PublicationFailed, or PublisherError `busy` while somebody else publishes there, `denied` where no usable tag is left, or a
 *   repository is another catalog's by now
 */
export async function publishModel(
  branch: Branch,
  { catalog, model, states, publishable, tagFields }: ModelImages,
  stillWanted: () => Promise<boolean>,
  record: (published: Published[], tx: Transaction) => Promise<void>,
  context: ReviewContext,
  signal: AbortSignal,
): Promise<Published[]> {
  const { services, store } = context;
  const wanted = wantedOf(branch, { catalog, model, states, publishable, tagFields }, context);
  const repositories = [...new Set(wanted.flatMap(({ places }) => places.map(({ repository }) => repository)))];
  const open = (repository: string) => services.target(parseReference(repository), branch.owner);
  return underLeases(repositories, { commit: branch.head, stillWanted, signal }, context, async (leased) => {
    for (const repository of repositories) {
      const marking = { db: store.db, adopted: false, guard: leased.guard, signal: leased.signal };
      await markRepository(open(repository), branch.catalogId, marking);
    }
    const attester = await context.attester(branch.owner);
    const images = await publishTargets(wanted, { ...leased, open, copy: copyImage, attester, force: false });
    const published = wanted.flatMap((publication, at) => {
      const image = images[at];
      return image === undefined ? [] : [{ wanted: publication, image }];
    });
    await leased.record((tx) => record(published, tx));
    return published;
  });
}

export interface ModelImages {
  catalog: Catalog;
  model: Model;
  /** All that are built. */
  states: readonly TargetState[];
  /** Those that passed. */
  publishable: readonly TargetState[];
  tagFields: TagFields;
}

function wantedOf(
  branch: Branch,
  { catalog, model, states, publishable, tagFields }: ModelImages,
  { services }: ReviewContext,
): WantedPublication[] {
  const targets = states.map(({ target }) => target);
  const rendered = publicationTags({ targets, model, settings: catalog.settings, fields: tagFields });
  const source = {
    repository: `https://github.com/${branch.owner}/${branch.repo}`,
    commit: branch.head,
    path: CATALOG_PATH,
  };
  return publishable.flatMap(({ target, build, scan }): WantedPublication[] => {
    const { tags = [], problems = [] } = rendered[targets.indexOf(target)] ?? {};
    const found = placesOf(model, catalog.settings, planContext(branch.owner, services), tags);
    const [problem] = [...problems, ...found.problems];
    if (problem !== undefined) throw new PublisherError('denied', problem);
    if (build?.state !== 'built') return [];
    return [{ target, places: found.places, image: build.image, scan, source }];
  });
}
