import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';

export type Json = Record<string, unknown>;

/** One request as a route sees it. */
export interface Call {
  method: string;
  /** Without query. */
  path: string;
  query: URLSearchParams;
  authorization: string | null;
  /** Parsed JSON; an empty object when there was no body. */
  body: Json;
  raw: Buffer;
  params: Record<string, string>;
}

export interface Reply {
  status: number;
  body?: unknown;
  headers?: Record<string, string>;
}

/** Thrown by a route: becomes GitHub's error document. */
export class Rejection extends Error {
  readonly status: number;
  readonly errors: Json[];

  constructor(status: number, message: string, errors: Json[] = []) {
    super(message);
    this.status = status;
    this.errors = errors;
  }
}

export const invalid = (resource: string, field: string, message: string): Rejection =>
  new Rejection(422, 'Validation Failed', [{ resource, field, code: 'custom', message }]);

export const notFound = (): Rejection => new Rejection(404, 'Not Found');

export function isJson(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export type Handler = (call: Call) => Promise<Reply> | Reply;

/** First match wins; `:name` is one path segment, `*name` the rest. */
export interface Router {
  on(method: string, pattern: string, handler: Handler): void;
  find(method: string, path: string): { handler: Handler; params: Record<string, string> } | null;
}

export function createRouter(): Router {
  const routes: { method: string; matcher: RegExp; handler: Handler }[] = [];
  return {
    on(method, pattern, handler) {
      const source = pattern
        .replace(/[.]/g, '\\.')
        .replace(/:(\w+)/g, '(?<$1>[^/]+)')
        .replace(/\*(\w+)/g, '(?<$1>.+)');
      routes.push({ method, matcher: new RegExp(`^${source}$`), handler });
    },
    find(method, path) {
      for (const route of routes) {
        if (route.method !== method) continue;
        const match = route.matcher.exec(path);
        if (match === null) continue;
        const params = Object.entries(match.groups ?? {}).map(([name, value]) => [name, decodeURIComponent(value)]);
        return { handler: route.handler, params: Object.fromEntries(params) };
      }
      return null;
    },
  };
}

export async function readAll(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks);
}

export function send(response: ServerResponse, reply: Reply): void {
  const text = reply.body === undefined ? '' : JSON.stringify(reply.body);
  response.writeHead(reply.status, {
    ...(text === '' ? {} : { 'content-type': 'application/json; charset=utf-8' }),
    ...reply.headers,
  });
  response.end(text);
}

export interface Listener {
  url: string;
  close(): Promise<void>;
}

/** Serves on a free loopback port. Closing drops open connections. */
export async function listen(
  handle: (request: IncomingMessage, response: ServerResponse) => Promise<void>,
): Promise<Listener> {
  const server = createServer((request, response) => {
    handle(request, response).catch((thrown) => {
      if (response.headersSent) response.destroy();
      else send(response, { status: 500, body: { message: String(thrown) } });
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the stand-in has no port');
  return {
    url: `http://127.0.0.1:${address.port}`,
    close: () =>
      new Promise((resolve, reject) => {
        server.close((error) => (error === undefined ? resolve() : reject(error)));
        server.closeAllConnections();
      }),
  };
}

/** One page of a list with GitHub's `Link` header. */
export function paginate<T>(
  items: readonly T[],
  call: Call,
  baseUrl: string,
): { page: T[]; headers: Record<string, string> } {
  const perPage = Math.min(100, Math.max(1, Number(call.query.get('per_page') ?? 30) || 30));
  const page = Math.max(1, Number(call.query.get('page') ?? 1) || 1);
  const last = Math.max(1, Math.ceil(items.length / perPage));
  const link = (to: number, rel: string) => {
    const query = new URLSearchParams(call.query);
    query.set('page', String(to));
    return `<${baseUrl}${call.path}?${query}>; rel="${rel}"`;
  };
  const links = [
    ...(page < last ? [link(page + 1, 'next'), link(last, 'last')] : []),
    ...(page > 1 ? [link(1, 'first'), link(page - 1, 'prev')] : []),
  ];
  return {
    page: items.slice((page - 1) * perPage, page * perPage),
    headers: links.length === 0 ? {} : { link: links.join(', ') },
  };
}
