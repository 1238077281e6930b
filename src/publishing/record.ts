import { enqueueMirrors } from '../publish/mirror/job.ts';
import { type MirrorPlace, mirrorsBySource } from '../publish/mirror/places.ts';
import { mirrorRequests } from '../publish/mirror/wanted.ts';
import type { ReviewContext } from '../review/context.ts';
import type { Transaction } from '../store/database.ts';
import { type PublicationDetails, recordPublication } from '../store/publications.ts';
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
    const { target } = wanted;
    const { request } = target;
    if (request === null) continue;
    const { runtime, variant, model } = target;
    const key = { catalog: catalogId, short: model.short, runtime, variant };
    const details: PublicationDetails = {
      revision: image.revision,
      base: { reference: request.base.reference, digest: request.base.digest },
      platforms: Object.keys(request.inputs.base),
      repositories: wanted.places.map(({ repository }) => repository),
      mirrors: mirrorsBySource(mirrors),
      tags: image.tags,
      immutable: [...new Set(wanted.places.flatMap(({ tags }) => tags.filter((tag) => tag.immutable)))].map(
        ({ tag }) => tag,
      ),
      attestations: image.attestations,
      signed: image.signed,
      scanned: image.scan?.status === 'scanned',
      commit: head,
      pr: row.details.pr,
      entry: row.entry,
      wanted: row.details.wanted,
    };
    const { digest } = image;
    await recordPublication(db, { ...key, owner, model: model.id, inputs: request.key, digest, ...details });
    const tags = details.tags.map((tag) => ({ tag, immutable: details.immutable.includes(tag) }));
    const requests = mirrorRequests([{ digest, model: model.id, tags }], mirrors);
    await enqueueMirrors(queue, requests, { catalog: catalogId, owner, short: model.short, commit: head }, tx);
  }
  await setModelPublication(db, row);
}
