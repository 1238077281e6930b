import { previewTags } from '../publish/publication-tags.ts';
import { parseReference } from '../registry/reference.ts';
import type { ReviewReport } from '../report/types.ts';
import { standing } from '../report/verdict.ts';
import type { ReviewContext } from '../review/context.ts';
import { reportOf } from '../review/report-of.ts';
import { conclude } from '../review/review-job.ts';
import type { PullRef, ReviewPlan } from '../review/types.ts';
import { forgetPreview, type Preview, previewsOfPull, recordPreview } from '../store/previews.ts';
import type { Review } from '../store/reviews.ts';
import { releaseClaims } from './release-claims.ts';

type Named = Pick<Preview, 'repository' | 'tag'>;

export interface PreviewSteps {
  /** To be pointed at a digest. */
  write: (Named & Pick<Preview, 'digest'>)[];
  remove: Named[];
}

/**
 * What a pull request's previews lack: every image of it that passed has one, whatever the catalog's templates say; one that is built again
 * keeps its tag meanwhile; what it has no target for any more loses it. Pure.
 */
export function previewSteps(report: ReviewReport, pr: number, present: readonly Preview[]): PreviewSteps {
  const names = new Set<string>();
  const write: PreviewSteps['write'] = [];
  for (const short of new Set(report.targets.map(({ target }) => target.model.short))) {
    const built = report.targets.filter(({ target }) => target.model.short === short && target.action === 'build');
    const tags = previewTags(
      built.map(({ target }) => target),
      pr,
    );
    for (const [at, state] of built.entries()) {
      const tag = tags[at];
      if (tag === undefined) continue;
      for (const repository of state.target.repositories) {
        const wanted = { repository, tag };
        names.add(nameOf(wanted));
        const stands = standing(state);
        const passed = stands === 'passed' || (stands === 'not-scanned' && report.scanning === 'optional');
        if (!passed || state.build?.state !== 'built') continue;
        const { digest } = state.build.image;
        if (!present.some((one) => nameOf(one) === nameOf(wanted) && one.digest === digest)) {
          write.push({ ...wanted, digest });
        }
      }
    }
  }
  return { write, remove: present.filter((one) => !names.has(nameOf(one))) };
}

/** Previews are for branches of the repository itself: what a fork asks for, its own owner can build. */
export const mayPreview = ({ fork }: Pick<Review<ReviewPlan>, 'fork'>): boolean => !fork;

/**
 * Writes, moves and removes the previews of a pull request. Closed, merged or not, it keeps none: each tag is removed by itself, never a
 * digest, which others may share. Closed unmerged, it gives back the repositories that it alone wanted. Nothing is signed or stated of them.
 *
 * @throws PublisherError with the registry codes, once everything that can be done is done
 */
export async function settlePreviews(pull: PullRef, context: ReviewContext, signal: AbortSignal): Promise<void> {
  if (!(await context.serves(pull.owner))) return;
  const { store, reviews, services } = context;
  const { repoId, pr, owner } = pull;
  const github = await context.github(pull.installationId);
  const { state, headSha, merged } = await github.pullRequest({ owner, name: pull.repo }, pr);
  const present = await previewsOfPull(store.db, repoId, pr);
  const review = await reviews.findReview(store.db, { repoId, pr, headSha });
  const open = state === 'open' && review !== null && mayPreview(review);
  if (state === 'open' && review === null) return;
  const steps = open
    ? previewSteps(await reportOf(review, context), pr, present)
    : { write: [], remove: present as Named[] };
  const failures: unknown[] = [];
  let changed = 0;
  const each = async (repository: string, work: (target: ReturnType<typeof services.target>) => Promise<boolean>) => {
    try {
      signal.throwIfAborted();
      if (await work(services.target(parseReference(repository), owner))) changed += 1;
    } catch (error) {
      failures.push(error);
    }
  };
  for (const { repository, tag, digest } of steps.write) {
    await each(repository, async (target) => {
      await target.tag(tag, await target.manifest(digest, { signal }), { signal });
      await recordPreview(store.db, { repository, tag, digest, repoId, pr });
      return true;
    });
  }
  for (const preview of steps.remove) {
    await each(preview.repository, (target) => removePreview(preview, target, context, signal));
  }
  // What changed nothing is not told: telling asks for previews again.
  if (review !== null && changed > 0) await conclude(context, review);
  if (failures.length > 0) throw failures[0];
  if (state === 'open' || merged) return;
  const freed = await releaseClaims(await reviews.reviewsOfPull(store.db, pull), pull, github, context);
  if (freed.length > 0) context.logger.info({ repoId, pr, repositories: freed }, 'Repositories given back');
}

async function removePreview(
  { repository, tag }: Named,
  target: ReturnType<ReviewContext['services']['target']>,
  { store, logger }: ReviewContext,
  signal: AbortSignal,
): Promise<boolean> {
  const answer = await target.removeTag(tag, { signal });
  if (answer.state === 'kept') {
    logger.warn({ repository, tag, why: answer.why }, 'Preview kept: the registry cannot remove one tag');
    return false;
  }
  await forgetPreview(store.db, { repository, tag });
  return true;
}

const nameOf = ({ repository, tag }: Named): string => `${repository}:${tag}`;
