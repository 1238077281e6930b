import { z } from 'zod';
import type { Clock } from '../clock.ts';
import { type ErrorCode, messageOf, PublisherError } from '../errors.ts';
import { readBytes } from '../http/body.ts';
import { stripUrls } from '../http/redact.ts';
import { cancelled } from '../http/retry.ts';
import type { WireResponse } from '../http/wire.ts';

/** What a registry answered, kept as the `cause` of the error that tells about it. */
export interface Answer {
  kind: 'registry-answer';
  status: number;
  /** Codes of the distribution specification, e.g. `BLOB_UPLOAD_UNKNOWN`. */
  codes: string[];
  /** Milliseconds the server asked us to wait; null when it did not. */
  retryAfterMs: number | null;
}

export interface FailureContext {
  registry: string;
  /** What was being done, as in "reading manifest v1 of ghcr.io/acme/x". */
  what: string;
  clock: Clock;
  /** The host that answered, when it is not the registry's own. */
  elsewhere?: string | null;
}

const answerSchema = z.object({
  kind: z.literal('registry-answer'),
  status: z.number(),
  codes: z.array(z.string()),
  retryAfterMs: z.number().nullable(),
});

const errorBodySchema = z.object({
  errors: z.array(z.object({ code: z.string().catch(''), message: z.string().nullish().catch('') })).max(100),
});

const LARGEST_ERROR_BODY = 64 * 1024;
const LONGEST_DETAIL = 300;

/** The registry's answer behind an error, if it is one of {@link failureOf}. */
export function answerOf(error: unknown): Answer | null {
  if (!(error instanceof PublisherError)) return null;
  return answerSchema.safeParse(error.cause).data ?? null;
}

/** For `withRetry`: how long the registry asked us to wait. */
export function retryAfterMs(error: unknown): number | null {
  return answerOf(error)?.retryAfterMs ?? null;
}

/** The error that tells about an unwelcome answer; consumes its body (distribution specification, "Error Codes"). */
export async function failureOf(response: WireResponse, context: FailureContext): Promise<PublisherError> {
  const { status } = response;
  const errors = await readErrors(response);
  const codes = errors.map(({ code }) => code).filter((code) => code !== '');
  const waitMs = parseRetryAfter(response.headers.get('retry-after'), context.clock.now());
  const cause: Answer = { kind: 'registry-answer', status, codes, retryAfterMs: waitMs };
  const detail = errors.length === 0 ? '' : ` (${printable(errors.map(errorText).join('; '))})`;
  const host = context.elsewhere ?? context.registry;
  const code = codeFor(status, codes, context.elsewhere != null);
  const advice =
    code === 'registry-denied'
      ? `: log in with "docker login ${context.registry}" as an account that may do this`
      : status === 429
        ? ': its rate limit is used up for now; logging in may raise it'
        : '';
  const message = `${host} answered ${status}${detail} while ${context.what}${advice}`;
  return new PublisherError(code, message, { cause, ...(status === 501 ? { retryable: false } : {}) });
}

/** The error for a request that got no answer; passes through our own errors (a refused address) and cancellation. */
export function networkFailure(error: unknown, registry: string, what: string, signal?: AbortSignal): PublisherError {
  if (signal?.aborted) return cancelled(signal);
  if (error instanceof PublisherError) return error;
  const why = stripUrls(messageOf(error));
  return new PublisherError('registry-unavailable', `${registry} broke the connection while ${what}: ${why}`, {
    cause: error,
  });
}

/** Seconds or an HTTP date (RFC 9110, 10.2.3) as milliseconds from `now`; null when absent or neither. */
export function parseRetryAfter(value: string | null, now: number): number | null {
  if (value === null) return null;
  if (/^\d{1,9}$/.test(value.trim())) return Number(value) * 1000;
  const date = Date.parse(value);
  return Number.isNaN(date) ? null : Math.max(0, date - now);
}

/** Untrusted text for a message: one short line without control characters, URLs without their secrets. */
export function printable(text: string): string {
  const line = stripUrls(text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\s]+/gu, ' ').trim()).replace(
    /\b(bearer|basic)\s+[\w.~+/=-]+/gi,
    '$1 …',
  );
  return line.length > LONGEST_DETAIL ? `${line.slice(0, LONGEST_DETAIL)}…` : line;
}

function codeFor(status: number, codes: readonly string[], elsewhere: boolean): ErrorCode {
  if (status === 429 || status === 408 || status === 425 || status >= 500) return 'registry-unavailable';
  if (codes.includes('TOOMANYREQUESTS')) return 'registry-unavailable';
  // A signed download address that ran out: asking the registry again gives a new one.
  if (elsewhere && (status === 401 || status === 403)) return 'registry-unavailable';
  if (status === 401 || status === 403) return 'registry-denied';
  if (status === 404) return 'registry-not-found';
  if (status === 413) return 'too-large';
  return 'registry-invalid';
}

async function readErrors(response: WireResponse): Promise<z.infer<typeof errorBodySchema>['errors']> {
  try {
    const options = { maxBytes: LARGEST_ERROR_BODY, what: 'The error', code: 'registry-invalid' } as const;
    const bytes = await readBytes(response, options);
    return errorBodySchema.parse(JSON.parse(new TextDecoder().decode(bytes))).errors;
  } catch {
    return []; // The status says enough.
  }
}

function errorText({ code, message }: { code: string; message?: string | null | undefined }): string {
  return [code, message].filter(Boolean).join(': ');
}
