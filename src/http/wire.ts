import { type Dispatcher, request } from 'undici';
import type { Fetch } from './fetch.ts';

export interface WireRequest {
  method: Dispatcher.HttpMethod;
  headers: Record<string, string>;
  /** Chunks are sent as they come, in chunked transfer encoding unless `headers` has a `content-length`. */
  body?: Uint8Array<ArrayBuffer> | AsyncIterable<Uint8Array> | undefined;
  signal?: AbortSignal | undefined;
}

/** What fetch's `Response` has too, so that either can be read by the same code. */
export interface WireResponse {
  readonly status: number;
  /** 200 to 299. */
  readonly ok: boolean;
  readonly headers: Headers;
  readonly body: (AsyncIterable<Uint8Array> & { cancel(): Promise<void> }) | null;
}

/**
 * HTTP for bodies of gigabytes: no web streams on the way, no redirects followed, nothing decompressed. Rejects with what the
 * connection failed with, or with the signal's reason.
 */
export type Wire = (url: URL, request: WireRequest) => Promise<WireResponse>;

/** Measured over loopback, hashing included: a quarter less CPU than fetch to receive a gigabyte, a twentieth less to send it. */
export function wireThrough(dispatcher: Dispatcher): Wire {
  return async (url, { method, headers, body, signal }) => {
    const options: Omit<Dispatcher.RequestOptions, 'origin' | 'path'> = { method, headers, signal };
    // undici takes any async iterable, and takes it more cheaply than a stream; its types do not say so.
    if (body !== undefined) Object.assign(options, { body });
    const answer = await request(url, { ...options, dispatcher });
    const stream = answer.body;
    // A connection that breaks while nobody reads is told to whoever reads next, not to the process.
    stream.on('error', () => undefined);
    return {
      status: answer.statusCode,
      ok: answer.statusCode >= 200 && answer.statusCode < 300,
      headers: headersOf(answer.headers),
      body: {
        [Symbol.asyncIterator]: () => stream[Symbol.asyncIterator](),
        // A short rest is read away, so that the connection can be used again; nobody waits for that.
        cancel: async () => void stream.dump({ limit: 64 * 1024 }).catch(() => undefined),
      },
    };
  };
}

/** The same through a `fetch`, for callers that have nothing else. */
export function wireOver(fetch: Fetch): Wire {
  return (url, { method, headers, body, signal }) =>
    fetch(url, {
      method,
      headers,
      redirect: 'manual',
      ...(signal === undefined ? {} : { signal }),
      ...(body === undefined ? {} : body instanceof Uint8Array ? { body } : streamed(body)),
    });
}

function streamed(body: AsyncIterable<Uint8Array>): { body: ReadableStream<Uint8Array>; duplex: 'half' } {
  return { body: ReadableStream.from(body), duplex: 'half' };
}

function headersOf(fields: Record<string, string | string[] | undefined>): Headers {
  const headers = new Headers();
  for (const [name, value = []] of Object.entries(fields)) {
    for (const each of [value].flat()) headers.append(name, each);
  }
  return headers;
}
