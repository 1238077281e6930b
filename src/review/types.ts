import { z } from 'zod';
import { builtImageSchema } from '../build/schema.ts';
import { SEVERITIES } from '../catalog/types.ts';
import { plannedTargetSchema } from '../plan/schema.ts';
import { scanResultSchema } from '../scan/result-schema.ts';

const problem = z.object({ path: z.string(), message: z.string(), line: z.number(), column: z.number() });

/** A pull request as jobs name it: numbers that last, names as they were at the event. */
export const pullSchema = z.object({
  installationId: z.number(),
  repoId: z.number(),
  owner: z.string(),
  repo: z.string(),
  pr: z.number(),
});
export type PullRef = z.infer<typeof pullSchema>;

export const reviewJobSchema = pullSchema.extend({
  /** Resolve and build these again, whatever was pinned and built before. */
  rebuild: z
    .object({ shorts: z.union([z.literal('all'), z.array(z.string())]), variant: z.enum(['slim', 'fat']).nullable() })
    .nullable(),
});
export type ReviewJob = z.infer<typeof reviewJobSchema>;

export const buildJobSchema = z.object({ inputs: z.string(), destination: z.string(), verify: z.boolean() });
export type BuildJob = z.infer<typeof buildJobSchema>;

export const concludeJobSchema = z.object({ repoId: z.number(), pr: z.number(), headSha: z.string() });
export type ConcludeJob = z.infer<typeof concludeJobSchema>;

export const commandJobSchema = pullSchema.extend({ commentId: z.number() });
export type CommandJob = z.infer<typeof commandJobSchema>;

const catalogStateSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('valid'), warnings: z.array(problem) }),
  z.object({ kind: z.literal('invalid'), problems: z.array(problem) }),
  z.object({ kind: z.literal('unreadable'), reason: z.string() }),
  z.object({ kind: z.literal('untouched') }),
  z.object({ kind: z.literal('removed') }),
]);

const scanSettingsSchema = z.object({
  failOn: z.array(z.enum(SEVERITIES)),
  ignoreUnfixed: z.boolean(),
  baseFindings: z.enum(['warn', 'fail']),
  ignore: z.array(
    z.object({
      id: z.string(),
      package: z.string().nullable(),
      until: z.string().nullable(),
      reason: z.string().nullable(),
    }),
  ),
});

/** What the review of a head commit found and decided; kept in the ledger, so that a report can be made at any time. */
export const reviewPlanSchema = z.object({
  /** null when the review failed before it was read. */
  catalog: catalogStateSchema.nullable(),
  diff: z
    .object({
      added: z.array(z.string()),
      changed: z.array(z.object({ short: z.string(), fields: z.array(z.string()) })),
      removed: z.array(z.string()),
    })
    .nullable(),
  targets: z.array(plannedTargetSchema),
  /** Each model's `revision` as the catalog had it: what was resolved for another one is no pin. */
  revisions: z.record(z.string(), z.string().nullable()).default({}),
  scan: scanSettingsSchema.nullable(),
  notes: z.array(z.string()),
  /** From a fork: validated and planned only. */
  awaitingApproval: z.boolean(),
  /** Why the plan could not be made, in words; the rest is then what was known before. */
  failure: z.string().nullable().default(null),
});
export type ReviewPlan = z.infer<typeof reviewPlanSchema>;

/** What a finished build leaves in the ledger. */
export const buildResultSchema = z.object({
  image: builtImageSchema,
  /** Of the bare base, to tell its findings from the image's own; null when it was not scanned. */
  baseScan: scanResultSchema.nullable(),
});
export type BuildResult = z.infer<typeof buildResultSchema>;
