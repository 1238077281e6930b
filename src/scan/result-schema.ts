import { z } from 'zod';
import { SEVERITIES } from '../catalog/types.ts';
import type { ScanResult } from './types.ts';

const count = z.number().int().nonnegative();

export const findingSchema = z.object({
  id: z.string(),
  severity: z.enum(SEVERITIES),
  package: z.string(),
  packagePath: z.string().nullable(),
  installed: z.string(),
  fixed: z.string().nullable(),
  class: z.string(),
  type: z.string(),
  title: z.string().nullable(),
  url: z.string().nullable(),
});

/** A scan as the ledger keeps it, read back. */
export const scanResultSchema: z.ZodType<ScanResult> = z.discriminatedUnion('status', [
  z.object({
    status: z.literal('scanned'),
    reference: z.string(),
    reason: z.null(),
    summary: z.object({ critical: count, high: count, medium: count, low: count, unknown: count, fixable: count }),
    findings: z.array(findingSchema),
    database: z.object({ version: z.number().nullable(), updatedAt: z.string().nullable() }),
  }),
  z.object({
    status: z.literal('not-scanned'),
    reference: z.string(),
    reason: z.string(),
    summary: z.null(),
    findings: z.tuple([]),
    database: z.null(),
  }),
]);
