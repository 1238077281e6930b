import { z } from 'zod';
import { builtImageSchema } from '../build/schema.ts';
import { smokeResultSchema } from '../build/smoke/schema.ts';
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
    .object({
      shorts: z.union([z.literal('all'), z.array(z.string())]),
      variant: z.enum(['slim', 'fat']).nullable(),
      /** Experimental runtimes too, as long as the pull request lives. */
      experimental: z.boolean().default(false),
    })
    .nullable(),
  /** Plan again although nothing it depends on changed: somebody pressed "Re-run". */
  force: z.boolean().default(false),
});
export type ReviewJob = z.infer<typeof reviewJobSchema>;

export const buildJobSchema = z.object({ inputs: z.string(), destination: z.string(), verify: z.boolean() });
export type BuildJob = z.infer<typeof buildJobSchema>;

/** A runtime image, see `store/runtimes.ts`. */
export const runtimeJobSchema = z.object({ key: z.string(), repository: z.string() });
export type RuntimeJob = z.infer<typeof runtimeJobSchema>;

export const concludeJobSchema = z.object({ repoId: z.number(), pr: z.number(), headSha: z.string() });
export type ConcludeJob = z.infer<typeof concludeJobSchema>;

/** Something a person, or the default branch, asks of the bot. */
export const commandJobSchema = z.discriminatedUnion('kind', [
  pullSchema.extend({ kind: z.literal('comment'), commentId: z.number() }),
  /** A button on one of our check runs, or "Re-run". */
  pullSchema.extend({
    kind: z.literal('action'),
    /** `rerun`, or the identifier of a button. */
    action: z.string(),
    checkName: z.string(),
    headSha: z.string(),
    sender: z.string(),
  }),
  /** The default branch moved: open pull requests may have to be planned again. */
  pullSchema.omit({ pr: true }).extend({ kind: z.literal('refresh') }),
  /** A merge queue's commit waits for the required check. */
  pullSchema.omit({ pr: true }).extend({ kind: z.literal('merge-group'), headSha: z.string() }),
]);
export type CommandJob = z.infer<typeof commandJobSchema>;
export type CommentJob = Extract<CommandJob, { kind: 'comment' }>;
export type ActionJob = Extract<CommandJob, { kind: 'action' }>;

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
  /** Every `host/repository` that each model is published to after the merge, aliases included. */
  places: z.record(z.string(), z.array(z.string())).default({}),
  /** Models that somebody asked for on experimental runtimes. */
  experimental: z.array(z.string()).default([]),
  scan: scanSettingsSchema.nullable(),
  notes: z.array(z.string()),
  /** From another repository: validated and planned only, until this commit is approved. */
  fork: z.boolean(),
  /** Models whose `permissive: true` or `override_spdx` this pull request brings: their fat images wait for an approval. */
  overrides: z.array(z.string()),
  /** Who approved this very commit. */
  approvedBy: z.string().nullable(),
  /** What would loosen the rules, in force after the merge. */
  weakenings: z.array(z.string()),
  /** Hash of the catalogs on target and default branch that were planned against. */
  against: z.string().nullable(),
  /** Why the plan could not be made, in words; the rest is then what was known before. */
  failure: z.string().nullable().default(null),
});
export type ReviewPlan = z.infer<typeof reviewPlanSchema>;

/** What a finished build leaves in the ledger. */
export const buildResultSchema = z.object({
  image: builtImageSchema,
  /** Of the bare base, to tell its findings from the image's own; null when it was not scanned. */
  baseScan: scanResultSchema.nullable(),
  /** Rows from before there were smoke runs have none. */
  smoke: smokeResultSchema.nullable().default(null),
});
export type BuildResult = z.infer<typeof buildResultSchema>;
