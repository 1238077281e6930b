import type { Clock } from '../clock.ts';
import { messageOf, PublisherError } from '../errors.ts';
import { isLoopbackUrl } from '../http/addresses.ts';
import { readText } from '../http/body.ts';
import { cancelled, type RetryOptions } from '../http/retry.ts';
import type { Wire, WireResponse } from '../http/wire.ts';
import { askedToWait, failedAnswer, HubAnswer, type Question } from './answer.ts';
import type { HubCache } from './cache.ts';
import { bucketOf, type RateLimiter } from './rate-limit.ts';

export interface Connection {
  /** Without trailing slash. */
  endpoint: string;
  /** For JSON, which may come compressed. */
  ask: Wire;
  /** For files. */
  load: Wire;
  clock: Clock;
  /** Told of every answer of the Hub itself. */
  limiter: RateLimiter;
  /** Milliseconds one request may wait for the Hub's rate limit. */
  patienceMs: number;
  /** null = nothing is kept. */
  cache: HubCache | null;
}

export interface GetOptions {
  question: Omit<Question, 'authorised' | 'host'>;
  headers: Record<string, string>;
  /** Goes to the Hub's own origin only, whatever redirects say. */
  token: string | null;
  /** `hub`: only within the Hub's origin (renames). `anywhere`: to a content host. */
  redirects: 'hub' | 'anywhere';
  /** Which of the connection's ways. */
  via: 'ask' | 'load';
  signal: AbortSignal;
}

const REDIRECTS = new Set([301, 302, 303, 307, 308]);
const MOST_REDIRECTS = 5;
const MAX_REDIRECT_BYTES = 64 * 1024;

/**
 * A GET that follows at most five redirects itself, so that it decides where the token goes. Resolves to a successful
 * response, whose body is still to be read, or to a 304 where `if-none-match` was sent.
 * @throws PublisherError of the answer's kind; `hub-unavailable` for network failures and bad redirects
 */
export async function get(connection: Connection, url: string, options: GetOptions): Promise<WireResponse> {
  const origin = new URL(connection.endpoint).origin;
  let current = new URL(url);
  for (let hop = 0; hop <= MOST_REDIRECTS; hop++) {
    const own = current.origin === origin;
    const authorization: Record<string, string> =
      own && options.token !== null ? { authorization: `Bearer ${options.token}` } : {};
    const response = await connection[options.via](current, {
      method: 'GET',
      headers: { ...options.headers, ...authorization },
      signal: options.signal,
    });
    if (own) connection.limiter.learn({ bucket: bucketOf(current), authorised: options.token !== null }, response);
    if (response.ok || (response.status === 304 && options.headers['if-none-match'] !== undefined)) return response;
    if (!REDIRECTS.has(response.status)) {
      const host = own ? null : current.host;
      const question = { ...options.question, authorised: own && options.token !== null, host };
      throw await failedAnswer(response, question, connection.clock.now());
    }
    await discard(response);
    current = nextHop(response, current, connection.endpoint, options.redirects);
  }
  throw new PublisherError(
    'hub-unavailable',
    `The Hub redirects ${options.question.id} more than ${MOST_REDIRECTS} times`,
    {
      retryable: false,
    },
  );
}

function nextHop(response: WireResponse, from: URL, endpoint: string, redirects: 'hub' | 'anywhere'): URL {
  const next = URL.parse(response.headers.get('location') ?? '', from);
  if (next === null) {
    throw new PublisherError('hub-unavailable', `The Hub redirects without saying where (HTTP ${response.status})`);
  }
  const own = next.origin === new URL(endpoint).origin;
  const elsewhere = next.protocol === 'https:' || (isLoopbackUrl(next) && isLoopbackUrl(endpoint));
  if (own || (redirects === 'anywhere' && elsewhere)) return next;
  const text = `Refused to follow the Hub's redirect to ${next.protocol}//${next.host}`;
  throw new PublisherError('refused', `${text}: ${redirects === 'hub' ? 'not its own host' : 'not https'}`);
}

/** Reads the few words of a redirect, for a cancelled body costs its connection, which the next request could have used. */
async function discard(response: WireResponse): Promise<void> {
  await readText(response, { maxBytes: MAX_REDIRECT_BYTES, what: 'A redirect', code: 'hub-unavailable' }).catch(
    () => {},
  );
}

/** How requests are repeated. The wait of a 429 is the limiter's, which holds up all requests and not only the one that met it. */
export function retryOptions(
  { clock, patienceMs }: Connection,
  signal: AbortSignal | undefined,
): Omit<RetryOptions, 'attempts'> {
  const retryAfterMs = (error: unknown) => {
    const asked = askedToWait(error);
    const limited = error instanceof PublisherError && error.cause instanceof HubAnswer && error.cause.status === 429;
    return limited && asked !== null && asked <= patienceMs ? 0 : asked;
  };
  return { clock, patienceMs, retryAfterMs, ...(signal === undefined ? {} : { signal }) };
}

/** What a failed exchange means: nobody waits any more, an answer already understood, or a Hub out of reach. */
export function exchangeError(error: unknown, what: string, signal: AbortSignal | undefined): PublisherError {
  if (signal?.aborted) return cancelled(signal);
  if (error instanceof PublisherError) return error;
  return new PublisherError('hub-unavailable', `The Hub cannot be reached for ${what}: ${messageOf(error)}`, {
    cause: error,
  });
}
