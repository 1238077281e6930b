import { Agent, type Dispatcher, EnvHttpProxyAgent } from 'undici';
import { PublisherError } from '../errors.ts';
import { createGuard, type Guard } from './guard.ts';
import { type Wire, wireThrough } from './wire.ts';

/** The `fetch` every client takes. */
export type Fetch = typeof globalThis.fetch;

export interface GuardedFetchOptions {
  /** `host:port` pairs of the operator, exempt from the rule that only public addresses are connected to. */
  allow: string[];
  /** Also exempt every loopback address: for a Hub on loopback and the redirects it gives. */
  allowLoopback?: boolean;
  userAgent?: string;
  /** Connections per host; unlimited when left out. */
  connections?: number;
  /** Milliseconds: to connect (15 s), until headers (5 min, a registry may hash gigabytes first), between two chunks (5 min). */
  timeouts?: { connectMs?: number; headersMs?: number; bodyMs?: number };
  /** Where `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY` (either case) are read from; none are when left out. */
  env?: Record<string, string | undefined>;
}

/** Two ways to the same places. */
export interface Http {
  fetch: Fetch;
  /** For large bodies. */
  wire: Wire;
}

const LOCAL = 'localhost,127.0.0.1,::1';

/**
 * A `fetch` for URLs that others wrote: it connects to public addresses only, on every redirect hop, unless the operator
 * listed host and port. It rejects with PublisherError `refused` naming host, address and rule; other failures are fetch's own.
 */
export function guardedFetch(options: GuardedFetchOptions): Fetch {
  return guardedHttp(options).fetch;
}

/** The same `fetch`, and a way past it for large bodies that keeps the same rule, proxies and timeouts. */
export function guardedHttp(options: GuardedFetchOptions): Http {
  const { connectMs = 15_000, headersMs = 300_000, bodyMs = 300_000 } = options.timeouts ?? {};
  const guard = createGuard({ ...options, connectTimeoutMs: connectMs });
  const dispatcher = createDispatcher(guard, options, {
    connect: guard.connect,
    connections: options.connections ?? null,
    headersTimeout: headersMs,
    bodyTimeout: bodyMs,
    // Weights want one connection each, not one flow-controlled connection for all.
    allowH2: false,
  });
  const wire = wireThrough(dispatcher);
  const { userAgent } = options;
  return {
    async fetch(input, init) {
      try {
        return await globalThis.fetch(input, { ...init, headers: headersOf(input, init, userAgent), dispatcher });
      } catch (error) {
        throw refusalIn(error) ?? error;
      }
    },
    async wire(url, request) {
      try {
        const headers = userAgent === undefined ? request.headers : { 'user-agent': userAgent, ...request.headers };
        return await wire(url, { ...request, headers });
      } catch (error) {
        throw refusalIn(error) ?? error;
      }
    },
  };
}

function createDispatcher(guard: Guard, options: GuardedFetchOptions, settings: Agent.Options): Dispatcher {
  const env = options.env ?? {};
  const httpsProxy = env.https_proxy || env.HTTPS_PROXY || '';
  const httpProxy = env.http_proxy || env.HTTP_PROXY || '';
  if (httpsProxy === '' && httpProxy === '') return new Agent(settings);
  const noProxy = [env.no_proxy || env.NO_PROXY, LOCAL].filter(Boolean).join(',');
  const agent = new EnvHttpProxyAgent({ ...settings, httpProxy, httpsProxy, noProxy });
  return agent.compose((dispatch) => (request, handler) => {
    guard.check(new URL(String(request.origin))).then(
      () => dispatch(request, handler),
      (error: Error) => handler.onResponseError?.(noController, error),
    );
    return true;
  });
}

/** A request refused before dispatch has nothing to pause or abort. */
const noController: Dispatcher.DispatchController = {
  aborted: true,
  paused: false,
  reason: null,
  abort() {},
  pause() {},
  resume() {},
};

function headersOf(input: Parameters<Fetch>[0], init: RequestInit | undefined, userAgent: string | undefined): Headers {
  const headers = new Headers(init?.headers ?? (input instanceof Request ? input.headers : undefined));
  if (userAgent !== undefined && !headers.has('user-agent')) headers.set('user-agent', userAgent);
  return headers;
}

/** fetch hides what went wrong in `cause`; ours is found there. */
function refusalIn(error: unknown): PublisherError | null {
  for (let next = error; next instanceof Error; next = next.cause) {
    if (next instanceof PublisherError) return next;
  }
  return null;
}
