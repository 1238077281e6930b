import { z } from 'zod';
import { PublisherError } from '../errors.ts';
import { readText } from '../http/body.ts';
import { retryAfterOf } from '../http/retry.ts';
import type { WireResponse } from '../http/wire.ts';

/** What was asked for, for messages. */
export interface Question {
  id: string;
  /** As asked for; null = latest. */
  revision: string | null;
  path?: string;
  /** Whether the request carried the token. */
  authorised: boolean;
  /** The content host that answered; null when it was the Hub itself. */
  host: string | null;
}

/** An error answer of the Hub, kept as the `cause` of ours. */
export class HubAnswer extends Error {
  readonly status: number;
  /** Milliseconds the Hub asks to wait; null when it does not. */
  readonly retryAfterMs: number | null;

  constructor(status: number, detail: string, retryAfterMs: number | null) {
    super(detail === '' ? `HTTP ${status}` : `HTTP ${status}, ${detail}`);
    this.status = status;
    this.retryAfterMs = retryAfterMs;
  }
}

const ERROR_BODY_BYTES = 64 * 1024;
const errorBody = z.object({ error: z.string() });

/**
 * One of our errors for an answer that is not a success, by the Hub's `X-Error-Code` and `X-Error-Message` where it sends
 * them, else by status. Reads and closes the body.
 */
export async function failedAnswer(response: WireResponse, question: Question, now: number): Promise<PublisherError> {
  const body = await readText(response, {
    maxBytes: ERROR_BODY_BYTES,
    what: 'The answer',
    code: 'hub-unavailable',
  }).catch(() => '');
  const message = response.headers.get('x-error-message') ?? errorIn(body);
  const detail = [response.headers.get('x-error-code'), message].filter(Boolean).join(': ').slice(0, 300);
  const cause = new HubAnswer(response.status, detail, retryAfterOf(response.headers, now));
  const html = (response.headers.get('content-type') ?? '').includes('html');
  return describe(cause, { code: response.headers.get('x-error-code'), message, html }, question);
}

interface Hints {
  code: string | null;
  message: string;
  html: boolean;
}

function describe(cause: HubAnswer, { code, message, html }: Hints, question: Question): PublisherError {
  const { id, revision, path, authorised, host } = question;
  const { status } = cause;
  const what = path === undefined ? id : `${path} of ${id}`;
  if (host !== null) {
    // Only the Hub knows what exists; a content host refuses when the URL it was given has expired, and the next one is new.
    return new PublisherError(
      'hub-unavailable',
      `The Hub's content host ${host} does not give ${what} (${cause.message})`,
      {
        cause,
      },
    );
  }
  if (code === 'GatedRepo' && (status === 401 || status === 403)) {
    return new PublisherError('hub-gated', `${what} is gated: its owner wants an agreement first`, { cause });
  }
  if (status === 451 || (status === 403 && (code === 'DisabledRepo' || /disabled/i.test(message)))) {
    return new PublisherError('hub-disabled', `${id} is disabled on the Hub`, { cause });
  }
  if (status === 401 && authorised && /invalid (credentials|user token)/i.test(message)) {
    const text = 'The Hub does not accept HF_TOKEN: renew it, or unset it';
    return new PublisherError('hub-unavailable', text, { cause, retryable: false });
  }
  if (status === 404 && code === 'RevisionNotFound') {
    return new PublisherError('hub-not-found', `${id} has no revision "${revision ?? 'main'}"`, { cause });
  }
  if (status === 404 && path !== undefined && code !== 'RepoNotFound' && !html) {
    return new PublisherError('hub-not-found', `${id} has no file ${path} at ${revision ?? 'main'}`, { cause });
  }
  if (status === 401 || (status === 404 && !html)) {
    return new PublisherError('hub-not-found', `${id} is not publicly on the Hub: missing, misspelt or private`, {
      cause,
    });
  }
  const retryable = status === 408 || status === 429 || (status >= 500 && status !== 501);
  const why = status === 429 ? 'limits our request rate' : 'did not answer as it should';
  return new PublisherError('hub-unavailable', `The Hub ${why} for ${what} (${cause.message})`, { cause, retryable });
}

function errorIn(body: string): string {
  try {
    return errorBody.safeParse(JSON.parse(body)).data?.error ?? '';
  } catch {
    return '';
  }
}

/** For `withRetry`: the wait the Hub asked for in the answer behind this error. */
export function askedToWait(error: unknown): number | null {
  return error instanceof Error && error.cause instanceof HubAnswer ? error.cause.retryAfterMs : null;
}
