import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { actionsFor, createAccess, type Need } from './access.ts';
import { createCdn } from './cdn.ts';
import { type Fault, takeFault } from './faults.ts';
import { listen, stop } from './listening.ts';
import { createManifests, type ManifestManner } from './manifests.ts';
import { sendBlob, sendError } from './reply.ts';
import { RegistryStorage } from './storage.ts';
import { TokenService } from './tokens.ts';
import { type Manner, UploadSessions } from './uploads.ts';

export interface RegistryOptions extends ManifestManner {
  /** Default `token`. */
  auth?: 'token' | 'basic' | 'none';
  /** Default `{robot: 'secret'}`. */
  users?: Record<string, string>;
  identityTokens?: readonly string[];
  /** Whether strangers may pull. Default true. */
  anonymousPull?: boolean;
  /** Milliseconds. Default 2000. */
  tokenLifeMs?: number;
  /** What a cross-repository mount is answered with. Default 201. */
  mount?: 201 | 202;
  /** Whether downloads are redirected to a second server with signed addresses good for 2 s. */
  cdn?: boolean;
  /** Whether tokens are issued by a server of their own. */
  realm?: boolean;
  /** The ways of one registry with uploads, see `Manner`. */
  like?: Manner;
  /** Milliseconds from the beginning of an upload to its end; the connection of a longer one is cut. Default: no limit. */
  sessionMs?: number;
  relativeLocations?: boolean;
  /** Reuse what another stand-in stored, on its port: a registry that came back. */
  storage?: RegistryStorage;
  port?: number;
  now?: () => number;
}

export interface RequestRecord {
  method: string;
  path: string;
  query: string;
  authorization: 'none' | 'basic' | 'bearer';
  contentLength: number | null;
  range: string | null;
}

export interface RegistryStandIn {
  /** `127.0.0.1:PORT`. */
  host: string;
  port: number;
  /** `127.0.0.1:PORT` of the server that downloads are redirected to, and of the one that issues tokens; null without. */
  cdnHost: string | null;
  realmHost: string | null;
  requests: RequestRecord[];
  faults: Fault[];
  storage: RegistryStorage;
  tokens: TokenService;
  uploads: UploadSessions;
  /** Ends every connection and stops listening. */
  close(): Promise<void>;
}

const SERVICE = 'registry-stand-in';
const ROUTE = /^\/v2\/(.+)\/(blobs|manifests|tags|referrers)\/(uploads\/([^/]*)|[^/]+)$/;

/** A registry on loopback, as strict as Distribution, that can be told to misbehave. */
export async function startRegistry(options: RegistryOptions = {}): Promise<RegistryStandIn> {
  const { auth = 'token', mount = 201, now = Date.now, storage = new RegistryStorage() } = options;
  const requests: RequestRecord[] = [];
  const faults: Fault[] = [];
  const tokens = new TokenService({
    users: options.users ?? { robot: 'secret' },
    identityTokens: options.identityTokens ?? [],
    anonymousPull: options.anonymousPull ?? true,
    lifeMs: options.tokenLifeMs ?? 2_000,
    service: SERVICE,
    now,
  });
  const server = createServer((request, response) => {
    route(request, response).catch(() => request.socket.destroy());
  });
  const port = await listen(server, options.port ?? 0);
  const host = `127.0.0.1:${port}`;
  const origin = options.relativeLocations === true ? '' : `http://${host}`;
  const { authorised, refuse, token } = createAccess({
    auth,
    tokens,
    service: SERVICE,
    realm: () => realmHost ?? host,
  });
  const uploads = new UploadSessions({
    storage,
    like: options.like ?? null,
    sessionMs: options.sessionMs ?? Number.POSITIVE_INFINITY,
    now,
    location: (path) => `${origin}${path}`,
    expire(response, repository) {
      tokens.revokeAll();
      refuse(response, [[repository, 'push']]);
    },
  });
  const manifests = createManifests({ ...options, storage, location: (path) => `${origin}${path}` });
  const cdn = options.cdn === true ? createCdn(storage, faults, 2_000, now) : null;
  const cdnPort = cdn === null ? 0 : await listen(cdn.server, 0);
  const issuer = options.realm === true ? createServer((request, response) => void issue(request, response)) : null;
  const realmHost = issuer === null ? null : `127.0.0.1:${await listen(issuer, 0)}`;

  /** A request to the token service's own server: it knows one path and nothing else. */
  async function issue(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', `http://${realmHost}`);
    requests.push({ ...record(request, url), path: `realm:${url.pathname}` });
    if (url.pathname !== '/auth/token') return void response.writeHead(404).end();
    return token(request, response, url);
  }

  async function route(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const method = request.method ?? '';
    const url = new URL(request.url ?? '/', `http://${host}`);
    requests.push(record(request, url));
    if (takeFault(faults, method, url.pathname, 'login') !== null) tokens.revokeAll();
    if (
      url.pathname === '/auth/token' &&
      (await misbehaves(request, response, takeFault(faults, method, url.pathname)))
    )
      return;
    if (url.pathname === '/auth/token') return token(request, response, url);
    if (url.pathname === '/v2/') return void (authorised(request, response, []) && response.writeHead(200).end('{}'));
    const match = ROUTE.exec(url.pathname);
    if (match === null) return sendError(response, 404, 'NAME_UNKNOWN', 'no such endpoint');
    const [, repository = '', kind, rest = '', session] = match;
    const from = method === 'POST' ? url.searchParams.get('from') : null;
    const needs: Need[] = actionsFor(method).map((action) => [repository, action]);
    if (from !== null) needs.push([from, 'pull']);
    if (!authorised(request, response, needs)) return;
    const fault = takeFault(faults, method, url.pathname);
    if (await misbehaves(request, response, fault)) return;
    if (kind === 'tags') return tags(response, repository, url);
    if (kind === 'referrers') return manifests.referrers(response, repository, rest, url);
    if (kind === 'manifests') return manifests.handle(request, response, repository, decodeURIComponent(rest), fault);
    if (session === undefined) return blobs(request, response, repository, rest, fault);
    if (session !== '')
      return uploads.handle(request, response, { repository, id: session, query: url.searchParams }, fault);
    const mounted = from === null ? null : storage.blob(from, url.searchParams.get('mount') ?? '');
    if (method !== 'POST') return sendError(response, 405, 'UNSUPPORTED', 'begin with POST');
    if (mounted === null || mount === 202) return uploads.begin(repository, response);
    const digest = storage.addBlob(repository, mounted);
    const location = `${origin}/v2/${repository}/blobs/${digest}`;
    response.writeHead(201, { location, 'docker-content-digest': digest }).end();
  }

  function tags(response: ServerResponse, repository: string, url: URL): void {
    const found = storage.repositories.get(repository);
    if (found === undefined) {
      sendError(response, 404, 'NAME_UNKNOWN', 'repository name not known to registry');
      return;
    }
    const last = url.searchParams.get('last') ?? '';
    const all = [...found.tags.keys()].sort().filter((tag) => tag > last);
    const page = all.slice(0, Number(url.searchParams.get('n') ?? all.length));
    const next = `</v2/${repository}/tags/list?n=${page.length}&last=${page.at(-1)}>; rel="next"`;
    response.writeHead(200, {
      'content-type': 'application/json',
      ...(page.length < all.length ? { link: next } : {}),
    });
    response.end(JSON.stringify({ name: repository, tags: page }));
  }

  function blobs(
    request: IncomingMessage,
    response: ServerResponse,
    name: string,
    digest: string,
    fault: Fault | null,
  ) {
    const blob = storage.blob(name, digest);
    if (blob === null) return sendError(response, 404, 'BLOB_UNKNOWN', 'blob unknown to registry');
    if (cdn !== null && request.method === 'GET') {
      return void response.writeHead(307, { location: `http://127.0.0.1:${cdnPort}${cdn.sign(digest)}` }).end();
    }
    return sendBlob(request, response, blob, { 'docker-content-digest': digest }, fault);
  }

  async function close(): Promise<void> {
    await Promise.all([
      stop(server),
      ...(cdn === null ? [] : [stop(cdn.server)]),
      ...(issuer === null ? [] : [stop(issuer)]),
    ]);
  }
  const cdnHost = cdn === null ? null : `127.0.0.1:${cdnPort}`;
  return { host, port, cdnHost, realmHost, requests, faults, storage, tokens, uploads, close };
}

/** The faults that need no knowledge of the endpoint; true when the request is over. */
async function misbehaves(request: IncomingMessage, response: ServerResponse, fault: Fault | null): Promise<boolean> {
  if (fault?.kind === 'slow') await delay(fault.ms);
  if (fault?.kind === 'die' && fault.afterBytes === 0) {
    request.socket.destroy();
    return true;
  }
  if (fault?.kind !== 'status') return false;
  const headers = fault.retryAfter === undefined ? {} : { 'retry-after': fault.retryAfter };
  const { status, code = 'UNKNOWN', message = 'injected fault' } = fault;
  sendError(
    response,
    status,
    code,
    message.replaceAll('{authorization}', request.headers.authorization ?? ''),
    headers,
  );
  return true;
}

function record(request: IncomingMessage, url: URL): RequestRecord {
  const { authorization = '', 'content-length': length, range = null } = request.headers;
  return {
    method: request.method ?? '',
    path: url.pathname,
    query: url.search,
    authorization: authorization === '' ? 'none' : authorization.startsWith('Basic ') ? 'basic' : 'bearer',
    contentLength: length === undefined ? null : Number(length),
    range,
  };
}
