import { z } from 'zod';
import {
  buildRequestSchema,
  digestSchema,
  engineSchema,
  licenseClassSchema,
  reasonCodeSchema,
  variantSchema,
} from '../build/schema.ts';
import { runtimeRequestSchema } from './runtime-request-schema.ts';
import type { PlannedTarget } from './types.ts';

const text = z.string();
const nullableText = text.nullable();

/** A planned target as the ledger keeps it. */
export const plannedTargetSchema: z.ZodType<PlannedTarget> = z.object({
  model: z.object({ id: text, short: text }),
  runtime: text,
  engine: engineSchema,
  variant: variantSchema,
  // Targets planned before runtimes could be built lack this and the last one.
  platforms: z.array(text).default([]),
  action: z.enum(['build', 'skip', 'fail', 'remove']),
  reasons: z.array(
    z.object({ code: reasonCodeSchema, effect: z.enum(['allows', 'warns', 'denies-fat', 'fails']), message: text }),
  ),
  warnings: z.array(text),
  revision: nullableText,
  license: z.object({
    declared: nullableText,
    spdx: nullableText,
    class: licenseClassSchema.nullable(),
  }),
  lineage: z.array(z.object({ id: text, revision: nullableText })).optional(),
  gated: z.boolean().nullable(),
  bytes: z.number().nullable(),
  inputs: nullableText,
  base: z.object({ reference: text, digest: digestSchema.nullable() }),
  files: z.array(z.object({ path: text, size: z.number(), sha256: nullableText, oid: text })),
  reshard: z.array(z.object({ path: text, parts: z.number() })),
  repository: nullableText,
  repositories: z.array(text),
  tags: z.array(text),
  version: nullableText.optional(),
  request: buildRequestSchema.nullable(),
  awaits: runtimeRequestSchema.nullable().default(null),
});
