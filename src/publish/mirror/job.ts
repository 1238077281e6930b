import { z } from 'zod';
import { asPublisherError, PublisherError } from '../../errors.ts';
import type { Queue } from '../../jobs/queue.ts';
import type { JobContext } from '../../jobs/worker.ts';
import type { Logger } from '../../log.ts';
import { parseReference } from '../../registry/reference.ts';
import type { Services } from '../../services.ts';
import type { Transaction } from '../../store/database.ts';
import { recordMirrored } from '../../store/mirrored.ts';
import type { Store } from '../../store/open.ts';
import { currentPublications } from '../../store/publications.ts';
import { recalled } from '../../store/recalled.ts';
import { lastWritten, recordTagMove } from '../../store/tag-moves.ts';
import { failedMirror } from './mirror-all.ts';
import { mirrorImage } from './mirror-image.ts';
import type { Throttle } from './throttle.ts';
import { type MirrorRequest, mirrorRequestSchema } from './types.ts';
import { mirrorRequests, publishedImage } from './wanted.ts';

/** Data of the queue `mirror`. */
export const mirrorJobSchema = mirrorRequestSchema.extend({
  /** `catalogId`. */
  catalog: z.string(),
  /** Account whose logins and allowances apply. */
  owner: z.string(),
  short: z.string(),
  /** Commit of the catalog; null where nobody knows. */
  commit: z.string().nullable(),
});
export type MirrorJob = z.infer<typeof mirrorJobSchema>;

export interface MirrorJobContext {
  services: Pick<Services, 'target' | 'redact'>;
  store: Store;
  queue: Pick<Queue, 'enqueue'>;
  logger: Logger;
  /** One for all jobs of the process. */
  throttle: Throttle;
}

/** One job for each image and repository. Put into the transaction that records the publication, none is ever forgotten. */
export async function enqueueMirrors(
  queue: Pick<Queue, 'enqueue'>,
  requests: readonly MirrorRequest[],
  about: Omit<MirrorJob, keyof MirrorRequest>,
  transaction?: Transaction,
): Promise<void> {
  for (const request of requests) {
    const job: MirrorJob = { ...request, ...about };
    const key = `${request.target}@${request.digest}`;
    await queue.enqueue('mirror', job, { key, ...(transaction === undefined ? {} : { transaction }) });
  }
}

/**
 * Copies one published image to one repository of a mirror. Killed at any point it runs again and moves only what is missing. Jobs come in
 * any order, so a tag moves only while the ledger says that it is this image's: a late job never turns one back.
 *
 *     is it published still? ─ no ───────────────────────────────────────────┐
 *        └─ yes ─▶ mirrorImage; before and after each tag: is it still? ─ no ─┴─▶ a job for each image that has its tags now
 *
 * That job is there to put right what a worker did that was suspended before its last write.
 */
export async function runMirror(job: JobContext & { data: MirrorJob }, context: MirrorJobContext): Promise<void> {
  const { data, signal } = job;
  const { services, store, logger, throttle } = context;
  const mine = await tagsStillOurs(data, store);
  if (mine === null) return enqueueSuccessors(data, context);
  const request = { ...data, tags: data.tags.filter(({ tag }) => mine.has(tag)) };
  try {
    const result = await mirrorImage(request, {
      open: (repository) => services.target(parseReference(repository), data.owner),
      async guard() {
        const now = await tagsStillOurs(data, store);
        if (request.tags.some(({ tag }) => now?.has(tag) !== true)) throw new Superseded(data);
      },
      wrote: (repository, tag) => lastWritten(store.db, repository, tag),
      recalls: (repository, tag, digest) => recalled(store.db, { repository, tag, digest }),
      moved: (move) => recordTagMove(store.db, { ...move, commit: data.commit }),
      catalog: data.catalog,
      db: store.db,
      force: false,
      check: false,
      throttle,
      signal,
    });
    await recordMirrored(store.db, result);
    logger.info({ target: data.target, digest: data.digest, state: result.state, bytes: result.bytes }, 'Mirrored');
  } catch (thrown) {
    if (isSuperseded(thrown)) return enqueueSuccessors(data, context);
    if (signal.aborted) throw thrown;
    const error = asPublisherError(thrown);
    const said = new PublisherError(error.code, services.redact(error.message));
    await recordMirrored(store.db, failedMirror(request, said));
    logger.warn({ target: data.target, digest: data.digest, code: error.code, message: said.message }, 'Mirror failed');
    throw error;
  }
}

async function enqueueSuccessors(data: MirrorJob, { store, queue, logger }: MirrorJobContext): Promise<void> {
  const { catalog, owner, short, source, target, near } = data;
  logger.info({ target, digest: data.digest }, 'Mirror superseded');
  const names = new Set(data.tags.map(({ tag }) => tag));
  for (const successor of await currentPublications(store.db, { catalog, short })) {
    if (!successor.tags.some((tag) => names.has(tag))) continue;
    const requests = mirrorRequests([publishedImage(successor)], [{ source, target, near }]);
    await enqueueMirrors(queue, requests, { catalog, owner, short, commit: successor.commit });
  }
}

class Superseded extends PublisherError {
  constructor({ target, digest }: MirrorJob) {
    super('cancelled', `${digest} is not what ${target} should have any more`, { retryable: false });
  }
}

/** Also where another error tells of it. */
function isSuperseded(thrown: unknown): boolean {
  return thrown instanceof Superseded || (thrown instanceof Error && isSuperseded(thrown.cause));
}

/**
 * Tags that the ledger gives to this image now, as a publication or, for those of releases, as what was written last; null when there is
 * none.
 */
async function tagsStillOurs(
  { catalog, short, digest, source, tags }: MirrorJob,
  { db }: Store,
): Promise<Set<string> | null> {
  const current = (await currentPublications(db, { catalog, short })).filter((one) => one.digest === digest);
  const ours = new Set(current.flatMap((publication) => publication.tags));
  for (const { tag } of tags) {
    if (!ours.has(tag) && (await lastWritten(db, source, tag)) === digest) ours.add(tag);
  }
  return ours.size === 0 ? null : ours;
}
