import { enqueueMirrors } from '../publish/mirror/job.ts';
import { type MirrorPlace, mirrorsBySource } from '../publish/mirror/places.ts';
import { mirrorRequests, publishedImage } from '../publish/mirror/wanted.ts';
import { publicationOf } from '../publish/publication-of.ts';
import type { ReviewContext } from '../review/context.ts';
import type { Transaction } from '../store/database.ts';
import { recordPublication } from '../store/publications.ts';
import { type ModelPublication, setModelPublication } from '../store/publishing.ts';
import type { Branch } from './branch.ts';
import type { Published } from './publish-model.ts';

/** Writes down what was published of a model, and how far the model is, and has it copied to the mirrors: all in this transaction. */
export async function recordPublished(
  { catalogId, owner, head }: Branch,
  published: readonly Published[],
  { row, mirrors }: { row: ModelPublication; mirrors: readonly MirrorPlace[] },
  queue: ReviewContext['queue'],
  tx: Transaction,
): Promise<void> {
  const { db } = tx;
  for (const { wanted, image } of published) {
    const { pr, wanted: revision } = row.details;
    const came = { mirrors: mirrorsBySource(mirrors), commit: head, pr, entry: row.entry, wanted: revision };
    const publication = publicationOf(wanted, image, { catalog: catalogId, owner, ...came });
    if (publication === null) continue;
    await recordPublication(db, publication);
    const requests = mirrorRequests([publishedImage(publication)], mirrors);
    const { short } = publication;
    await enqueueMirrors(queue, requests, { catalog: catalogId, owner, short, commit: head }, tx);
  }
  await setModelPublication(db, row);
}
