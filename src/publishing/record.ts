import type { ReviewContext } from '../review/context.ts';
import { type PublicationDetails, recordPublication } from '../store/publications.ts';
import { type ModelPublication, setModelPublication } from '../store/publishing.ts';
import type { Branch } from './branch.ts';
import type { Published } from './publish-model.ts';

/** Writes down what was published of a model, and how far the model is, in one transaction. */
export async function recordPublished(
  { catalogId, owner, head }: Branch,
  published: readonly Published[],
  row: ModelPublication,
  { store }: Pick<ReviewContext, 'store'>,
): Promise<void> {
  await store.transaction(async ({ db }) => {
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
        mirrors: {},
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
      await recordPublication(db, {
        ...key,
        owner,
        model: model.id,
        inputs: request.key,
        digest: image.digest,
        ...details,
      });
    }
    await setModelPublication(db, row);
  });
}
