import { markRepository } from '../../publish/mark-repository.ts';
import { enqueueMirrors } from '../../publish/mirror/job.ts';
import { mirrorPlaces } from '../../publish/mirror/places.ts';
import { mirrorRequests } from '../../publish/mirror/wanted.ts';
import {
  type PreparedRelease,
  prepareRelease,
  publishRelease,
  type ReadyImage,
} from '../../publish/release/publish-release.ts';
import type { Snapshot } from '../../publish/release/snapshot.ts';
import type { PublishedImage } from '../../publish/types.ts';
import { copyImage } from '../../registry/copy/copy-image.ts';
import { parseReference } from '../../registry/reference.ts';
import type { TargetState } from '../../report/types.ts';
import { CATALOG_PATH, type ReviewContext } from '../../review/context.ts';
import { planContext } from '../../review/plan-review.ts';
import { findRelease, releasedBefore } from '../../store/releases.ts';
import { underLeases } from '../under-leases.ts';
import { claimRuntimes } from './own-runtimes.ts';
import type { PlannedRelease } from './plan-release.ts';
import type { ReleaseJob } from './request-release.ts';

/**
 * Gives everything of a release its tags, under the leases of every repository, while nobody asked for the same release anew.
 *
 * @throws PublisherError `busy` while somebody else publishes to one of them, and as `publishRelease`
 */
export async function nameRelease(
  job: ReleaseJob,
  { row, commit, catalog }: PlannedRelease,
  states: readonly TargetState[],
  context: ReviewContext,
  signal: AbortSignal,
): Promise<Snapshot> {
  const { services, store } = context;
  const earlier = await releasedBefore(store.db, row);
  const ready = states.flatMap(readyImage);
  const prepared = prepareRelease({
    catalog,
    options: row.options,
    targets: ready.map(({ target }) => target),
    earlier: earlier.map(({ tag }) => tag),
    destinations: planContext(job.owner, services),
  });
  const source = { repository: `https://github.com/${job.owner}/${job.repo}`, commit, path: CATALOG_PATH };
  const open = (repository: string) => services.target(parseReference(repository), job.owner);
  const named = prepared.runtimes.flatMap(({ repositories }) => repositories);
  await claimRuntimes([...new Set(named)], row.catalog, { db: store.db, open, signal });
  const stillWanted = async () => {
    const now = await findRelease(store.db, row);
    return now?.state === 'requested' && now.commit === commit;
  };
  const done = await underLeases(prepared.repositories, { commit, stillWanted, signal }, context, async (leased) => {
    const own = new Set(prepared.placed.flatMap(({ places }) => places.map(({ repository }) => repository)));
    for (const repository of prepared.repositories) {
      // Whose the runtimes' are was asked before; images that lie there already are no objection.
      const adopted = !own.has(repository);
      const marking = { db: store.db, adopted, guard: leased.guard, signal: leased.signal };
      await markRepository(open(repository), row.catalog, marking);
    }
    const attester = await context.attester(job.owner);
    const publishing = { ...leased, open, copy: copyImage, attester, force: false };
    return publishRelease(prepared, ready, source, publishing);
  });
  await mirrorRelease(job, { row, commit, catalog }, prepared, done.images, context);
  return done.snapshot;
}

/** Has the named images copied to the mirrors; run again after a crash it asks for the same jobs. */
async function mirrorRelease(
  { owner }: ReleaseJob,
  { row, commit, catalog }: Pick<PlannedRelease, 'row' | 'commit' | 'catalog'>,
  { placed }: PreparedRelease,
  images: readonly PublishedImage[],
  { services, queue }: ReviewContext,
): Promise<void> {
  for (const [at, { target, places }] of placed.entries()) {
    const model = catalog.models.find(({ short }) => short === target.model.short);
    const image = images[at];
    if (model === undefined || image === undefined) continue;
    const mirrors = mirrorPlaces(model, catalog.settings, planContext(owner, services)).places;
    const tags = (places[0]?.tags ?? []).map(({ tag, immutable }) => ({ tag, immutable }));
    const requests = mirrorRequests([{ digest: image.digest, model: model.id, tags }], mirrors);
    await enqueueMirrors(queue, requests, { catalog: row.catalog, owner, short: model.short, commit });
  }
}

function readyImage({ target, build, scan }: TargetState): ReadyImage[] {
  return target.action === 'build' && build?.state === 'built' ? [{ target, image: build.image, scan }] : [];
}
