import { z } from 'zod';
import type { RuntimeRequest } from '../build/runtimes/types.ts';
import { engineSchema } from '../build/schema.ts';

/** A runtime to be built, as the ledger keeps it. */
export const runtimeRequestSchema: z.ZodType<RuntimeRequest> = z.object({
  runtime: z.object({
    name: z.string(),
    engine: engineSchema,
    image: z.string().nullable(),
    platforms: z.array(z.string()),
    experimental: z.boolean(),
    build: z.object({ target: z.string(), args: z.record(z.string(), z.string()) }).nullable(),
    builder: z.enum(['assemble', 'buildkit']),
    smoke: z.array(z.string()).nullable(),
    baseVersion: z.string().nullable(),
  }),
  key: z.string(),
  repository: z.string(),
  tags: z.array(z.string()),
});
