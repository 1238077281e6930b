import type { Catalog } from '../../catalog/types.ts';
import { PublisherError } from '../../errors.ts';
import type { GitHub, Repo } from '../../github/types.ts';
import { BaseResolver } from '../../plan/bases.ts';
import { targetsRefusal } from '../../plan/ceilings.ts';
import { planCatalog } from '../../plan/plan.ts';
import type { PlannedTarget } from '../../plan/types.ts';
import { withReleaseArguments } from '../../publish/release/release-runtimes.ts';
import { CATALOG_PATH, type ReviewContext } from '../../review/context.ts';
import { claimPlaces, refuseForeign } from '../../review/ownership.ts';
import { pinsOf } from '../../review/pins.ts';
import { planContext, quiet } from '../../review/plan-review.ts';
import { NOTHING_PLANNED } from '../../review/review-job.ts';
import { openBase } from '../../services.ts';
import { allPublications } from '../../store/publications.ts';
import { planRelease, type ReleaseRow } from '../../store/releases.ts';
import { desiredAt } from '../desired.ts';
import { pinSources } from '../publication-pins.ts';
import type { ReleaseJob } from './request-release.ts';

export interface PlannedRelease {
  row: ReleaseRow;
  /** 40 hex. */
  commit: string;
  catalog: Catalog;
  targets: PlannedTarget[];
  /** Whether the targets were planned just now. */
  isNew: boolean;
}

/** There is no catalog at the release's commit: a repository that is none of ours, or was none yet. */
export const NO_CATALOG = 'no-catalog';
/** GitHub has no such release, whatever an event said. */
export const NO_RELEASE = 'no-release';

/**
 * The whole catalog at the release's commit, with the revisions and bases of what is published: a release names what people have seen, and
 * resolves only what was never published. What it planned once holds until it is done; only a runtime that had to be built is planned on again.
 *
 * @throws PublisherError `denied` for a catalog that cannot be released, retryable where Hub or registry did not answer
 */
export async function plannedRelease(
  job: ReleaseJob,
  row: ReleaseRow,
  github: GitHub,
  context: ReviewContext,
  signal: AbortSignal,
): Promise<PlannedRelease | typeof NO_CATALOG | typeof NO_RELEASE> {
  const repo: Repo = { owner: job.owner, name: job.repo };
  const commit = row.commit ?? (await commitOf(github, repo, job));
  if (commit === null) return NO_RELEASE;
  const desired = await desiredAt(github, repo, commit);
  if (desired.kind === 'absent') return NO_CATALOG;
  if (desired.kind === 'unusable') throw new PublisherError('denied', desired.why);
  const catalog = withReleaseArguments(desired.catalog, row.options);
  if (row.plan?.every(({ awaits }) => awaits === null) === true) {
    return { row, commit, catalog, targets: row.plan, isNew: false };
  }
  const targets = await plan(job, row, catalog, context, signal);
  await planRelease(context.store.db, row, { commit, plan: targets });
  return { row, commit, catalog, targets, isNew: row.plan === null };
}

/**
 * The tag's commit. Where nobody has made the tag it is the default branch's head for somebody who asked, and nothing for an event: what that
 * said is read again, and its release must be there with its tag.
 *
 * @returns null where there is no release for an event
 * @throws PublisherError `denied` for a release whose tag is gone
 */
async function commitOf(github: GitHub, repo: Repo, { tag, issue }: ReleaseJob): Promise<string | null> {
  if (issue === null) {
    const release = await github.release(repo, tag);
    if (release === null || release.draft) return null;
  }
  const tagged = await github.resolveRef(repo, `refs/tags/${tag}`);
  if (tagged !== null) return tagged;
  if (issue === null) throw new PublisherError('denied', `The git tag ${tag} of this release is gone.`);
  return github.branchHead(repo, (await github.repository(repo)).defaultBranch);
}

async function plan(
  { owner }: ReleaseJob,
  row: ReleaseRow,
  catalog: Catalog,
  { services, store }: ReviewContext,
  signal: AbortSignal,
): Promise<PlannedTarget[]> {
  for (const model of catalog.models) {
    const refusal = targetsRefusal(model, catalog, services.environment.ceilings.maxTargetsPerModel);
    if (refusal !== null) throw new PublisherError('denied', refusal);
  }
  const revisions = Object.fromEntries(catalog.models.map(({ short, revision }) => [short, revision]));
  const published = await allPublications(store.db, { catalog: row.catalog });
  const pins = [
    ...(row.plan === null ? [] : [{ targets: row.plan, revisions }]),
    ...pinSources({ merged: [], waiting: new Map(), published }),
  ];
  const planning = planContext(owner, services);
  const { targets } = await planCatalog({
    catalog,
    experimental: row.options.experimental,
    hub: services.hub(owner, { patient: true }),
    pins: pinsOf(pins, catalog, null),
    bases: new BaseResolver(openBase(services, owner)),
    context: planning,
    signal,
  });
  const silent = targets.find(({ reasons }) => reasons.some(({ code }) => code === 'hub-unavailable'));
  if (silent !== undefined) {
    throw new PublisherError('hub-unavailable', `The Hub did not answer about \`${silent.model.short}\`.`);
  }
  const baseless = targets.find(
    ({ action, request, awaits }) => action === 'build' && request === null && awaits === null,
  );
  if (baseless !== undefined) {
    const why = baseless.warnings.join(' ') || 'its base could not be resolved.';
    throw new PublisherError('registry-unavailable', `\`${baseless.model.short}\` on \`${baseless.runtime}\`: ${why}`);
  }
  const who = { catalog: row.catalog, destinations: planning, mayAsk: true };
  const owned = await refuseForeign(targets, catalog, who, { db: store.db, services, signal });
  const claimed = await claimPlaces(
    { ...NOTHING_PLANNED, approvedBy: 'a release', targets: owned.targets, places: owned.places },
    row.catalog,
    store.db,
  );
  if (claimed.targets.length === 0) throw new PublisherError('denied', `${CATALOG_PATH} has no model to release.`);
  return claimed.targets.map((target) => quiet(target, services.redact));
}
