import type { Answer } from './failures.ts';

/** How a registry wants large blobs. */
export interface UploadStrategy {
  /** Whether it takes a PATCH in chunked transfer encoding: content whose digest is known only when it has been sent. */
  streaming: boolean;
  /** Milliseconds from the beginning of an upload to its end; null = no limit known. */
  maxSessionMs: number | null;
  /** Bytes of one blob; null = no limit known. */
  layerMaxBytes: number | null;
}

const MIB = 1024 * 1024;
const MINUTE_MS = 60_000;

const UNLIMITED: UploadStrategy = { streaming: true, maxSessionMs: null, layerMaxBytes: null };

/** What is documented or was observed, by host; the first match counts. */
const KNOWN: readonly (readonly [RegExp, Partial<UploadStrategy>])[] = [
  [/^ghcr\.io$/, { maxSessionMs: 10 * MINUTE_MS, layerMaxBytes: 10e9 }],
  [/^[a-z0-9-]+-docker\.pkg\.dev$|^(?:[a-z0-9-]+\.)?gcr\.io$/, { streaming: false }],
  [/^\d+\.dkr\.ecr(?:-fips)?\.[a-z0-9-]+\.amazonaws\.com(?:\.cn)?$/, { layerMaxBytes: 52_000 * MIB }],
  [/^public\.ecr\.aws$/, { layerMaxBytes: 52_000 * MIB }],
];

/** @param registry host with optional port, as in a `Reference` */
export function uploadStrategy(registry: string): UploadStrategy {
  const host = registry.replace(/:443$/, '');
  return { ...UNLIMITED, ...KNOWN.find(([pattern]) => pattern.test(host))?.[1] };
}

/** Bytes a layer may have in a registry; null = no limit known. For the layer plan, before anything is sent. */
export function registryLayerLimit(registry: string): number | null {
  return uploadStrategy(registry).layerMaxBytes;
}

const NEVER_STREAMED: ReadonlySet<number> = new Set([405, 411, 415, 501]);
/** How a 400 is told from one about the bytes or the name. */
const REFUSALS: ReadonlySet<string> = new Set(['UNSUPPORTED', 'BLOB_UPLOAD_INVALID', 'SIZE_INVALID']);

/**
 * Whether an answer to a chunked PATCH means "not like this", so that a monolithic PUT may do: methods, lengths and encodings the
 * registry does not know, or a 400 saying so. A 404 or 416 is a session that was lost, a 413 a blob that is too large either way.
 */
export function refusesStreaming({ status, codes }: Pick<Answer, 'status' | 'codes'>): boolean {
  if (NEVER_STREAMED.has(status)) return true;
  return status === 400 && (codes.length === 0 || codes.some((code) => REFUSALS.has(code)));
}
