import type { Catalog } from '../catalog/types.ts';
import { asPublisherError, PublisherError } from '../errors.ts';
import type { JobContext } from '../jobs/worker.ts';
import { mirrorPlaces } from '../publish/mirror/places.ts';
import type { TagFields } from '../publish/tags.ts';
import { outcome } from '../report/checks.ts';
import { targetName } from '../report/target-name.ts';
import type { ReviewReport, TargetState } from '../report/types.ts';
import { standing } from '../report/verdict.ts';
import type { ReviewContext } from '../review/context.ts';
import { planContext } from '../review/plan-review.ts';
import type { ReviewPlan } from '../review/types.ts';
import type { Transaction } from '../store/database.ts';
import { type ModelPublication, reopenModelPublication, setModelPublication } from '../store/publishing.ts';
import type { Branch, Wanted } from './branch.ts';
import { buildAgain } from './build-again.ts';
import { desiredAt, entryOf } from './desired.ts';
import { type Published, publishModel } from './publish-model.ts';
import { recordPublished } from './record.ts';
import { LeaseTaken } from './under-leases.ts';

/** What became of one model. */
export type ModelResult = { row: ModelPublication; published: Published[] } & (
  | { state: 'pending' | 'published' | 'failed' }
  /** Worth another run. */
  | { state: 'again'; error: PublisherError }
);

interface Looked {
  plan: ReviewPlan;
  report: ReviewReport;
  /** See `PublicationPlan`. */
  unanswered: ReadonlyMap<string, PublisherError>;
  /** Pull request it came with. */
  pr: number | null;
  tagFields: TagFields;
}

/** Publishes one model as far as it can be, once nothing of it is on its way any more, and writes down how far it is. */
export async function settleModel(
  branch: Branch,
  catalog: Catalog,
  wanted: Wanted,
  looked: Looked,
  context: ReviewContext,
  job: Pick<JobContext, 'signal' | 'lastAttempt'>,
): Promise<ModelResult> {
  const { store } = context;
  const { short } = wanted;
  const all = looked.report.targets;
  const states = all.filter(({ target }) => target.model.short === short);
  const model = catalog.models.find((candidate) => candidate.short === short);
  const place = planContext(branch.owner, context.services);
  const mirrors = model === undefined ? null : mirrorPlaces(model, catalog.settings, place);
  const row = rowOf(branch, catalog, wanted, looked, states, mirrors?.problems ?? []);
  await setModelPublication(store.db, row);
  const end = async (failures: string[]): Promise<ModelResult> => {
    const state = failures.length === 0 ? 'published' : 'failed';
    const failure = failures.length === 0 ? null : context.services.redact(failures.join('\n'));
    const ended: ModelPublication = { ...row, state, details: { ...row.details, failure } };
    await setModelPublication(store.db, ended);
    return { state, row: ended, published: [] };
  };
  const again = async (error: PublisherError): Promise<ModelResult> => {
    const meanwhile = error.code === 'cancelled' || error instanceof LeaseTaken;
    if (!meanwhile && (!error.retryable || job.lastAttempt)) return end([error.message]);
    // What was published by somebody newer meanwhile has to be looked at again, not written over.
    await reopenModelPublication(store.db, branch.catalogId, short);
    return { state: 'again', error, row, published: [] };
  };
  if (looked.plan.failure !== null) return end([looked.plan.failure]);
  const unanswered = looked.unanswered.get(short) ?? unansweredBy(states);
  if (unanswered !== null) return again(unanswered);
  if (states.some((state) => standing(state) === 'pending')) return { state: 'pending', row, published: [] };
  const pendingAgain = async (which: readonly TargetState[]): Promise<ModelResult | null> => {
    const rebuilt = await buildAgain(branch, row, which, context);
    return rebuilt === null ? null : { state: 'pending', row: rebuilt, published: [] };
  };
  const unscanned = states.filter(
    (state) => standing(state) === 'not-scanned' && looked.report.scanning === 'required',
  );
  // The slim image is what is scanned, for both.
  const scannable = unscanned.filter(({ target }) => target.variant === 'slim');
  const rescanned = scannable.length === 0 ? null : await pendingAgain(scannable);
  if (rescanned !== null) return rescanned;
  const publishable = states.filter((state) => isPublishable(state, looked.report.scanning));
  const targets = all.map(({ target }) => target);
  const failures = states.flatMap((state) =>
    publishable.includes(state) || standing(state) === 'denied'
      ? []
      : [`${targetName(state.target, targets)}: ${whyNot(state)}`],
  );
  // All images of a model or none: its tags never name images of two publications side by side.
  if (model === undefined || publishable.length === 0 || failures.length > 0) return end(failures);
  try {
    const building = states.filter(({ target }) => target.action === 'build');
    const images = { catalog, model, states: building, publishable, tagFields: looked.tagFields };
    const isWanted = stillWanted(branch, wanted, context);
    const ended: ModelPublication = { ...row, state: 'published', details: { ...row.details, failure: null } };
    const record = (published: Published[], tx: Transaction) =>
      recordPublished(branch, published, { row: ended, mirrors: mirrors?.places ?? [] }, context.queue, tx);
    const published = await publishModel(branch, images, isWanted, record, context, job.signal);
    return { state: 'published', row: ended, published };
  } catch (thrown) {
    const error = asPublisherError(thrown);
    const rebuilt = error.code === 'registry-not-found' ? await pendingAgain(publishable) : null;
    return rebuilt ?? again(error);
  }
}

/** Only what every check passed; the same predicate decides the `model-images` check of a pull request. */
function isPublishable(state: TargetState, scanning: ReviewReport['scanning']): boolean {
  const stands = standing(state);
  return stands === 'passed' || (stands === 'not-scanned' && scanning === 'optional');
}

function whyNot(state: TargetState): string {
  return standing(state) === 'not-scanned' && state.scan?.status === 'not-scanned'
    ? `not scanned: ${state.scan.reason}`
    : outcome(state).title;
}

/** What nobody could say yet: it is asked again later, and nothing of the model is published before. */
function unansweredBy(states: readonly TargetState[]): PublisherError | null {
  for (const state of states) {
    const { target } = state;
    if (standing(state) === 'undecided') {
      return new PublisherError('hub-unavailable', `The Hub did not answer for ${target.model.id}.`);
    }
    if (target.action === 'build' && target.request === null && target.awaits === null) {
      const why = target.warnings.join(' ');
      return new PublisherError('registry-unavailable', `The base of ${target.model.short} is not resolved: ${why}`);
    }
  }
  return null;
}

/** Whether the default branch still asks for this very thing, whatever else was pushed. */
function stillWanted(branch: Branch, { short, entry }: Wanted, { services }: ReviewContext): () => Promise<boolean> {
  const { github, name, owner } = branch;
  let seen = branch.head;
  return async () => {
    const head = await github.branchHead(name, branch.branch);
    if (head === seen) return true;
    const desired = await desiredAt(github, name, head);
    if (desired.kind !== 'catalog') return false;
    const model = desired.catalog.models.find((candidate) => candidate.short === short);
    if (model === undefined || entryOf(desired.catalog, model, owner, services) !== entry) return false;
    seen = head;
    return true;
  };
}

function rowOf(
  { catalogId, head }: Branch,
  { models }: Catalog,
  { short, entry, known }: Wanted,
  { pr, report }: Looked,
  states: readonly TargetState[],
  mirrorProblems: readonly string[],
): ModelPublication {
  const model = models.find((candidate) => candidate.short === short);
  const targets = states.map(({ target }) => target);
  const bases = targets.flatMap(({ base }) => (base.digest === null ? [] : [[base.reference, base.digest] as const]));
  const denied = states.filter((state) => standing(state) === 'denied');
  const all = report.targets.map(({ target }) => target);
  return {
    catalog: catalogId,
    short,
    state: 'pending',
    entry,
    commit: head,
    details: {
      model: model?.id ?? '',
      wanted: model?.revision ?? null,
      revision: targets.find(({ revision }) => revision !== null)?.revision ?? null,
      bases: Object.fromEntries(bases),
      pr,
      failure: null,
      notes: [
        ...denied.map((state) => `${targetName(state.target, all)}: ${outcome(state).title}`),
        ...mirrorProblems.map((problem) => `${short}, not mirrored: ${problem}`),
      ],
      // An issue that was opened by a run which died before it could say so is closed in time, too.
      issue: known !== null && (known.details.issue || (known.state === 'failed' && !known.details.told)),
      told: false,
      rebuilt: known?.details.rebuilt ?? null,
    },
  };
}
