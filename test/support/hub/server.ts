import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import { type ApiAnswer, modelInfo, pathsInfo, scan, tree } from './api.ts';
import { createCdn, serveContent } from './cdn.ts';
import { errors, type HubError, sendError } from './errors.ts';
import { etagOf, isKnown } from './etag.ts';
import { answerFault, createFaults, type FaultRule, rateLimited } from './faults.ts';
import { commitAt, type HubModel } from './model.ts';

export interface HubOptions {
  models: HubModel[];
  /** Token → repositories it was granted (gated or private). */
  tokens?: Record<string, string[]>;
  /** Old name → new name. */
  renamed?: Record<string, string>;
  /** Milliseconds a content URL is good for. Default 2 s. */
  signedUrlMs?: number;
  port?: number;
}

type Bucket = 'api' | 'resolvers';

interface SeenRequest {
  server: 'hub' | 'cdn';
  method: string;
  /** Path and query. */
  path: string;
  headers: IncomingMessage['headers'];
}

export interface HubStandIn {
  /** For `HF_ENDPOINT`. */
  readonly url: string;
  readonly cdnUrl: string;
  /** Every request, in order of arrival. */
  readonly requests: SeenRequest[];
  /** Live: changing a model changes the next answer. */
  readonly models: HubModel[];
  readonly renamed: Record<string, string>;
  fail(rule: FaultRule): void;
  clearFaults(): void;
  /** Requests of a bucket that will still be answered before 429 (`seconds` to wait); null = no limit. Default bucket: `api`. */
  setQuota(left: number | null, seconds?: number, bucket?: Bucket): void;
  /** Connections ever made to the Hub itself, not to its content host. */
  connectionsMade(): number;
  /** Connections open on either server: what a client that leaks sockets leaves behind. */
  openConnections(): Promise<number>;
  close(): Promise<void>;
}

/** A Hugging Face Hub on loopback: metadata, file trees, downloads with signed content URLs, and its error answers. */
export async function startHub(options: HubOptions): Promise<HubStandIn> {
  const { models, tokens = {}, renamed = {}, signedUrlMs = 2000 } = options;
  const requests: SeenRequest[] = [];
  const faults = createFaults();
  const quotas: Record<Bucket, { left: number; seconds: number }> = {
    api: { left: Number.POSITIVE_INFINITY, seconds: 55 },
    resolvers: { left: Number.POSITIVE_INFINITY, seconds: 55 },
  };
  let connectionsMade = 0;
  let cdnUrl = '';
  let url = '';
  const cdn = createCdn(() => cdnUrl, signedUrlMs);

  const serve = (server: 'hub' | 'cdn', handle: (exchange: Exchange) => Promise<void>) =>
    createServer((request, response) => {
      const { method = 'GET', url: path = '/', headers } = request;
      requests.push({ server, method, path, headers });
      const line = `${method} ${path}`;
      const run = async () => {
        if (await answerFault(faults.take(server, line, 'answer'), response)) return;
        const fault = () => (method === 'GET' ? faults.take(server, line, 'content') : null);
        await handle({ request, response, fault });
      };
      run().catch((error: unknown) => response.destroy(error instanceof Error ? error : undefined));
    });

  const hubServer = serve('hub', (exchange) => {
    const address = new URL(exchange.request.url ?? '/', url);
    const authorization = exchange.request.headers.authorization;
    const token = authorization?.replace(/^Bearer /, '');
    if (token !== undefined && tokens[token] === undefined) return fail(exchange, errors.badToken);
    const granted = token === undefined ? null : (tokens[token] ?? []);
    return route({ ...exchange, address, granted });
  });
  const cdnServer = serve('cdn', ({ request, response, fault }) => cdn.handle(request, response, fault));
  hubServer.on('connection', () => {
    connectionsMade += 1;
  });
  url = await listen(hubServer, options.port ?? 0);
  cdnUrl = await listen(cdnServer, 0);

  async function route(exchange: Routed): Promise<void> {
    const { address, request } = exchange;
    const parts = address.pathname.split('/').slice(1).map(decodeURIComponent);
    // The Hub's own cache is reached through a request that was counted.
    if (parts[1] !== 'resolve-cache' && !count(exchange, parts[0] === 'api' ? 'api' : 'resolvers')) return;
    if (address.pathname === '/api/whoami-v2') return whoami(exchange);
    if (parts[0] === 'api' && parts[1] === 'models') {
      const [owner = '', name = '', verb = 'revision', revision = 'main', ...rest] = parts.slice(2);
      const model = open(exchange, `${owner}/${name}`);
      if (model === null) return;
      if (verb === 'paths-info' && request.method === 'POST') {
        const form = new URLSearchParams(await text(request));
        return reply(exchange, pathsInfo(model, revision, form.getAll('paths'), form.get('expand') === 'True'));
      }
      if (request.method !== 'GET') return fail(exchange, errors.noRoute);
      if (verb === 'revision') return reply(exchange, modelInfo(model, revision, address.searchParams));
      if (verb === 'tree') return reply(exchange, tree(model, revision, rest.join('/'), address));
      if (verb === 'scan') return reply(exchange, scan(model));
      if (verb === 'auth-check') return gate(exchange, model) ? reply(exchange, { json: {} }) : undefined;
      return fail(exchange, errors.noRoute);
    }
    if (parts[0] === 'api' && parts[1] === 'resolve-cache') {
      const [, , , owner = '', name = '', revision = '', ...path] = parts;
      return file(exchange, `${owner}/${name}`, revision, path.join('/'), true);
    }
    const [owner = '', name = '', verb, revision = '', ...path] = parts;
    if (verb === 'resolve') return file(exchange, `${owner}/${name}`, revision, path.join('/'), false);
    return fail(exchange, errors.noRoute);
  }

  function count({ response }: Routed, bucket: Bucket): boolean {
    const quota = quotas[bucket];
    if (quota.left <= 0) {
      rateLimited(response, quota.seconds, bucket);
      return false;
    }
    quota.left--;
    const left = Number.isFinite(quota.left) ? quota.left : 499;
    response.setHeader('ratelimit', `"${bucket}";r=${left};t=${quota.seconds}`);
    response.setHeader('ratelimit-policy', `"fixed window";"${bucket}";q=500;w=300`);
    return true;
  }

  /** The model, if this caller may know of it; else the answer has been given. */
  function open(exchange: Routed, id: string): HubModel | null {
    const { address, granted, response } = exchange;
    const moved = renamed[id];
    if (moved !== undefined) {
      const location = address.pathname.replace(id, moved) + address.search;
      response.writeHead(307, { location, 'content-type': 'application/json' }).end('{"error":"moved"}');
      return null;
    }
    const model = models.find((candidate) => candidate.id === id);
    const visible = model !== undefined && (!model.private || granted?.includes(id));
    if (visible && !model.disabled) return model;
    fail(exchange, visible ? errors.disabled : errors.hidden(granted !== null));
    return null;
  }

  function gate(exchange: Routed, model: HubModel): boolean {
    if (model.gated === false || exchange.granted?.includes(model.id)) return true;
    fail(exchange, errors.gated(model.id, exchange.granted !== null));
    return false;
  }

  async function file(exchange: Routed, id: string, revision: string, path: string, cached: boolean): Promise<void> {
    const { request, response } = exchange;
    const model = open(exchange, id);
    if (model === null) return;
    const commit = commitAt(model, revision);
    if (commit === undefined) return fail(exchange, errors.noRevision(revision));
    response.setHeader('x-repo-commit', commit.sha);
    if (!gate(exchange, model)) return;
    const found = commit.files.find((candidate) => candidate.path === path);
    if (found === undefined) return fail(exchange, errors.noEntry(path));
    response.setHeader('x-linked-size', found.size);
    response.setHeader('x-linked-etag', `"${found.lfs?.oid ?? found.oid}"`);
    if (found.lfs !== null) {
      const location = cdn.sign(found.lfs.oid, path, found.content);
      response.writeHead(302, { location, 'content-type': 'text/plain' }).end(`Found. Redirecting to ${location}`);
    } else if (!cached) {
      // Files in git are served from a cache of the Hub's own.
      const encoded = path.split('/').map(encodeURIComponent).join('/');
      const location = `/api/resolve-cache/models/${id}/${commit.sha}/${encoded}`;
      response.writeHead(307, { location, 'content-type': 'text/plain' }).end('Temporary Redirect');
    } else {
      response.setHeader('etag', `"${found.oid}"`);
      await serveContent(request, response, found.content, exchange.fault());
    }
  }

  return {
    url,
    cdnUrl,
    requests,
    models,
    renamed,
    fail: faults.add,
    clearFaults: faults.clear,
    setQuota(left, seconds = 55, bucket = 'api') {
      quotas[bucket] = { left: left ?? Number.POSITIVE_INFINITY, seconds };
    },
    connectionsMade: () => connectionsMade,
    openConnections: async () => (await connections(hubServer)) + (await connections(cdnServer)),
    close: async () => void (await Promise.all([stop(hubServer), stop(cdnServer)])),
  };
}

interface Exchange {
  request: IncomingMessage;
  response: ServerResponse;
  fault: () => ReturnType<ReturnType<typeof createFaults>['take']>;
}

interface Routed extends Exchange {
  address: URL;
  /** Repositories of the caller's token; null for an anonymous caller. */
  granted: string[] | null;
}

function whoami(exchange: Routed): Promise<void> {
  if (exchange.granted === null) return fail(exchange, errors.badToken);
  return reply(exchange, { json: { type: 'user', name: 'someone', auth: { type: 'access_token' } } });
}

async function fail({ response }: Exchange, error: HubError): Promise<void> {
  sendError(response, error);
}

async function reply({ request, response }: Exchange, answer: ApiAnswer): Promise<void> {
  if ('error' in answer) {
    sendError(response, answer.error);
    return;
  }
  const body = JSON.stringify(answer.json);
  const etag = etagOf(body);
  response.setHeader('etag', etag);
  if (isKnown(request.headers['if-none-match'], etag)) {
    response.writeHead(304).end();
    return;
  }
  if (answer.link !== undefined) response.setHeader('link', answer.link);
  response.writeHead(200, { 'content-type': 'application/json; charset=utf-8' }).end(body);
}

async function listen(server: Server, port: number): Promise<string> {
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(port, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('The server has no port');
  return `http://127.0.0.1:${address.port}`;
}

function connections(server: Server): Promise<number> {
  return new Promise((resolve, reject) =>
    server.getConnections((error, count) => (error === null ? resolve(count) : reject(error))),
  );
}

function stop(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
