import { listFiles, modelInfo } from '@huggingface/hub';
import { z } from 'zod';
import { PublisherError } from '../errors.ts';
import { readJson } from '../http/body.ts';
import type { Fetch } from '../http/fetch.ts';
import { withRetry } from '../http/retry.ts';
import type { WireResponse } from '../http/wire.ts';
import { keepAnswer, recallAnswer } from './cache.ts';
import { type Connection, exchangeError, type GetOptions, get, retryOptions } from './request.ts';
import { type ModelInfo, modelInfoSchema, type Scan, scanSchema, type TreeEntry, treeEntrySchema } from './schema.ts';

export interface MetadataOptions {
  /** null asks anonymously. */
  token: string | null;
  /** Milliseconds for one request with its body. */
  timeoutMs: number;
  signal: AbortSignal | undefined;
}

const MIB = 1024 * 1024;
const MAX_JSON_BYTES = 32 * MIB;
const MAX_TREE_ENTRIES = 20_000;
/** The smallest page the Hub sends has 100 entries; a listing of more pages than that is going in circles. */
const MAX_TREE_PAGES = (2 * MAX_TREE_ENTRIES) / 100;
const FIELDS = ['cardData', 'config', 'disabled', 'sha', 'tags'] as const;

/**
 * `GET /api/models/{id}/revision/{revision}?expand=…`.
 * @throws PublisherError of the answer's kind
 */
export async function readModelInfo(
  connection: Connection,
  id: string,
  revision: string | null,
  options: MetadataOptions,
): Promise<ModelInfo> {
  const question = { id, revision };
  let answer: unknown;
  await modelInfo({
    name: id,
    // Every repository of the Hub has this branch.
    revision: revision ?? 'main',
    hubUrl: connection.endpoint,
    additionalFields: [...FIELDS],
    fetch: jsonFetch(connection, question, options, {
      // The Hub knows this field, the library's types do not.
      prepare: (url) => url.searchParams.append('expand', 'baseModels'),
      // The library turns a missing date into an invalid one and drops fields: the answer itself is what we validate.
      accept: (json) => {
        answer = json;
        if (typeof json !== 'object' || json === null) throw unexpected(id, 'is no object');
      },
    }),
    ...(options.token === null ? {} : { accessToken: options.token }),
  });
  const parsed = modelInfoSchema.safeParse(answer);
  if (!parsed.success) throw unexpected(id, z.prettifyError(parsed.error));
  return parsed.data;
}

/**
 * `GET /api/models/{id}/tree/{revision}?recursive=true&expand=true`, all pages.
 * @throws PublisherError of the answer's kind; `too-large` over 20,000 entries
 */
export async function readTree(
  connection: Connection,
  id: string,
  revision: string,
  options: MetadataOptions,
): Promise<TreeEntry[]> {
  let pages = 0;
  const pageSchema = z.array(treeEntrySchema);
  const entries: TreeEntry[] = [];
  const listing = listFiles({
    repo: { type: 'model', name: id },
    recursive: true,
    expand: true,
    revision,
    hubUrl: connection.endpoint,
    fetch: jsonFetch(connection, { id, revision }, options, {
      accept: (json) => {
        const page = pageSchema.safeParse(json);
        if (!page.success) throw unexpected(id, z.prettifyError(page.error));
        entries.push(...page.data);
        if (entries.length > MAX_TREE_ENTRIES) {
          throw new PublisherError(
            'too-large',
            `${id} has over ${MAX_TREE_ENTRIES} files and folders: more than is read`,
          );
        }
        if (++pages > MAX_TREE_PAGES) throw unexpected(id, 'goes on without end');
      },
    }),
    ...(options.token === null ? {} : { accessToken: options.token }),
  });
  // The library walks the pages; what it yields has been read above.
  for await (const _ of listing);
  return entries;
}

/** `GET /api/models/{id}/scan`: files the scanners have something against, at the default branch. @throws PublisherError of the answer's kind */
export async function readScan(connection: Connection, id: string, options: MetadataOptions): Promise<Scan> {
  let scan: Scan | undefined;
  const accept = (json: unknown) => {
    const parsed = scanSchema.safeParse(json);
    if (!parsed.success) throw unexpected(id, z.prettifyError(parsed.error));
    scan = parsed.data;
  };
  const fetch = jsonFetch(connection, { id, revision: null }, options, { accept });
  await fetch(`${connection.endpoint}/api/models/${id}/scan`);
  if (scan === undefined) throw unexpected(id, 'is empty');
  return scan;
}

interface JsonHooks {
  prepare?: (url: URL) => void;
  /** Sees every parsed answer; may throw. */
  accept: (json: unknown) => void;
}

/**
 * The `fetch` the library is given: with retries, a timeout, a cap on the answer, redirects that stay on the Hub, and errors
 * that know what the Hub's headers said. The library only ever sees successful JSON. An anonymous answer known from an earlier
 * run is asked for again all the same, but with its ETag: only the Hub can say that it still holds.
 */
function jsonFetch(
  connection: Connection,
  question: GetOptions['question'],
  options: MetadataOptions,
  hooks: JsonHooks,
): Fetch {
  const { endpoint, limiter, patienceMs } = connection;
  return (input, init) => {
    const url = new URL(input instanceof Request ? input.url : input);
    if (url.origin !== new URL(endpoint).origin) {
      throw new PublisherError('refused', `Refused to follow the Hub's file list of ${question.id} to ${url.origin}`);
    }
    hooks.prepare?.(url);
    const authorised = new Headers(init?.headers).has('authorization');
    // What a token saw is not kept.
    const cache = authorised ? null : connection.cache;
    const ask = async () => {
      const known = await recallAnswer(cache, url);
      const timeout = AbortSignal.timeout(options.timeoutMs);
      const signal = options.signal === undefined ? timeout : AbortSignal.any([options.signal, timeout]);
      try {
        const response = await get(connection, url.href, {
          question,
          headers: { accept: 'application/json', ...(known === null ? {} : { 'if-none-match': known.etag }) },
          token: authorised ? options.token : null,
          redirects: 'hub',
          via: 'ask',
          signal,
        });
        const link = nextPage(response, url);
        if (response.status === 304 && known !== null) {
          return { ...known, link: link ?? known.link, fresh: false };
        }
        const what = `The Hub's answer about ${question.id}`;
        const json = await readJson(response, { maxBytes: MAX_JSON_BYTES, what, code: 'hub-unavailable' });
        return { json, link, etag: response.headers.get('etag'), fresh: true };
      } catch (error) {
        throw exchangeError(error, question.id, options.signal);
      }
    };
    const request = () => limiter.during({ bucket: 'api', authorised }, { patienceMs, signal: options.signal }, ask);
    return withRetry(request, retryOptions(connection, options.signal)).then(async ({ fresh, ...answer }) => {
      hooks.accept(answer.json);
      if (fresh) await keepAnswer(cache, url, answer);
      const { json, link } = answer;
      return Response.json(json, link === null ? {} : { headers: { link: `<${link}>; rel="next"` } });
    });
  };
}

/** The library reads only one spelling of `Link` and silently stops at any other, which would lose files. */
function nextPage(response: WireResponse, base: URL): string | null {
  const header = response.headers.get('link');
  if (header === null) return null;
  const next = /<([^>]*)>[^,<]*;\s*rel="?next"?/i.exec(header)?.[1];
  return next === undefined ? null : new URL(next, base).href;
}

function unexpected(id: string, what: string): PublisherError {
  const text = `The Hub's answer about ${id} is not what it should be: ${what.slice(0, 500)}`;
  return new PublisherError('hub-unavailable', text, { retryable: false });
}
