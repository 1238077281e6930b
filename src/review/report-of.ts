import type { BuildRequest } from '../build/types.ts';
import type { PlannedTarget } from '../plan/types.ts';
import type { CatalogState, ReviewReport, TargetState } from '../report/types.ts';
import { gate } from '../scan/gate.ts';
import type { Build } from '../store/builds.ts';
import { type Preview, previewsOfPull } from '../store/previews.ts';
import type { Review } from '../store/reviews.ts';
import type { RuntimeBuild } from '../store/runtimes.ts';
import { awaitsApproval } from './approval.ts';
import { CATALOG_PATH, type ReviewContext } from './context.ts';
import { runtimeState, runtimesOf } from './runtime-state.ts';
import type { BuildResult, ReviewPlan } from './types.ts';

/** What the ledger has of a plan's targets. */
interface Found {
  builds: Map<PlannedTarget, LedgerBuild>;
  /** Of those that wait for one. */
  runtimes: Map<PlannedTarget, RuntimeBuild>;
}

type LedgerBuild = Build<BuildRequest, BuildResult>;

/** A review as the ledger has it now, as plain data to report. */
export async function reportOf(
  { repoId, pr, headSha, plan }: Pick<Review<ReviewPlan>, 'repoId' | 'pr' | 'headSha' | 'plan'>,
  { store, builds, services }: Pick<ReviewContext, 'store' | 'builds' | 'services'>,
): Promise<ReviewReport> {
  const found = new Map<PlannedTarget, LedgerBuild>();
  for (const target of plan?.targets ?? []) {
    if (target.request === null) continue;
    const key = { inputs: target.request.key, destination: target.repositories.join(',') };
    const build = await builds.findBuild(store.db, key);
    if (build !== null) found.set(target, build);
  }
  const runtimes = await runtimesOf(plan, { store });
  const previews = await previewsOfPull(store.db, repoId, pr);
  const today = new Date(services.clock.now()).toISOString().slice(0, 10);
  const catalog: CatalogState | null = plan?.catalog ?? null;
  return {
    catalogPath: CATALOG_PATH,
    headSha,
    catalog,
    diff: plan?.diff ?? null,
    targets: (plan?.targets ?? []).map((target) =>
      withPreviews(targetState(target, plan, { builds: found, runtimes }, today), previews),
    ),
    scanning: services.environment.scan,
    weakenings: plan?.weakenings ?? [],
    overrides: plan?.overrides ?? [],
    notes: plan?.notes ?? [],
    failure: plan?.failure ?? null,
  };
}

/** The pull request's own tags that name what was built, `host/repository:tag`. */
function withPreviews(state: TargetState, previews: readonly Preview[]): TargetState {
  const { target, build } = state;
  if (build?.state !== 'built') return state;
  const mine = previews.filter(
    ({ repository, digest }) => digest === build.image.digest && target.repositories.includes(repository),
  );
  return { ...state, previews: mine.map(({ repository, tag }) => `${repository}:${tag}`) };
}

function targetState(
  target: PlannedTarget,
  plan: ReviewPlan | null,
  { builds: found, runtimes }: Found,
  today: string,
): TargetState {
  const slim = plan?.targets.find(
    ({ model, runtime, variant }) =>
      variant === 'slim' && model.short === target.model.short && runtime === target.runtime,
  );
  // A fat image holds the packages of its slim one and nothing else that is scanned: one scan stands for both.
  const scanned = slim === undefined ? undefined : found.get(slim);
  const scan = scanned?.scan ?? null;
  const settings = plan?.scan ?? null;
  return {
    target,
    build: buildState(target, plan, found.get(target), runtimes.get(target) ?? null),
    scan: scan ?? withoutSlim(scanned),
    gate:
      scan?.status !== 'scanned' || settings === null
        ? null
        : gate(scan, scanned?.result?.baseScan ?? null, settings, today),
  };
}

/** A slim image that failed will not be scanned: its fat one must not wait for ever. */
function withoutSlim(slim: LedgerBuild | undefined): TargetState['scan'] {
  if (slim?.state !== 'failed') return null;
  return {
    status: 'not-scanned',
    reference: '',
    reason: 'the slim image, which is scanned for both, was not built',
    summary: null,
    findings: [],
    database: null,
  };
}

function buildState(
  target: PlannedTarget,
  plan: ReviewPlan | null,
  build: LedgerBuild | undefined,
  runtime: RuntimeBuild | null,
): TargetState['build'] {
  if (target.action !== 'build') return null;
  if (plan !== null && awaitsApproval(target, plan)) return { state: 'awaiting-approval' };
  if (target.awaits !== null) return runtimeState(target.awaits.runtime.name, runtime);
  if (target.request === null)
    return { state: 'failed', code: 'registry-unavailable', message: target.warnings.join(' ') };
  switch (build?.state) {
    case undefined:
    case 'queued':
      return { state: 'queued' };
    case 'running':
      return {
        state: 'building',
        progress: {
          step: build.step ?? 'starting',
          bytesDone: build.bytesDone,
          bytesTotal: build.bytesTotal,
          ...(build.pace ?? {}),
        },
      };
    case 'succeeded':
      return build.result === null
        ? { state: 'queued' }
        : { state: 'built', image: build.result.image, smoke: build.result.smoke };
    case 'failed':
      return {
        state: 'failed',
        code: build.error?.code ?? 'internal',
        message: build.error?.message ?? 'No reason was kept.',
      };
    case 'cancelled':
      return { state: 'failed', code: 'cancelled', message: 'The build was cancelled because nobody waited for it.' };
  }
}
