import type { PullRequest } from '../github/types.ts';
import { code } from '../report/markdown.ts';
import { CATALOG_PATH, type ReviewContext } from '../review/context.ts';
import type { PullRef } from '../review/types.ts';
import type { Transaction } from '../store/database.ts';
import { catalogId } from '../store/publications.ts';
import { adoptRepository } from '../store/repositories.ts';
import { CLOSED, enqueueReview } from './ask.ts';

type AdoptAnswer = { ok: true; repositories: string[] } | { ok: false; sentence: string };

/**
 * Which registry repositories a pull request's catalog may take over: those of the models its head was planned with, and no others. What
 * somebody else's branch names is taken over only after that commit was approved.
 */
export async function mayAdopt(
  shorts: 'all' | [string],
  pull: PullRequest,
  { repoId, pr }: PullRef,
  { store, reviews }: ReviewContext,
): Promise<AdoptAnswer> {
  if (pull.state === 'closed') return CLOSED;
  const review = await reviews.findReview(store.db, { repoId, pr, headSha: pull.headSha });
  const plan = review?.plan ?? null;
  if (review === null || plan === null) {
    return {
      ok: false,
      sentence: 'The head of this pull request is not planned yet: try again when its checks say more.',
    };
  }
  if (review.fork && plan.approvedBy === null) {
    return {
      ok: false,
      sentence: `This pull request comes from a fork: ${code(`/approve ${pull.headSha}`)} comes first.`,
    };
  }
  const wanted = Object.entries(plan.places).filter(([short]) => shorts === 'all' || shorts.includes(short));
  const repositories = [...new Set(wanted.flatMap(([, places]) => places))];
  if (repositories.length > 0) return { ok: true, repositories };
  const what = shorts === 'all' ? 'no model' : `no model ${code(shorts[0])}`;
  return { ok: false, sentence: `This pull request brings ${what} that is published anywhere.` };
}

/** Takes them over and has the pull request planned again, in one transaction. The marker is written with the publication. */
export async function adopt(
  repositories: readonly string[],
  pull: PullRef,
  context: ReviewContext,
  tx: Transaction,
): Promise<void> {
  for (const repository of repositories) {
    await adoptRepository(tx.db, repository, catalogId(pull.repoId, CATALOG_PATH));
  }
  await enqueueReview(pull, { rebuild: null, force: true }, context, tx);
}
