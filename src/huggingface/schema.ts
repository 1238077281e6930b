import { z } from 'zod';

/** What we read of the Hub's answers. Fields it does not send, or adds one day, do not matter; wrong ones do. */

const HEX40 = /^[0-9a-f]{40}$/;
const HEX64 = /^[0-9a-f]{64}$/;

/** Hub repository: `owner/name`, or a bare name of the early days. */
export const REPOSITORY = /^(?:[A-Za-z0-9_][A-Za-z0-9._-]{0,95}\/)?[A-Za-z0-9_][A-Za-z0-9._-]{0,95}$/;

const repository = z.string().regex(REPOSITORY);

/** `GET /api/models/{id}/revision/{rev}?expand=…` */
export const modelInfoSchema = z.object({
  id: repository.nullish(),
  sha: z.string().regex(HEX40),
  private: z.boolean().nullish(),
  disabled: z.boolean().nullish(),
  // Answers of old mirrors say `true` without saying which.
  gated: z.union([z.boolean(), z.literal('auto'), z.literal('manual')]).nullish(),
  lastModified: z.string().nullish(),
  tags: z.array(z.string()).nullish(),
  cardData: z.record(z.string(), z.unknown()).nullish(),
  config: z.record(z.string(), z.unknown()).nullish(),
  baseModels: z.unknown().optional(),
});
export type ModelInfo = z.infer<typeof modelInfoSchema>;

/** One entry of `GET /api/models/{id}/tree/{rev}?recursive=true&expand=true`. */
export const treeEntrySchema = z.object({
  type: z.string(),
  path: z.string().min(1),
  size: z.number().int().nonnegative().nullish(),
  oid: z.string().nullish(),
  lfs: z.object({ oid: z.string().regex(HEX64), size: z.number().int().nonnegative().nullish() }).nullish(),
  lastCommit: z.object({ date: z.string().nullish() }).nullish().catch(null),
  securityFileStatus: z.object({ status: z.string().nullish() }).nullish().catch(null),
});
export type TreeEntry = z.infer<typeof treeEntrySchema>;

/** `GET /api/models/{id}/scan` */
export const scanSchema = z.object({
  scansDone: z.boolean().nullish(),
  filesWithIssues: z.array(z.object({ path: z.string(), level: z.string() })),
});
export type Scan = z.infer<typeof scanSchema>;

/** Bytes; the index of a 700-billion-parameter model has 9 MB. */
export const MAX_INDEX_BYTES = 64 * 1024 * 1024;

/** `*.safetensors.index.json`, `*.bin.index.json`. */
export const indexSchema = z.object({ weight_map: z.record(z.string(), z.string()) });

export function isCommit(text: string): boolean {
  return HEX40.test(text);
}
