import type { GitHub, Repo } from '../github/types.ts';
import { placesOf } from '../publish/places.ts';
import { CATALOG_PATH, type ReviewContext } from '../review/context.ts';
import { planContext } from '../review/plan-review.ts';
import type { PullRef, ReviewPlan } from '../review/types.ts';
import { attachedDestinations } from '../store/attachments.ts';
import { allPublications, catalogId } from '../store/publications.ts';
import { dropClaims } from '../store/repositories.ts';
import type { Review } from '../store/reviews.ts';
import { desiredAt } from './desired.ts';
import { MOST_MERGED, OPEN_REVIEWS } from './merged-plans.ts';

/**
 * Gives back what a pull request that closed unmerged claimed: nobody could have these repositories otherwise. What carries the catalog's
 * marker, was ever published to, or is wanted by the default branch, by another pull request, merged or open, or by a build that is waited
 * for, stays.
 *
 * @throws PublisherError `github-unavailable`, `denied`
 */
export async function releaseClaims(
  closed: readonly Review<ReviewPlan>[],
  { owner, repo, repoId, pr }: PullRef,
  github: GitHub,
  { store, reviews, services }: Pick<ReviewContext, 'store' | 'reviews' | 'services'>,
): Promise<string[]> {
  const catalog = catalogId(repoId, CATALOG_PATH);
  const wanted = await wantedNow(github, { owner, name: repo }, services);
  if (wanted === null) return [];
  return store.transaction(async ({ db }) => {
    const others = await reviews.mergedReviews(db, repoId, MOST_MERGED);
    for (const state of OPEN_REVIEWS) others.push(...(await reviews.reviewsInState(db, repoId, state)));
    const published = await allPublications(db, { catalog });
    const used = new Set([
      ...wanted,
      ...planned(others.filter((review) => review.pr !== pr)),
      ...published.flatMap(({ repositories }) => repositories),
      ...(await attachedDestinations(db, repoId)),
    ]);
    return dropClaims(
      db,
      catalog,
      planned(closed).filter((repository) => !used.has(repository)),
    );
  });
}

/** Every repository of the default branch's catalog; null while nobody can read that. */
async function wantedNow(github: GitHub, repo: Repo, services: ReviewContext['services']): Promise<string[] | null> {
  const { defaultBranch } = await github.repository(repo);
  const desired = await desiredAt(github, repo, await github.branchHead(repo, defaultBranch));
  if (desired.kind === 'unusable') return null;
  if (desired.kind === 'absent') return [];
  const { models, settings } = desired.catalog;
  const context = planContext(repo.owner, services);
  return models.flatMap((model) => placesOf(model, settings, context).places.map(({ repository }) => repository));
}

const planned = (reviews: readonly Review<ReviewPlan>[]): string[] => [
  ...new Set(reviews.flatMap(({ plan }) => (plan === null ? [] : Object.values(plan.places).flat()))),
];
