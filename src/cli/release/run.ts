import type { ExitCode } from '../../errors.ts';
import { asPublisherError, PublisherError } from '../../errors.ts';
import type { PlannedTarget } from '../../plan/types.ts';
import { createAttester } from '../../publish/attest/create-attester.ts';
import type { MirrorOutcome } from '../../publish/mirror/mirror-all.ts';
import { releaseNotes } from '../../publish/release/notes.ts';
import type { ReleaseOptions } from '../../publish/release/options.ts';
import { prepareRelease, publishRelease, type ReadyImage } from '../../publish/release/publish-release.ts';
import type { ReleasedRuntime } from '../../publish/release/snapshot.ts';
import type { PublishedImage } from '../../publish/types.ts';
import { copyImage } from '../../registry/copy/copy-image.ts';
import { publishedRelease, releasedBefore, requestRelease } from '../../store/releases.ts';
import { refusal } from '../build-targets.ts';
import type { CommandContext } from '../command.ts';
import type { GitFacts } from '../git-facts.ts';
import { type Planning, suffixOf } from '../plan-context.ts';
import { buildWanted } from '../publish/build-wanted.ts';
import { scanRuntimes, tagRefusal } from '../publish/judge.ts';
import { type CommandLedger, underLeases } from '../publish/ledger.ts';
import { mirrorPublished, mirrorsOf } from '../publish/mirrors.ts';
import { assertOwn, markOwn } from '../publish/own.ts';
import { openPlace } from '../publish/prepare.ts';
import { planWithRuntimes } from './plan.ts';

/** Why something is not released; names the image where it is one. */
export interface ReleaseProblem {
  short?: string;
  variant?: string;
  runtime?: string;
  code: string;
  message: string;
  exitCode: ExitCode;
}

export interface ReleaseRun {
  planning: Planning & { git: GitFacts };
  options: ReleaseOptions;
  /** Whose the repositories are to be; null neither claims nor checks. */
  catalogId: string | null;
  ledger: CommandLedger;
  context: CommandContext;
}

export interface ReleaseDone {
  images: { short: string; image: PublishedImage }[];
  runtimes: ReleasedRuntime[];
  notes: string[];
  mirrors: MirrorOutcome[];
  /** Markdown. */
  releaseNotes: string;
}

/**
 * From the catalog to a release: planned, built, scanned, judged, and only when every image passed named in every registry.
 *
 * @param onProblem called with each image that keeps it from being released
 * @returns null when there was one, and nothing was tagged
 * @throws PublisherError for what concerns the release as a whole
 */
export async function runRelease(
  { planning, options, catalogId, ledger, context }: ReleaseRun,
  onProblem: (problem: ReleaseProblem) => void,
): Promise<ReleaseDone | null> {
  const { services, owner, git, catalog } = planning;
  const plan = await planWithRuntimes(planning, options, context);
  const failed = plan.targets.filter(({ action }) => action === 'fail');
  for (const target of failed) onProblem(problemOf(target, refusal(target)));
  if (failed.length > 0) return null;
  const targets = plan.targets.filter(({ action }) => action === 'build');
  if (targets.length === 0) throw new PublisherError('denied', 'The catalog has no model to release.');
  const key = { catalog: catalogId ?? 'cli', tag: options.tag };
  const earlier = await releasedBefore(ledger.store.db, key);
  const shorts = new Set(targets.map(({ model }) => model.short));
  const mirrored = [...shorts].map((short) => ({ short, ...mirrorsOf(short, planning) }));
  const problems = mirrored.flatMap((one) => one.problems);
  if (problems.length > 0) throw new PublisherError('refused', problems.join(' '));
  const destinations = { owner, namespaceSuffix: suffixOf(git), publishAllow: services.publishAllow };
  const tags = earlier.map(({ tag }) => tag);
  const prepared = prepareRelease({ catalog, options, targets, earlier: tags, destinations });
  const open = openPlace(planning);
  const own = [...new Set(prepared.placed.flatMap(({ places }) => places.map(({ repository }) => repository)))].map(
    open,
  );
  const { signal } = context;
  if (catalogId !== null) await assertOwn(own, catalogId, { ledger, force: false, signal });
  const ready = await readyImages(targets, planning, context, onProblem);
  if (ready === null) return null;
  const attester = await createAttester(services, owner, context.variables);
  const leasing = { services, commit: git.commit, signal };
  const { images, snapshot } = await underLeases(ledger, prepared.repositories, leasing, async (parts) => {
    if (catalogId !== null) await markOwn(own, catalogId, { ledger, force: false, parts });
    const publishing = { ...parts, open, attester, copy: copyImage, force: false };
    return publishRelease(prepared, ready, git.source, publishing);
  });
  await ledger.store.transaction(async ({ db }) => {
    await requestRelease(db, key.catalog, options);
    await publishedRelease(db, key, snapshot, git.commit);
  });
  const mirrors: MirrorOutcome[] = [];
  for (const { short, places } of mirrored) {
    const mine = prepared.placed.flatMap((one, at) => (one.target.model.short === short ? [{ one, at }] : []));
    const copied = mine.flatMap(({ at }) => images[at] ?? []);
    const placed = mine.map(({ one }) => one);
    mirrors.push(...(await mirrorPublished(copied, placed, places, { planning, ledger, context })));
  }
  const hub = services.environment.hubEndpoint.replace(/\/$/, '');
  return {
    images: images.map((image, at) => ({ short: prepared.placed[at]?.target.model.short ?? '', image })),
    runtimes: snapshot.runtimes,
    mirrors,
    notes: [...plan.warnings, ...prepared.notes, ...images.flatMap((image) => image.notes)],
    releaseNotes: releaseNotes({ previous: earlier[0] ?? null, snapshot, hub }),
  };
}

/** Builds by digest and judges every image; null when one of them may not be tagged. */
async function readyImages(
  targets: readonly PlannedTarget[],
  planning: Planning,
  context: CommandContext,
  onProblem: (problem: ReleaseProblem) => void,
): Promise<ReadyImage[] | null> {
  const ready: ReadyImage[] = [];
  let passed = true;
  for (const short of new Set(targets.map(({ model }) => model.short))) {
    const mine = targets.filter(({ model }) => model.short === short);
    try {
      const images = await buildWanted(mine, planning, context);
      const slims = [...images].flatMap(([target, image]) => (target.variant === 'slim' ? [{ target, image }] : []));
      const judged = await scanRuntimes(slims, planning, context);
      for (const [target, image] of images) {
        const answer = judged.get(target.runtime);
        if (answer === undefined) throw new PublisherError('internal', `${short} was not scanned.`);
        const refused = tagRefusal(target, image, answer, planning.services.environment.scan);
        if (refused === null) ready.push({ target, image, scan: answer.scan });
        else onProblem(problemOf(target, refused));
        passed &&= refused === null;
      }
    } catch (thrown) {
      const { code, message, exitCode } = asPublisherError(thrown);
      onProblem({ short, code, message, exitCode });
      passed = false;
      if (context.signal.aborted) break;
    }
  }
  return passed ? ready : null;
}

function problemOf(
  { model, variant, runtime }: PlannedTarget,
  { code, message, exitCode }: PublisherError,
): ReleaseProblem {
  return { short: model.short, variant, runtime, code, message, exitCode };
}
