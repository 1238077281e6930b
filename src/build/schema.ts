import { z } from 'zod';
import { LICENSE_CLASSES } from '../licensing/hub-licenses.ts';
import { isDigest } from '../registry/digest.ts';
import type { Digest } from '../registry/types.ts';
import type { BuildRequest, BuiltImage } from './types.ts';

/** A digest that comes from outside: a database row, a file. */
export const digestSchema = z.custom<Digest>(
  (value) => typeof value === 'string' && isDigest(value),
  'not a sha256 digest',
);
const nullableText = z.string().nullable();
export const variantSchema = z.enum(['slim', 'fat']);
export const engineSchema = z.enum(['vllm', 'sglang', 'llamacpp']);

export const licenseClassSchema = z.enum(LICENSE_CLASSES);

export const reasonCodeSchema = z.enum([
  'license-permissive',
  'license-override',
  'license-not-permissive',
  'license-unknown',
  'license-missing',
  'lineage-unknown',
  'lineage-stricter',
  'gated',
  'private',
  'disabled',
  'not-found',
  'hub-unavailable',
  'unsafe-files',
  'remote-code',
  'runtime-incompatible',
  'too-large',
  'layer-too-large',
  'too-many-layers',
]);

const hubFileSchema = z.object({
  path: z.string(),
  size: z.int().nonnegative(),
  sha256: nullableText,
  oid: z.string(),
  security: z.enum(['unscanned', 'safe', 'queued', 'error', 'caution', 'suspicious', 'unsafe']).nullable(),
});

const inputsSchema = z.object({
  model: z.string(),
  revision: z.string(),
  files: z.array(z.object({ path: z.string(), size: z.int().nonnegative(), content: z.string() })),
  base: z.record(z.string(), digestSchema),
  runtime: z.string(),
  engine: engineSchema,
  variant: variantSchema,
  builder: z.enum(['assemble', 'buildkit']),
  buildkit: z.object({ dockerfile: z.string(), arguments: z.record(z.string(), z.string()) }).optional(),
  layerLimit: z.int().positive(),
  short: z.string(),
  serveArgs: z.array(z.string()),
  oci: z.object({ title: nullableText, description: nullableText, url: nullableText }),
  downloadRoot: z.string(),
  hfCacheDir: z.string(),
  legal: z.array(z.object({ path: z.string(), content: z.string() })),
  license: z.object({
    declared: nullableText,
    spdx: nullableText,
    // Rows of format 1 lack these two; they are never built again.
    class: licenseClassSchema.nullable().default(null),
    link: nullableText.default(null),
  }),
  entrypoint: z.string(),
  format: z.int(),
  codes: z.array(reasonCodeSchema),
});

/** A build request as the ledger keeps it. */
export const buildRequestSchema: z.ZodType<BuildRequest> = z.object({
  key: z.string(),
  inputs: inputsSchema,
  hubId: z.string(),
  files: z.array(hubFileSchema),
  legal: z.array(hubFileSchema),
  unreadable: z.array(z.string()),
  lastModified: z.string(),
  base: z.object({ reference: z.string(), digest: digestSchema, own: z.boolean().optional() }),
  // Rows from before there were smoke runs lack it.
  smoke: z.array(z.string()).nullable().default(null),
});

/** A build's result as the ledger keeps it. */
export const builtImageSchema: z.ZodType<BuiltImage> = z.object({
  variant: variantSchema,
  runtime: z.string(),
  reference: z.string(),
  references: z.array(z.string()),
  digest: digestSchema,
  revision: z.string(),
  bytes: z.object({ weights: z.number(), uploaded: z.number(), reused: z.number() }),
  durationMs: z.number(),
  notes: z.array(z.string()).default([]),
});
