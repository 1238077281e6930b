import type { Clock } from '../clock.ts';
import { asPublisherError, messageOf, PublisherError } from '../errors.ts';
import type { Fetch } from '../http/fetch.ts';
import { cancelled, withRetry } from '../http/retry.ts';
import { type Wire, wireOver } from '../http/wire.ts';
import type { Logger } from '../log.ts';
import { askAncestor, compareTemplates } from './ancestors.ts';
import { type HubCache, throughCache } from './cache.ts';
import { baseModelsOf, declaredLicense } from './card.ts';
import { fileUrl, type StreamOptions, streamFile } from './download.ts';
import { inspect } from './inspect.ts';
import { walkLineage } from './lineage.ts';
import { type MetadataOptions, readModelInfo, readScan, readTree } from './metadata.ts';
import { streamRange } from './range.ts';
import { createRateLimiter, type RateLimiter } from './rate-limit.ts';
import { type Connection, retryOptions } from './request.ts';
import { resumedFile } from './resume.ts';
import { withVerdicts } from './scanner-verdicts.ts';
import { isCommit, type ModelInfo, REPOSITORY } from './schema.ts';
import { filesOf, newestCommit } from './tree.ts';
import type { DownloadOptions, FactsOptions, FactsResult, Hub, HubFile, ModelAt, ModelFacts, Source } from './types.ts';

export interface HubClientOptions {
  /** e.g. `https://huggingface.co`. */
  endpoint: string;
  /** Goes to the endpoint's origin only, and only for what `grant` or a download's `useToken` permits. */
  token: string | null;
  fetch: Fetch;
  /** A cheaper way for files than `fetch`, which is used without it. */
  wire?: Wire;
  clock: Clock;
  logger: Logger;
  /** Whether a repository that only the token can see may be used. Default: none; it then looks like a missing one. */
  grant?: (id: string) => boolean;
  /** Milliseconds for one metadata request. Default 30 s. */
  timeoutMs?: number;
  /** Milliseconds without a byte after which a download fails. Default 60 s. */
  stallMs?: number;
  /** Shared by all clients that the Hub counts as one. Default: one of its own. */
  limiter?: RateLimiter;
  /** Milliseconds a request may wait for the Hub's rate limit. Default one minute. */
  patienceMs?: number;
  /** Where public answers are kept. Default: nowhere. */
  cache?: HubCache;
}

/** What git-check-ref-format(1) lets through, roughly; above all nothing that a URL would take for a step upwards. */
const REVISION = /^(?!\.)(?!.*\.\.)[^\s~^:?*[\\\p{Cc}]+$/u;
const EPOCH = new Date(0).toISOString();
const ATTEMPTS = 4;

/** The Hugging Face Hub over HTTP. Public means: visible to an anonymous request; the token never decides that. */
export class HubClient implements Hub {
  readonly endpoint: string;
  readonly #connection: Connection;
  readonly #token: string | null;
  readonly #logger: Logger;
  readonly #grant: (id: string) => boolean;
  readonly #timeoutMs: number;
  readonly #stallMs: number;

  constructor(options: HubClientOptions) {
    const { endpoint, token, fetch, clock, logger } = options;
    this.endpoint = endpoint.replace(/\/+$/, '');
    this.#connection = {
      endpoint: this.endpoint,
      ask: wireOver(fetch),
      load: options.wire ?? wireOver(fetch),
      clock,
      limiter: options.limiter ?? createRateLimiter({ clock }),
      patienceMs: options.patienceMs ?? 60_000,
      cache: options.cache ?? null,
    };
    this.#logger = logger;
    this.#grant = options.grant ?? (() => false);
    this.#timeoutMs = options.timeoutMs ?? 30_000;
    this.#stallMs = options.stallMs ?? 60_000;
    // The library would throw a TypeError for any other token.
    this.#token = token?.startsWith('hf_') ? token : null;
    if (token !== this.#token) logger.warn({}, 'HF_TOKEN does not start with "hf_" and is not used');
  }

  async facts(id: string, revision: string | null, options: FactsOptions = {}): Promise<FactsResult> {
    if (!REPOSITORY.test(id)) return { kind: 'not-found', message: `"${id}" is no repository name of the Hub` };
    if (revision !== null && !REVISION.test(revision)) {
      return { kind: 'not-found', message: `${id} has no revision "${revision}": git allows no such name` };
    }
    try {
      const { info, token } = await this.#visible(id, revision, options.signal);
      return await this.#facts(id, revision, info, token, options).catch((error: unknown) => {
        throw vanished(error) ?? error;
      });
    } catch (error) {
      if (options.signal?.aborted) throw cancelled(options.signal);
      const known = asPublisherError(error, 'hub-unavailable');
      this.#logger.warn({ model: id, revision, code: known.code, error: messageOf(error) }, 'no facts from the Hub');
      return { kind: KINDS[known.code] ?? 'unavailable', message: known.message };
    }
  }

  download(model: ModelAt, file: HubFile, options: DownloadOptions = {}): AsyncIterable<Uint8Array> {
    return resumedFile(this.#connection, model, file, this.#streaming(model, options, ATTEMPTS));
  }

  range(
    model: ModelAt,
    file: HubFile,
    begin: number,
    end: number,
    options: DownloadOptions = {},
  ): AsyncIterable<Uint8Array> {
    return streamRange(this.#connection, model, file, begin, end, this.#streaming(model, options, ATTEMPTS));
  }

  async read(model: ModelAt, file: HubFile, maxBytes: number, options: DownloadOptions = {}): Promise<Uint8Array> {
    if (file.size > maxBytes) {
      const text = `${file.path} of ${model.id} has ${file.size} bytes, more than the ${maxBytes} that are read`;
      throw new PublisherError('too-large', text);
    }
    const streaming = this.#streaming(model, options, 1);
    const once = async () => Buffer.concat(await Array.fromAsync(streamFile(this.#connection, model, file, streaming)));
    return await withRetry(once, retryOptions(this.#connection, options.signal));
  }

  #streaming(model: ModelAt, options: DownloadOptions, attempts: number): StreamOptions {
    if (!REPOSITORY.test(model.id) || !isCommit(model.revision)) {
      throw new PublisherError(
        'usage',
        `Downloads need a repository and its commit, not ${model.id}@${model.revision}`,
      );
    }
    const { useToken = this.#grant(model.id), ...rest } = options;
    return { ...rest, token: useToken ? this.#token : null, stallMs: this.#stallMs, attempts };
  }

  async #facts(
    id: string,
    revision: string | null,
    info: ModelInfo,
    token: string | null,
    { signal, ancestors = new Map() }: FactsOptions,
  ): Promise<FactsResult> {
    const name = info.id ?? id;
    if (info.disabled === true) return { kind: 'disabled', message: `${name} is disabled on the Hub` };
    if (info.private === true && token === null) return { kind: 'private', message: `${name} is private on the Hub` };
    if (revision !== null && isCommit(revision.toLowerCase()) && info.sha !== revision.toLowerCase()) {
      return {
        kind: 'unavailable',
        message: `The Hub answers commit ${revision} of ${id} with another one, ${info.sha}`,
      };
    }
    const metadata: MetadataOptions = { token, timeoutMs: this.#timeoutMs, signal };
    const entries = await readTree(this.#connection, name, info.sha, metadata);
    const { files, notChecked } = await withVerdicts(filesOf(name, entries), () =>
      readScan(this.#connection, name, metadata),
    );
    const tags = info.tags ?? [];
    const gated = gatingOf(info);
    const model = { id: name, revision: info.sha };
    const cardData = info.cardData ?? {};
    const baseModels = baseModelsOf(cardData, info.baseModels);
    // What was kept while a model was public says nothing once it is gated.
    const cache = token === null && gated === false ? this.#connection.cache : null;
    const { foundGated, template, sources, ...inspected } = await inspect({
      id: name,
      files,
      tags,
      gated: gated !== false,
      config: info.config,
      wantsTemplate: baseModels.length > 0,
      urlOf: (path) => fileUrl(this.#connection, model, path),
      read: (file, maxBytes) =>
        throughCache(cache, model, file, () => this.read(model, file, maxBytes, { signal, useToken: token !== null })),
    });
    const upstream: Source[] = [];
    const asking = { timeoutMs: this.#timeoutMs, signal, memory: ancestors, sources: upstream };
    const lineage = await walkLineage(name, baseModels, (ancestor) => askAncestor(this.#connection, ancestor, asking));
    const chatTemplate =
      template === null ? [] : await compareTemplates(this.#connection, template, baseModels, asking);
    const facts: ModelFacts = {
      ...model,
      lastModified: newestCommit(entries) ?? isoDate(info.lastModified),
      gated: gated === false && foundGated ? 'manual' : gated,
      private: token !== null,
      license: declaredLicense(cardData, tags),
      tags,
      files,
      baseModels,
      lineage,
      chatTemplate,
      ...inspected,
      notChecked: [...notChecked, ...inspected.notChecked],
      sources: [...this.#listed(id, revision, model), ...sources, ...upstream],
    };
    return { kind: 'found', facts };
  }

  #listed(asked: string, revision: string | null, { id, revision: sha }: ModelAt): Source[] {
    const api = `${this.endpoint}/api/models`;
    return [
      { url: `${api}/${asked}/revision/${encodeURIComponent(revision ?? 'main')}`, what: 'model metadata' },
      { url: `${api}/${id}/tree/${sha}`, what: 'file list' },
    ];
  }

  /** The metadata, anonymously; with the token only where that shows nothing and the repository is granted. */
  async #visible(
    id: string,
    revision: string | null,
    signal: AbortSignal | undefined,
  ): Promise<{ info: ModelInfo; token: string | null }> {
    const options: MetadataOptions = { token: null, timeoutMs: this.#timeoutMs, signal };
    try {
      return { info: await readModelInfo(this.#connection, id, revision, options), token: null };
    } catch (error) {
      const hidden = error instanceof PublisherError && error.code === 'hub-not-found';
      if (!hidden || this.#token === null || !this.#grant(id)) throw error;
      const info = await readModelInfo(this.#connection, id, revision, { ...options, token: this.#token });
      // A granted name may lead to a repository that is not.
      if (!this.#grant(info.id ?? id)) throw error;
      return { info, token: this.#token };
    }
  }
}

/** What was there a moment ago and now is not was not "not found": asking again is the right answer. */
function vanished(error: unknown): PublisherError | null {
  if (!(error instanceof PublisherError) || error.code !== 'hub-not-found') return null;
  const text = `The Hub contradicts itself, or changed meanwhile: ${error.message}`;
  return new PublisherError('hub-unavailable', text, { cause: error });
}

const KINDS: Partial<Record<PublisherError['code'], 'not-found' | 'disabled'>> = {
  'hub-not-found': 'not-found',
  'hub-disabled': 'disabled',
};

function gatingOf({ gated }: ModelInfo): ModelFacts['gated'] {
  if (gated === true) return 'manual';
  return gated ?? false;
}

function isoDate(text: string | null | undefined): string {
  const time = Date.parse(text ?? '');
  return Number.isNaN(time) ? EPOCH : new Date(time).toISOString();
}
