import { buildImage } from '../build/build.ts';
import { BUILDKIT_STEP } from '../build/buildkit/build.ts';
import { ledgerMemory } from '../build/ledger-memory.ts';
import { licenseFiles } from '../build/license-files.ts';
import { embeddedMemory } from '../build/open-memory.ts';
import { smokeFailure } from '../build/smoke/failure.ts';
import type { SmokeResult } from '../build/smoke/types.ts';
import type { BuildProgress, BuildRequest, BuiltImage } from '../build/types.ts';
import { asPublisherError, PublisherError } from '../errors.ts';
import { run } from '../exec.ts';
import type { JobContext } from '../jobs/worker.ts';
import { publishWaiting } from '../publishing/trigger.ts';
import { parseReference } from '../registry/reference.ts';
import type { ImageTarget } from '../registry/types.ts';
import type { ScanResult } from '../scan/types.ts';
import { baseOf } from '../services.ts';
import { attachmentsOf, type BuildKey } from '../store/attachments.ts';
import { type Build, type BuildClaim, lockOwner, ownerUsage, progressBuild, releaseBuild } from '../store/builds.ts';
import { databaseOf, latestScan, rememberScan } from '../store/scans.ts';
import type { ReviewContext } from './context.ts';
import { conclude } from './review-job.ts';
import type { BuildJob, BuildResult } from './types.ts';

/** Milliseconds between two notes of progress in the ledger, and between two on GitHub. */
const LEDGER_EVERY = 1_000;
const GITHUB_EVERY = 10_000;

/** Milliseconds after which a build whose owner has enough running looks again. */
const CROWDED_MS = 2_000;
const DAY_MS = 24 * 60 * 60 * 1_000;

type LedgerBuild = Build<BuildRequest, BuildResult>;

/**
 * Builds one inputs key for one destination and scans it, telling whoever waits. Killed at any point it runs again: layers already
 * pushed are found, the image's digest is the same. The state machine is drawn in `store/builds.ts`.
 */
export async function runBuild(job: JobContext & { data: BuildJob }, context: ReviewContext): Promise<void> {
  const { store, builds, logger } = context;
  const build = await claimUnlessCrowded(job.data, context);
  if (build === 'crowded') return job.postpone(CROWDED_MS);
  // Ended by a run that may have died before it could tell.
  if (build === null) return tellEnded(job.data, context);
  const claim: BuildClaim = { inputs: build.inputs, destination: build.destination, attempt: build.attempt };
  const lost = new AbortController();
  const signal = AbortSignal.any([job.signal, lost.signal]);
  const { progress, latest, stop } = followProgress(claim, context, lost);
  await tellWaiting(claim, context);
  let pushed: ReturnType<typeof latest> | null = null;
  // The day's bytes are counted from here: the last note may be older than the last byte, and later steps move none.
  const noteBytes = () => (pushed === null ? null : progressBuild(store.db, claim, pushed));
  try {
    await assertDailyBytes(build, context);
    const image = await push(build, job.data.verify, context, signal, progress);
    pushed = latest();
    const smoke = await smokeBuilt(build, image, context, signal, progress);
    const { scan, baseScan } = await scanBuilt(build, image, context, signal, progress);
    await noteBytes();
    await builds.finishBuild(store.db, claim, { state: 'succeeded', result: { image, baseScan, smoke }, scan });
    logger.info({ reference: image.reference, ms: image.durationMs, bytes: image.bytes }, 'Image built');
  } catch (thrown) {
    stop();
    // Whatever was interrupted by it: why the build was given up is what people have to read.
    const error = asPublisherError(lost.signal.aborted ? lost.signal.reason : thrown);
    if (job.signal.aborted) {
      await releaseBuild(store.db, claim);
      throw error;
    }
    const message = context.services.redact(error.message);
    if (error.retryable && !job.lastAttempt) {
      await progressBuild(store.db, claim, { step: `retrying after: ${message}`, bytesDone: 0, bytesTotal: 0 });
      throw error;
    }
    logger.warn({ inputs: build.inputs, code: error.code, message }, 'Build failed');
    const end = { code: error.code, message, retryable: error.retryable };
    await noteBytes();
    await builds.finishBuild(store.db, claim, { state: 'failed', error: end, scan: null });
  } finally {
    stop();
    await tellEnded(claim, context);
  }
}

/** Takes the build, unless its owner has as many running as the operator allows (MAX_BUILDS_PER_OWNER): one claim of an owner at a time. */
async function claimUnlessCrowded(
  key: BuildJob,
  { store, builds, services }: ReviewContext,
): Promise<LedgerBuild | 'crowded' | null> {
  const { maxBuildsPerOwner } = services.environment.ceilings;
  return store.transaction(async ({ db }) => {
    const build = await builds.findBuild(db, key);
    if (build === null) return null;
    await lockOwner(db, build.owner);
    // One that is marked as running was left by a worker that died, and counts already.
    if (build.state === 'queued' && (await ownerUsage(db, build.owner, new Date(0))).running >= maxBuildsPerOwner) {
      return 'crowded';
    }
    return builds.claimBuild(db, key);
  });
}

/** @throws PublisherError `too-large` naming number, ceiling and setting, before a byte moves */
async function assertDailyBytes({ owner, request }: LedgerBuild, { store, services }: ReviewContext): Promise<void> {
  const { maxBytesPerOwnerPerDay } = services.environment.ceilings;
  const { bytes } = await ownerUsage(store.db, owner, new Date(services.clock.now() - DAY_MS));
  const wanted = request.inputs.variant === 'fat' ? request.files.reduce((sum, { size }) => sum + size, 0) : 0;
  if (bytes + wanted <= maxBytesPerOwnerPerDay) return;
  throw new PublisherError(
    'too-large',
    `${owner} has moved ${bytes} bytes within a day and this image needs ${wanted}: over the operator's ceiling of ${maxBytesPerOwnerPerDay} (MAX_BYTES_PER_OWNER_PER_DAY).`,
  );
}

async function push(
  build: LedgerBuild,
  verify: boolean,
  { services, store }: ReviewContext,
  signal: AbortSignal,
  onProgress: (progress: BuildProgress) => void,
): Promise<BuiltImage> {
  const { request, owner } = build;
  const [first, ...others] = build.destination
    .split(',')
    .map((repository): ImageTarget => services.target(parseReference(repository), owner));
  if (first === undefined) throw new PublisherError('internal', 'A build without a destination.');
  return buildImage(request, {
    hub: services.hub(owner),
    base: baseOf(services, parseReference(request.base.reference), owner, request.base.own),
    targets: [first, ...others],
    memory: store.kind === 'pglite' ? embeddedMemory(services.environment.dataDir) : ledgerMemory(store.db),
    open: (reference) => services.target(reference, owner),
    entrypoint: services.entrypoint.content,
    buildkit: { ...services.buildkit, variables: process.env, run },
    licenses: (wanted, base, inner) => licenseFiles(wanted, base, services.hub(owner), inner),
    clock: services.clock,
    signal,
    onProgress,
    verifyReused: verify,
  });
}

/** @throws PublisherError `image-invalid` for an image that ran and failed: it is no image to publish */
async function smokeBuilt(
  { request, owner }: LedgerBuild,
  image: BuiltImage,
  context: ReviewContext,
  signal: AbortSignal,
  progress: (progress: BuildProgress) => void,
): Promise<SmokeResult> {
  progress({ step: 'running the image', bytesDone: 0, bytesTotal: 0 });
  const smoke = await context.smoke(request, image, owner, signal);
  if (smoke.status !== 'failed') return smoke;
  throw smokeFailure(smoke);
}

/** The slim image is scanned for both variants, and its bare base once per database for comparison. */
async function scanBuilt(
  { request, owner }: LedgerBuild,
  image: BuiltImage,
  context: ReviewContext,
  signal: AbortSignal,
  progress: (progress: BuildProgress) => void,
): Promise<{ scan: ScanResult | null; baseScan: ScanResult | null }> {
  if (request.inputs.variant === 'fat') return { scan: null, baseScan: null };
  const platforms = Object.keys(request.inputs.base);
  progress({ step: 'scanning with Trivy', bytesDone: 0, bytesTotal: 0 });
  const scan = await context.scan(image.reference, platforms, owner, signal);
  if (scan.status === 'not-scanned') return { scan, baseScan: null };
  const { registry, repository } = parseReference(request.base.reference);
  const known = await latestScan(context.store.db, request.base.digest);
  if (known?.result.status === 'scanned' && known.result.database.updatedAt === scan.database.updatedAt) {
    return { scan, baseScan: known.result };
  }
  progress({ step: 'scanning the bare base', bytesDone: 0, bytesTotal: 0 });
  const baseScan = await context.scan(`${registry}/${repository}@${request.base.digest}`, platforms, owner, signal);
  if (baseScan.status === 'scanned') {
    const key = { digest: request.base.digest, database: databaseOf(baseScan) };
    await rememberScan(context.store.db, key, baseScan, new Date(context.services.clock.now()));
  }
  return { scan, baseScan };
}

/**
 * Notes progress in the ledger and, less often, on GitHub; a claim that is gone aborts the build. Also looks where nothing advances:
 * a build that nobody waits for must not hold its place until a silent server is given up.
 */
function followProgress(
  claim: BuildClaim,
  context: ReviewContext,
  lost: AbortController,
): {
  progress: (progress: BuildProgress) => void;
  latest: () => Parameters<typeof progressBuild>[2];
  stop: () => void;
} {
  const { clock } = context.services;
  let latest: BuildProgress = { step: 'starting', bytesDone: 0, bytesTotal: 0 };
  const { stallTimeoutMs } = context.services.environment.ceilings;
  let noted = 0;
  let told = clock.now();
  let moved = clock.now();
  const progressOf = () => {
    const { step, bytesDone, bytesTotal, lanes, bytesPerSecond, secondsLeft } = latest;
    const pace =
      lanes === undefined ? null : { lanes, bytesPerSecond: bytesPerSecond ?? 0, secondsLeft: secondsLeft ?? null };
    return { step, bytesDone, bytesTotal, pace };
  };
  const note = (now: number, tell: boolean) => {
    noted = now;
    if (tell) told = now;
    progressBuild(context.store.db, claim, progressOf())
      .then(async (ours) => {
        if (!ours)
          lost.abort(new PublisherError('cancelled', 'Another worker has this build, or nobody waits for it.'));
        else if (tell) await tellWaiting(claim, context);
      })
      .catch((error: unknown) => context.logger.warn({ error: asPublisherError(error).message }, 'Progress not noted'));
  };
  const timer = setInterval(() => {
    const now = clock.now();
    // Trivy, BuildKit and the container engine move bytes of their own, and have their own limits.
    const isOurs = !/^(scanning|running)/.test(latest.step) && latest.step !== BUILDKIT_STEP;
    if (now - moved > stallTimeoutMs && isOurs) {
      const message = `No byte has moved for ${Math.round((now - moved) / 1000)} s while ${latest.step} (STALL_TIMEOUT).`;
      lost.abort(new PublisherError('registry-unavailable', message));
    }
    note(now, now - told >= GITHUB_EVERY);
  }, LEDGER_EVERY);
  return {
    progress(progress) {
      const now = clock.now();
      const isNewStep = progress.step !== latest.step;
      if (isNewStep || progress.moved !== latest.moved) moved = now;
      latest = progress;
      if (!isNewStep && now - noted < LEDGER_EVERY) return;
      note(now, now - told >= (isNewStep ? LEDGER_EVERY : GITHUB_EVERY));
    },
    latest: progressOf,
    stop: () => clearInterval(timer),
  };
}

async function tellEnded(key: BuildKey, context: ReviewContext): Promise<void> {
  await tellWaiting(key, context);
  await publishWaiting(await attachmentsOf(context.store.db, key), context);
}

async function tellWaiting(key: BuildKey, context: ReviewContext): Promise<void> {
  for (const { kind, repoId, pr, headSha } of await attachmentsOf(context.store.db, key)) {
    // A release looks for itself.
    if (kind !== 'release') await conclude(context, { repoId, pr, headSha });
  }
}
