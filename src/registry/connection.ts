import type { Clock } from '../clock.ts';
import { PublisherError } from '../errors.ts';
import type { Fetch } from '../http/fetch.ts';
import { withRetry } from '../http/retry.ts';
import { type Wire, type WireResponse, wireOver } from '../http/wire.ts';
import { createKeyedLocks } from '../keyed-locks.ts';
import type { Logger } from '../log.ts';
import { Authenticator } from './auth.ts';
import type { CredentialStore } from './credentials.ts';
import { failureOf, networkFailure, retryAfterMs } from './failures.ts';
import { checkHop } from './hops.ts';
import { apiOrigin } from './reference.ts';
import { Spool } from './spool.ts';
import { type UploadStrategy, uploadStrategy } from './strategy.ts';

export interface ConnectionOptions {
  fetch: Fetch;
  /** A cheaper way for bodies than `fetch`, which is used without it. */
  wire?: Wire | undefined;
  clock: Clock;
  credentials: CredentialStore;
  logger: Logger;
  userAgent: string;
  /** Milliseconds until the headers of an answer; does not bound bodies. Default one minute. */
  timeoutMs?: number;
  /** Attempts in all for each operation. Default 3. */
  attempts?: number;
  random?: () => number;
  /** Where layers lie that a registry does not take as they stream. One for all clients of a process; default: one of its own. */
  spool?: Spool | undefined;
  /** How layers get into a registry, by its name. Default `uploadStrategy`. */
  strategy?: ((registry: string) => UploadStrategy) | undefined;
}

/** A body in chunks. */
export interface StreamBody {
  /** Bytes; null = sent in chunked transfer encoding. */
  length: number | null;
  open(): AsyncIterable<Uint8Array>;
  /** Whether it may be opened and sent again after a 401. */
  repeatable: boolean;
}

export interface RegistryRequest {
  method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  url: URL;
  scopes: readonly string[];
  /** For messages: "reading manifest v1 of ghcr.io/acme/x". */
  what: string;
  headers?: Record<string, string>;
  body?: Uint8Array<ArrayBuffer>;
  /** Instead of `body`. */
  stream?: StreamBody;
  signal?: AbortSignal | undefined;
  /** Milliseconds until headers; null where the registry may have to hash gigabytes first. */
  timeoutMs?: number | null;
}

/** One repository as seen through a connection. */
export interface Place {
  connection: Connection;
  repository: string;
  /** `host/repository`, for messages. */
  name: string;
}

const MOST_HOPS = 5;
const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

/** Requests to one registry: its login, its redirects, its retries. Credentials go to the registry's own origin only. */
export class Connection {
  readonly registry: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly spool: Spool;
  readonly strategy: UploadStrategy;
  /** For what is read, changed and written back. */
  readonly turns = createKeyedLocks();
  readonly #wire: Wire;
  readonly #origin: string;
  readonly #options: ConnectionOptions;
  readonly #auth: Authenticator;
  #streams: boolean;

  constructor(registry: string, options: ConnectionOptions) {
    this.registry = registry;
    this.clock = options.clock;
    this.logger = options.logger;
    this.spool = options.spool ?? new Spool();
    this.strategy = (options.strategy ?? uploadStrategy)(registry);
    this.#streams = this.strategy.streaming;
    this.#wire = options.wire ?? wireOver(options.fetch);
    this.#origin = apiOrigin(registry);
    this.#options = options;
    const { fetch, clock, credentials, timeoutMs = 60_000, attempts = 3, random } = options;
    this.#auth = new Authenticator({ registry, fetch, clock, credentials, timeoutMs, attempts, random });
  }

  /** Whether the registry takes content of unknown digest as it streams, as far as is known by now. */
  get streams(): boolean {
    return this.#streams;
  }

  /** From now on everything of unknown digest is spooled. */
  refuseStreams(why: string): void {
    if (this.#streams) this.logger.warn({ registry: this.registry, why }, 'registry takes no streams');
    this.#streams = false;
  }

  /** An endpoint of the distribution specification: `/v2/` and the path, which must already be safe. */
  url(path: string, query: Record<string, string> = {}): URL {
    const url = new URL(`/v2/${path}`, this.#origin);
    for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
    return url;
  }

  /** Runs an operation up to `attempts` times, as patient as the registry asks. */
  retry<T>(operation: (attempt: number) => Promise<T>, signal?: AbortSignal): Promise<T> {
    const { clock, attempts = 3, random } = this.#options;
    return withRetry(operation, {
      attempts,
      clock,
      retryAfterMs,
      ...(signal === undefined ? {} : { signal }),
      ...(random === undefined ? {} : { random }),
    });
  }

  /**
   * Sends one request and gives whatever answer came, logged in when that is asked for. After a 401 a new token is fetched
   * and the request repeated once; for a stream that cannot be repeated, the 401 is returned with the new token ready.
   *
   * @throws PublisherError `registry-unavailable` without an answer, `registry-denied`, `refused`, `cancelled`
   */
  async send(request: RegistryRequest): Promise<WireResponse> {
    if (request.url.origin !== new URL(this.#origin).origin) return this.#fetch(request, null);
    const used = await this.#auth.header(request.scopes, request.signal);
    const response = await this.#fetch(request, used);
    if (response.status !== 401) return response;
    const challenge = response.headers.get('www-authenticate');
    const renewed = await this.#auth.renew(challenge, request.scopes, used, request.signal).catch(async (error) => {
      await discard(response);
      throw error;
    });
    if (request.stream?.repeatable === false) return response;
    await discard(response);
    return this.#fetch(request, renewed);
  }

  /**
   * A GET or HEAD that follows redirects, at most five, each to a host that `checkHop` lets through.
   *
   * @throws as `send`; `registry-invalid` for an endless or empty redirect
   */
  async follow(request: RegistryRequest): Promise<{ response: WireResponse; elsewhere: string | null }> {
    let url = request.url;
    for (let hops = 0; hops <= MOST_HOPS; hops++) {
      const response = await this.send({ ...request, url });
      const elsewhere = url.host === request.url.host ? null : url.host;
      if (!REDIRECTS.has(response.status)) return { response, elsewhere };
      await discard(response);
      url = checkHop(response.headers.get('location'), url, this.registry);
    }
    throw new PublisherError(
      'registry-invalid',
      `${this.registry} redirects more than ${MOST_HOPS} times while ${request.what}`,
    );
  }

  /** The error for an unwelcome answer. */
  failure(response: WireResponse, what: string, elsewhere: string | null = null): Promise<PublisherError> {
    return failureOf(response, { registry: this.registry, what, clock: this.clock, elsewhere });
  }

  async #fetch(request: RegistryRequest, authorization: string | null): Promise<WireResponse> {
    const { method, url, what, signal, stream } = request;
    const timeoutMs = request.timeoutMs === undefined ? (this.#options.timeoutMs ?? 60_000) : request.timeoutMs;
    const patience = new AbortController();
    const late = new PublisherError(
      'registry-unavailable',
      `${url.host} gave no answer for ${timeoutMs} ms while ${what}`,
    );
    const timer = timeoutMs === null ? undefined : setTimeout(() => patience.abort(late), timeoutMs);
    try {
      return await this.#wire(url, {
        method,
        headers: {
          'user-agent': this.#options.userAgent,
          // Nothing on the way may compress: digests are of the bytes as stored.
          'accept-encoding': 'identity',
          ...request.headers,
          ...(authorization === null ? {} : { authorization }),
          ...(stream === undefined || stream.length === null ? {} : { 'content-length': String(stream.length) }),
        },
        signal: signal === undefined ? patience.signal : AbortSignal.any([signal, patience.signal]),
        body: request.body ?? stream?.open(),
      });
    } catch (error) {
      throw networkFailure(error, url.origin === new URL(this.#origin).origin ? this.registry : url.host, what, signal);
    } finally {
      clearTimeout(timer);
    }
  }
}

/** Lets go of a body nobody reads, so that the connection can be used again. */
export async function discard(response: WireResponse): Promise<void> {
  await response.body?.cancel().catch(() => undefined);
}
