/*
 * What is published follows the default branch: whatever asked for it, one job a catalog compares what the branch's head asks for with what
 * the ledger says is there, and does what is missing. So a merge, a direct push, a revert, an event that never came and a retry are the same.
 *
 *   push, merge, a build or runtime that ended, a retry
 *     └▶ head of the default branch, its catalog ──▶ models published as asked: nothing
 *          ├▶ gone from the catalog ──▶ retired, tags stay
 *          └▶ the others ──▶ planned with what was resolved before ──┬▶ builds and runtimes requested ──▶ waits: their end asks again
 *                                                                    ├▶ denied, failed ──▶ told
 *                                                                    └▶ passed ──▶ tagged under leases ──▶ recorded, told
 *
 * The head is read again around every tag that moves: what it no longer asks for is left, and asked for again as it is by then.
 */
import type { Catalog } from '../catalog/types.ts';
import { asPublisherError, type PublisherError } from '../errors.ts';
import type { JobContext } from '../jobs/worker.ts';
import { timeFields } from '../publish/tag-fields.ts';
import type { TagFields } from '../publish/tags.ts';
import type { ReviewReport } from '../report/types.ts';
import { CATALOG_PATH, type ReviewContext } from '../review/context.ts';
import { reportOf } from '../review/report-of.ts';
import { requestBuilds, type Waiting } from '../review/request-builds.ts';
import { requestRuntimes } from '../review/request-runtimes.ts';
import type { ReviewPlan } from '../review/types.ts';
import { forgetCatalog, rememberCatalog } from '../store/catalogs.ts';
import { allPublications, catalogId, type Publication } from '../store/publications.ts';
import { type ModelPublication, modelPublications } from '../store/publishing.ts';
import type { Review } from '../store/reviews.ts';
import { type Branch, isNews, type Wanted, wantedModels } from './branch.ts';
import { desiredAt, entryOf } from './desired.ts';
import { giveUp, isFinal } from './give-up.ts';
import { leavePublications } from './leave-publications.ts';
import { MOST_MERGED, mergedPlans } from './merged-plans.ts';
import { type PublicationPlan, planPublication } from './plan-publication.ts';
import { broughtBy, pinSources } from './publication-pins.ts';
import { retireRemoved } from './retire.ts';
import { type ModelResult, settleModel } from './settle-model.ts';
import { removeStranded } from './stranded-previews.ts';
import { tellBranch, tellModels, tellUnusable } from './tell.ts';
import { enqueuePublish } from './trigger.ts';
import type { RepoRef } from './types.ts';
import { LeaseTaken } from './under-leases.ts';

/** Milliseconds after which a publication looks again for repositories that somebody else publishes to. */
const BUSY_MS = 1_000;

/** @throws PublisherError what makes another run worth while, once everything else is done */
export async function publishCatalog(
  ref: RepoRef,
  job: Pick<JobContext, 'signal' | 'lastAttempt' | 'postpone'>,
  context: ReviewContext,
): Promise<void> {
  if (!(await context.serves(ref.owner))) return;
  const { store, services, queue } = context;
  const branch = await readBranch(ref, context);
  await removeStranded(ref, context);
  // What an earlier run could not tell comes first: what is looked at now may take its place in the ledger.
  await tellModels(branch, context);
  const known = await modelPublications(store.db, branch.catalogId);
  const desired = await desiredAt(branch.github, branch.name, branch.head);
  if (desired.kind === 'unusable') return tellUnusable(branch, desired.why, context);
  if (desired.kind === 'absent') {
    await retireRemoved(branch, null, known, context);
    await leavePublications(ref.repoId, [], context);
    return forgetCatalog(store.db, branch.catalogId);
  }
  const { catalog } = desired;
  const { installationId, repoId, owner, repo } = ref;
  const state = { commit: branch.head, schedule: catalog.settings.schedule };
  await rememberCatalog(store.db, {
    catalog: branch.catalogId,
    installationId,
    repoId,
    owner,
    repo,
    path: CATALOG_PATH,
    state,
  });
  await retireRemoved(branch, catalog, known, context);
  const all = wantedModels(catalog, branch.head, known, (model) => entryOf(catalog, model, owner, services));
  // What one pull request may build is what one look does: a push of hundreds is done in several.
  const wanted = all.slice(0, services.environment.ceilings.maxChangedPerPr);
  const published = await allPublications(store.db, { catalog: branch.catalogId });
  const more = all.length > wanted.length;
  let looked: LookedAt;
  try {
    looked = await lookAt(branch, catalog, { wanted, known, published }, context, job.signal);
  } catch (thrown) {
    if (!isFinal(thrown, job)) throw thrown;
    const merged = await context.reviews.mergedReviews(store.db, repoId, MOST_MERGED);
    const mine = { merged: merged.filter(({ baseRef }) => baseRef === branch.branch), published };
    await giveUp(branch, catalog, wanted, { thrown, pullOf: (short) => broughtBy(short, mine) }, context);
    if (more) await enqueuePublish(queue, ref);
    await tellModels(branch, context);
    await tellBranch(branch, catalog, context);
    throw thrown;
  }
  const { merged, merge } = looked;
  const results: ModelResult[] = [];
  for (const one of wanted) {
    job.signal.throwIfAborted();
    const news = one.known?.entry !== one.entry;
    const pr = broughtBy(one.short, { merged, published }) ?? (news ? merge : (one.known?.details.pr ?? null));
    const result = await settleModel(branch, catalog, one, { ...looked, pr }, context, job);
    results.push(result);
  }
  await tellModels(branch, context);
  await tellBranch(branch, catalog, context);
  if (more && results.some(({ state }) => state !== 'pending')) await enqueuePublish(queue, ref);
  await goOn(results, ref, job, context);
}

interface LookedAt extends PublicationPlan {
  /** Merged pull requests, the newest merge first. */
  merged: Review<ReviewPlan>[];
  /** The one that the head came with. */
  merge: number | null;
  tagFields: TagFields;
  report: ReviewReport;
}

/** Everything that has to be known of all models before any is published; their builds are requested. */
async function lookAt(
  branch: Branch,
  catalog: Catalog,
  {
    wanted,
    known,
    published,
  }: { wanted: Wanted[]; known: ReadonlyMap<string, ModelPublication> } & {
    published: Publication[];
  },
  context: ReviewContext,
  signal: AbortSignal,
): Promise<LookedAt> {
  const { github, name, head, repoId } = branch;
  const shorts = new Set(wanted.map(({ short }) => short));
  const none = wanted.length === 0;
  const merged = none ? [] : await mergedPlans(github, name, { ...branch, shorts }, context);
  const waiting = new Map([...known].filter(([, row]) => row.state !== 'published'));
  const tagFields = none ? {} : { branch: branch.branch, ...timeFields(await github.commitTime(name, head)) };
  const experimental = merged.flatMap((review) => review.plan?.experimental ?? []);
  const shown = merged.flatMap((review) => review.plan ?? []);
  const before = { pins: pinSources({ merged, waiting, published }), shown, experimental, tagFields };
  const planned = await planPublication(branch, catalog, wanted, before, context, signal);
  await requestAll(branch, planned, wanted, context);
  const report = await reportOf({ repoId, pr: 0, headSha: head, plan: planned.plan }, context);
  const merge = none ? null : await mergeOf(branch);
  return { ...planned, merged, merge, tagFields, report };
}

async function readBranch(ref: RepoRef, context: ReviewContext): Promise<Branch> {
  const github = await context.github(ref.installationId);
  const name = { owner: ref.owner, name: ref.repo };
  const { defaultBranch } = await github.repository(name);
  const head = await github.branchHead(name, defaultBranch);
  return { ...ref, github, name, branch: defaultBranch, head, catalogId: catalogId(ref.repoId, CATALOG_PATH) };
}

async function requestAll(
  branch: Branch,
  { plan, unanswered }: PublicationPlan,
  wanted: readonly Wanted[],
  context: ReviewContext,
): Promise<void> {
  const { owner, repoId, head } = branch;
  const waiting: Waiting = { kind: 'publication', owner, repoId, pr: 0, headSha: head };
  const news = new Set(wanted.filter((one) => isNews(one, head)).map(({ short }) => short));
  const asked = { rebuild: null, isNew: (short: string) => news.has(short) };
  const targets = plan.targets.filter(({ model }) => !unanswered.has(model.short));
  const keys = await requestBuilds(waiting, { ...plan, targets }, asked, context);
  const runtimes = await requestRuntimes(waiting, { ...plan, targets }, asked, context);
  // A registry that is silent for a moment must not cancel what is being built for it.
  if (unanswered.size === 0) await leavePublications(repoId, [...keys, ...runtimes], context);
}

/** The merged pull request whose commit the head is; null for a direct push. */
async function mergeOf({ github, name, head }: Branch): Promise<number | null> {
  return (await github.mergedPulls(name, head))[0] ?? null;
}

/** What is left makes the job run again: at once for what changed meanwhile, later for what did not answer. */
async function goOn(
  results: readonly ModelResult[],
  ref: RepoRef,
  job: Pick<JobContext, 'postpone'>,
  { queue }: ReviewContext,
): Promise<void> {
  const errors = results.flatMap((result): PublisherError[] =>
    result.state === 'again' ? [asPublisherError(result.error)] : [],
  );
  const failing = errors.find((error) => !(error instanceof LeaseTaken) && error.code !== 'cancelled');
  if (failing !== undefined) throw failing;
  if (errors.some(({ code }) => code === 'cancelled')) return enqueuePublish(queue, ref);
  if (errors.length > 0) job.postpone(BUSY_MS);
}
