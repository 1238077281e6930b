import type { BuiltImage } from '../../build/types.ts';
import { PublisherError } from '../../errors.ts';
import type { PlannedTarget } from '../../plan/types.ts';
import { createAttester } from '../../publish/attest/create-attester.ts';
import { type MirrorPlace, mirrorsBySource } from '../../publish/mirror/places.ts';
import { PublicationFailed } from '../../publish/publication-failed.ts';
import { publishTargets } from '../../publish/publish.ts';
import type { PublishedImage, WantedPublication } from '../../publish/types.ts';
import { copyImage } from '../../registry/copy/copy-image.ts';
import type { CommandContext } from '../command.ts';
import type { GitFacts } from '../git-facts.ts';
import type { Planning } from '../plan-context.ts';
import { buildWanted, slimsOf } from './build-wanted.ts';
import { type Judged, scanRuntimes, tagRefusal } from './judge.ts';
import { type CommandLedger, recordPublished, underLeases } from './ledger.ts';
import type { PublishOptions } from './options.ts';
import { assertOwn, markOwn } from './own.ts';
import { assertTagsFree, openPlace, type PlacedTarget } from './prepare.ts';

export interface PublishRun {
  placed: PlacedTarget[];
  /** Where its images are copied to afterwards. */
  mirrors: readonly MirrorPlace[];
  /** All of the model's targets that can be built. */
  building: PlannedTarget[];
  planning: Planning & { git: GitFacts };
  options: PublishOptions;
  ledger: CommandLedger;
  context: CommandContext;
}

/**
 * From planned targets to tags: built, scanned, judged, and only when all of them pass published to every registry.
 *
 * @throws PublisherError of the first that fails; PublicationFailed once tags may have moved
 */
export async function runPublication(run: PublishRun): Promise<PublishedImage[]> {
  const { placed, mirrors, building, planning, options, ledger, context } = run;
  const { signal } = context;
  const open = openPlace(planning);
  const repositories = [...new Set(placed.flatMap(({ places }) => places.map(({ repository }) => repository)))];
  const targets = repositories.map(open);
  const { catalogId, force } = options;
  if (catalogId !== null) await assertOwn(targets, catalogId, { ledger, force, signal });
  await assertTagsFree(placed, open, signal);
  const chosen = placed.map(({ target }) => target);
  const slims = slimsOf(chosen, building);
  const images = await buildWanted([...new Set([...slims, ...chosen])], planning, context);
  const judged = await scanRuntimes(
    slims.flatMap((target) => {
      const image = images.get(target);
      return image === undefined ? [] : [{ target, image }];
    }),
    planning,
    context,
  );
  const wanted = placed.map((one) => wantedOf(one, images, judged, planning));
  const { services, owner, git } = planning;
  const attester = await createAttester(services, owner, context.variables);
  return underLeases(ledger, repositories, { services, commit: git.commit, signal }, async (parts) => {
    if (catalogId !== null) await markOwn(targets, catalogId, { ledger, force, parts });
    const published = await publishTargets(wanted, { ...parts, open, attester, copy: copyImage, force });
    const pairs = published.flatMap((image, at) => {
      const publication = wanted[at];
      return publication === undefined ? [] : [{ wanted: publication, image }];
    });
    const model = planning.catalog.models.find(({ short }) => short === placed[0]?.target.model.short);
    const facts = { owner, catalogId, revision: model?.revision ?? null, mirrors: mirrorsBySource(mirrors) };
    try {
      await parts.record(({ db }) => recordPublished(db, pairs, facts));
    } catch (thrown) {
      const moves = published.flatMap((image) => image.moves);
      throw PublicationFailed.from(thrown, { moves, left: [], unread: [] });
    }
    return published;
  });
}

/** @throws PublisherError `denied` or `scan-failed` for an image that may have no tags */
function wantedOf(
  { target, places }: PlacedTarget,
  images: ReadonlyMap<PlannedTarget, BuiltImage>,
  judged: ReadonlyMap<string, Judged>,
  { services, git }: PublishRun['planning'],
): WantedPublication {
  const image = images.get(target);
  const answer = judged.get(target.runtime);
  if (image === undefined || answer === undefined) {
    throw new PublisherError('internal', `${target.model.short} ${target.variant} was neither built nor scanned.`);
  }
  const { scan } = services.environment;
  const refusal = tagRefusal(target, image, answer, scan);
  if (refusal !== null) throw refusal;
  const notes =
    answer.scan.status === 'not-scanned' ? [`Not scanned: ${answer.scan.reason}`] : (answer.gate?.notes ?? []);
  const told = { ...image, notes: [...image.notes, ...notes] };
  return { target, places, image: told, scan: answer.scan, source: git.source };
}
