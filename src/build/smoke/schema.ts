import { z } from 'zod';
import { engineSchema, variantSchema } from '../schema.ts';
import type { SmokeExpectation, SmokeResult } from './types.ts';

/** A smoke run as the ledger keeps it. */
export const smokeResultSchema: z.ZodType<SmokeResult> = z.discriminatedUnion('status', [
  z.object({ status: z.literal('passed'), reason: z.null() }),
  z.object({ status: z.literal('failed'), reason: z.string() }),
  z.object({ status: z.literal('not-run'), reason: z.string() }),
]);

/** The line that an examined image prints about itself (`examine` in `docker/entrypoint.sh`). */
export const examinedSchema: z.ZodType<SmokeExpectation & { program: string; files: number }> = z.object({
  model: z.string(),
  revision: z.string(),
  variant: variantSchema,
  engine: engineSchema,
  program: z.string(),
  files: z.int().nonnegative(),
});

/** `docker version --format '{{json .Server}}'`; the names are Go's (`linux`, `amd64`), which are those of OCI platforms. */
export const serverSchema = z.object({ Os: z.string(), Arch: z.string() });
