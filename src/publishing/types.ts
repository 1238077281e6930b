import { z } from 'zod';
import { pullSchema } from '../review/types.ts';

/** A repository as jobs name it: numbers that last, names as they were at the event. */
export type RepoRef = z.infer<typeof repoSchema>;
const repoSchema = pullSchema.omit({ pr: true });

export const publishJobSchema = z.discriminatedUnion('kind', [
  /** Makes what is published what the catalog of the default branch asks for. */
  repoSchema.extend({ kind: z.literal('catalog') }),
  /** Makes the previews of a pull request what it has built, or none once it is closed. */
  pullSchema.extend({ kind: z.literal('previews') }),
]);
export type PublishJob = z.infer<typeof publishJobSchema>;
