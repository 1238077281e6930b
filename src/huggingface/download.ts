import type { Clock } from '../clock.ts';
import { PublisherError } from '../errors.ts';
import { withRetry } from '../http/retry.ts';
import type { WireResponse } from '../http/wire.ts';
import { type Connection, exchangeError, get, retryOptions } from './request.ts';
import type { DownloadOptions, HubFile, ModelAt } from './types.ts';
import { createVerifier, truncated, type Verifier } from './verify.ts';

export interface StreamOptions extends Omit<DownloadOptions, 'useToken'> {
  /** Sent only after the anonymous request was refused; null = never. */
  token: string | null;
  /** Milliseconds without a byte after which the Hub counts as gone. */
  stallMs: number;
  /** Requests until one is answered. */
  attempts: number;
}

/**
 * One file of a pinned revision in chunks. Errors come at the latest instead of the end, so whoever writes the chunks
 * somewhere must make nothing of them visible before the iteration ended normally.
 */
export async function* streamFile(
  connection: Connection,
  model: ModelAt,
  file: HubFile,
  options: StreamOptions,
): AsyncGenerator<Uint8Array, void, void> {
  const verifier = createVerifier(model.id, file);
  yield* streamInto(verifier, connection, model, file, options);
  verifier.finish();
}

/** The same in one request, as far as it comes: the end of the body may be early, and the hash is not looked at. */
export async function* streamInto(
  verifier: Verifier,
  connection: Connection,
  model: ModelAt,
  file: HubFile,
  options: StreamOptions,
): AsyncGenerator<Uint8Array, void, void> {
  const body = { what: `${file.path} of ${model.id}`, received: () => verifier.size };
  for await (const chunk of bodyOf(connection, model, file, options, body)) {
    verifier.update(chunk);
    options.onBytes?.(chunk.byteLength);
    yield chunk;
  }
}

export interface Body {
  /** For messages. */
  what: string;
  /** Further ones, e.g. `range`. */
  headers?: Record<string, string>;
  /** Looks at the answer before its body; may throw. */
  onAnswer?: (response: WireResponse) => void;
  /** Bytes of the file that have come so far, for the error about a body that breaks off. */
  received(): number;
}

/**
 * The body of the answer to one request for a file, just as it comes.
 *
 * @throws PublisherError of the answer's kind; `download-truncated` where the connection breaks, `hub-unavailable` where nothing comes
 */
export async function* bodyOf(
  connection: Connection,
  model: ModelAt,
  file: HubFile,
  options: StreamOptions,
  { what, headers, onAnswer, received }: Body,
): AsyncGenerator<Uint8Array, void, void> {
  const watch = createWatch(connection.clock, options.stallMs, what);
  const signal = options.signal === undefined ? watch.signal : AbortSignal.any([options.signal, watch.signal]);
  let response: WireResponse | undefined;
  let chunks: AsyncIterator<Uint8Array> | undefined;
  try {
    response = await openFile(connection, model, file, { ...options, signal, headers }, watch);
    onAnswer?.(response);
    chunks = response.body?.[Symbol.asyncIterator]();
    for (;;) {
      const { done, value } = await watch.during(chunks?.next() ?? { done: true, value: undefined });
      if (done) return;
      yield value;
    }
  } catch (error) {
    if (watch.signal.aborted && options.signal?.aborted !== true) throw watch.signal.reason;
    // A connection that breaks after the first byte cut the file; before, the Hub was out of reach.
    if (response !== undefined && !(error instanceof PublisherError) && options.signal?.aborted !== true) {
      throw truncated(model.id, file, received(), error);
    }
    throw exchangeError(error, what, options.signal);
  } finally {
    watch.stop();
    // Ends the reading where there is one, and lets go of a body nobody read. What is broken already may say so again.
    await Promise.allSettled([chunks?.return?.(), response?.body?.cancel()]);
  }
}

/** Where a file of a pinned revision is read: the Hub's own address, not the one it redirects to. */
export function fileUrl({ endpoint }: Pick<Connection, 'endpoint'>, { id, revision }: ModelAt, path: string): string {
  return `${endpoint}/${id}/resolve/${revision}/${path.split('/').map(encodeURIComponent).join('/')}`;
}

/** The answer to a request for a file, its body still to be read. */
async function openFile(
  connection: Connection,
  model: ModelAt,
  file: HubFile,
  options: StreamOptions & { signal: AbortSignal; headers: Record<string, string> | undefined },
  watch: Watch,
): Promise<WireResponse> {
  if (file.path.split('/').some((segment) => ['', '.', '..'].includes(segment))) {
    throw new PublisherError('refused', `${model.id} lists a file with the impossible path "${file.path}"`);
  }
  const url = fileUrl(connection, model, file.path);
  const request = async (token: string | null) => {
    try {
      const lane = { bucket: 'resolvers', authorised: token !== null };
      const { patienceMs } = connection;
      // Waiting for the rate limit is no stall of the Hub's.
      return await connection.limiter.during(lane, { patienceMs, signal: options.signal }, () =>
        watch.during(
          get(connection, url, {
            question: { ...model, path: file.path },
            // Compressed content would be counted and hashed after decompression, and saves nothing on weights.
            headers: { 'accept-encoding': 'identity', ...options.headers },
            token,
            redirects: 'anywhere',
            via: 'load',
            signal: options.signal,
          }),
        ),
      );
    } catch (error) {
      throw exchangeError(error, `${file.path} of ${model.id}`, options.signal);
    }
  };
  const { attempts, signal, token } = options;
  return await withRetry(
    async () => {
      try {
        return await request(null);
      } catch (error) {
        const refused =
          error instanceof PublisherError && (error.code === 'hub-gated' || error.code === 'hub-not-found');
        if (token === null || !refused) throw error;
        return await request(token);
      }
    },
    { attempts, ...retryOptions(connection, signal) },
  );
}

interface Watch {
  /** Aborted, with the error as its reason, when something awaited took too long. */
  readonly signal: AbortSignal;
  /** Waits under observation; between two waits the consumer may take as long as it likes. */
  during<T>(waiting: Promise<T> | T): Promise<T>;
  stop(): void;
}

/** One sleeper for the whole stream instead of a timer for each of its chunks. */
function createWatch(clock: Clock, stallMs: number, what: string): Watch {
  const stalled = new AbortController();
  const stopped = new AbortController();
  let since: number | null = null;
  const run = async () => {
    while (!stopped.signal.aborted) {
      const left = since === null ? stallMs : since + stallMs - clock.now();
      if (left <= 0) {
        const text = `The Hub sent nothing of ${what} for ${Math.round(stallMs / 1000)} s`;
        stalled.abort(new PublisherError('hub-unavailable', text));
        return;
      }
      await clock.sleep(left, stopped.signal);
    }
  };
  run().catch(() => {});
  return {
    signal: stalled.signal,
    async during(waiting) {
      since = clock.now();
      try {
        return await waiting;
      } finally {
        since = null;
      }
    },
    stop: () => stopped.abort(),
  };
}
