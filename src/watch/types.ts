import { z } from 'zod';
import type { Variant } from '../catalog/types.ts';
import type { Digest } from '../registry/types.ts';
import type { Finding, ScanSummary } from '../scan/types.ts';

/** What is scanned: a manifest in a repository. */
export interface ScanSubject {
  digest: Digest;
  /** `host/repository@digest`. */
  reference: string;
  /** `os/arch`; none for an image of one platform. */
  platforms: string[];
  /** Whose registry logins are used. */
  owner: string | null;
  /** The inputs key it was built with; null when nobody knows. */
  inputs: string | null;
}

/** A published image that is looked at again. */
export interface ImageToScan {
  short: string;
  runtime: string;
  variant: Variant;
  digest: Digest;
  /** `host/repository@digest` in its first registry. */
  reference: string;
  /** Itself, or the slim image that stands for it. */
  subject: ScanSubject;
}

/** What `rescan --json` says of one image. */
export interface RescannedImage {
  short: string;
  runtime: string;
  variant: Variant;
  reference: string;
  digest: Digest;
  status: 'scanned' | 'not-scanned';
  /** Why it was not scanned. */
  reason: string | null;
  /** What the catalog does not ignore, and was not there at the last scan; everything where there was no scan before. */
  appeared: Finding[];
  gone: Finding[];
  summary: ScanSummary | null;
}

export const rescanJobSchema = z.object({
  installationId: z.number(),
  repoId: z.number(),
  owner: z.string(),
  repo: z.string(),
  /** See `catalogId`. */
  catalog: z.string(),
  /** Of the catalog in its repository. */
  path: z.string(),
  /** null: every model. */
  short: z.string().nullable(),
});
export type RescanJob = z.infer<typeof rescanJobSchema>;
