import { z } from 'zod';
import { digestSchema, variantSchema } from '../../build/schema.ts';

/** One image as a release published it. */
export const releasedImageSchema = z.object({
  short: z.string(),
  /** Hub repository. */
  model: z.string(),
  runtime: z.string(),
  variant: variantSchema,
  /** Commit of the model on the Hub, 40 hex. */
  revision: z.string(),
  base: z.object({ reference: z.string(), digest: digestSchema }),
  /** Of the index. */
  digest: digestSchema,
  /** `host/repository`. */
  repositories: z.array(z.string()),
  tags: z.array(z.string()),
});
export type ReleasedImage = z.infer<typeof releasedImageSchema>;

/** A runtime image that a release named. */
export const releasedRuntimeSchema = z.object({
  name: z.string(),
  digest: digestSchema,
  repositories: z.array(z.string()),
  tags: z.array(z.string()),
});
export type ReleasedRuntime = z.infer<typeof releasedRuntimeSchema>;

/** Everything a release published. */
export const snapshotSchema = z.object({
  images: z.array(releasedImageSchema),
  runtimes: z.array(releasedRuntimeSchema),
});
export type Snapshot = z.infer<typeof snapshotSchema>;

interface Model {
  short: string;
  model: string;
  revision: string;
}

/** What differs between two releases. */
export interface ReleaseChanges {
  added: Model[];
  removed: Model[];
  /** Another revision, or another Hub repository under the same name. */
  updated: { short: string; before: Model; after: Model }[];
  /** Bases of a runtime that images before and after stand on, each once. */
  bases: { runtime: string; before: ReleasedImage['base']; after: ReleasedImage['base'] }[];
}

/** Compares what two releases published; null for the first one: everything is new. */
export function changesBetween(before: Snapshot | null, after: Snapshot): ReleaseChanges {
  const [old, now] = [modelsOf(before), modelsOf(after)];
  const changes: ReleaseChanges = { added: [], removed: [], updated: [], bases: basesBetween(before, after) };
  for (const [short, model] of now) {
    const earlier = old.get(short);
    if (earlier === undefined) changes.added.push(model);
    else if (earlier.revision !== model.revision || earlier.model !== model.model) {
      changes.updated.push({ short, before: earlier, after: model });
    }
  }
  for (const [short, model] of old) if (!now.has(short)) changes.removed.push(model);
  return changes;
}

function modelsOf(snapshot: Snapshot | null): Map<string, Model> {
  const images = [...(snapshot?.images ?? [])].sort((a, b) => (a.short < b.short ? -1 : 1));
  return new Map(images.map(({ short, model, revision }) => [short, { short, model, revision }]));
}

function basesBetween(before: Snapshot | null, after: Snapshot): ReleaseChanges['bases'] {
  const old = new Map((before?.images ?? []).map(({ runtime, base }) => [runtime, base]));
  const now = new Map(after.images.map(({ runtime, base }) => [runtime, base]));
  return [...now].flatMap(([runtime, base]) => {
    const earlier = old.get(runtime);
    return earlier === undefined || earlier.digest === base.digest ? [] : [{ runtime, before: earlier, after: base }];
  });
}
