import { z } from 'zod';
import { digestSchema } from '../../build/schema.ts';
import type { CopiedBytes } from '../../registry/copy/copy-image.ts';

/** One image that a mirror should have. */
export const mirrorRequestSchema = z.object({
  /** Repository it is copied from, `host/repository`. */
  source: z.string(),
  target: z.string(),
  /** Other repositories of the mirror that may have its blobs. */
  near: z.array(z.string()),
  digest: digestSchema,
  /** Hub repository. */
  model: z.string(),
  /** The most specific first: the order in which they move. */
  tags: z.array(z.object({ tag: z.string(), immutable: z.boolean() })),
});
export type MirrorRequest = z.infer<typeof mirrorRequestSchema>;

export interface MirrorResult {
  source: string;
  target: string;
  digest: MirrorRequest['digest'];
  tags: string[];
  /** `differs`: what was found is not what should be, and was left so. */
  state: 'same' | 'copied' | 'differs' | 'failed';
  /** What was not as it should be, one sentence each. */
  differed: string[];
  bytes: CopiedBytes;
}
