import { z } from 'zod';

const HEX64 = /^[0-9a-f]{64}$/;
const text = z.string().min(1);

/** `/licenses/manifest.json` as its documentation has it; written apart from the code that writes it. */
export const licenseManifestSchema = z.strictObject({
  schemaVersion: z.literal(2),
  model: text,
  revision: z.string().regex(/^[0-9a-f]{40}$/),
  variant: z.enum(['slim', 'fat']),
  license: z.strictObject({
    declared: text.nullable(),
    effective: text.nullable(),
    class: text.nullable(),
    link: text.nullable(),
  }),
  obligations: z.array(
    z.strictObject({
      id: text,
      obligations: z.array(z.strictObject({ code: text, meaning: text })),
      note: text.optional(),
    }),
  ),
  infrastructure: z.literal('CC0-1.0'),
  base: z.strictObject({
    digests: z.record(text, z.string().regex(/^sha256:[0-9a-f]{64}$/)),
    licenses: z.array(
      z.strictObject({ id: text.nullable(), name: text, evidence: z.array(text), url: text.nullable() }),
    ),
  }),
  decision: z.strictObject({
    variant: z.enum(['slim', 'fat']),
    reasons: z.array(z.strictObject({ code: text, meaning: text })).min(1),
  }),
  files: z.array(
    z.strictObject({
      path: z.string().startsWith('/licenses/'),
      source: z.enum(['upstream', 'publisher']),
      from: z.array(text),
      sha256: z.string().regex(HEX64),
      note: text.optional(),
    }),
  ),
  notReadable: z.array(z.strictObject({ path: text, reason: z.literal('not readable, gated') })),
});
