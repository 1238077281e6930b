import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import { afterEach, describe, expect, it } from 'vitest';
import { guardedHttp } from '../../../src/http/fetch.ts';
import { type Wire, wireOver } from '../../../src/http/wire.ts';

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

async function listen(listener: RequestListener): Promise<URL> {
  const server = createServer(listener).listen(0, '127.0.0.1');
  servers.push(server);
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return new URL(`http://127.0.0.1:${address.port}/`);
}

/** Answers with what it was asked. */
const mirror: RequestListener = async (request, response) => {
  const body = Buffer.concat(await Array.fromAsync(request));
  const { 'content-length': length = null, 'transfer-encoding': encoding = null } = request.headers;
  response.writeHead(201, { 'x-seen': `${request.method} ${length} ${encoding}`, 'set-cookie': ['a=1', 'b=2'] });
  response.end(body);
};

async function* chunks(...texts: string[]) {
  for (const text of texts) yield Buffer.from(text);
}

const http = guardedHttp({ allow: [], allowLoopback: true, userAgent: 'publisher/1' });

describe.each<[string, Wire]>([
  ['around web streams', http.wire],
  ['over fetch', wireOver(http.fetch)],
])('a wire %s', (_name, wire) => {
  async function text(url: URL, request: Parameters<Wire>[1]) {
    const response = await wire(url, request);
    const body = Buffer.concat(await Array.fromAsync(response.body ?? [])).toString();
    return { ...response, status: response.status, ok: response.ok, headers: response.headers, body };
  }

  it('sends chunks as they come, in chunked transfer encoding', async () => {
    const url = await listen(mirror);
    const answer = await text(url, { method: 'PATCH', headers: {}, body: chunks('one ', 'two') });
    expect([answer.status, answer.ok, answer.body]).toEqual([201, true, 'one two']);
    expect(answer.headers.get('x-seen')).toBe('PATCH null chunked');
    expect(answer.headers.getSetCookie()).toEqual(['a=1', 'b=2']);
  });

  it('sends chunks with the length that is told beforehand', async () => {
    const url = await listen(mirror);
    const answer = await text(url, { method: 'PUT', headers: { 'content-length': '7' }, body: chunks('one ', 'two') });
    expect([answer.body, answer.headers.get('x-seen')]).toEqual(['one two', 'PUT 7 null']);
  });

  it('sends bytes, and nothing at all', async () => {
    const url = await listen(mirror);
    const bytes = new Uint8Array(Buffer.from('bytes'));
    expect((await text(url, { method: 'PUT', headers: {}, body: bytes })).headers.get('x-seen')).toBe('PUT 5 null');
    expect((await text(url, { method: 'PUT', headers: {}, body: new Uint8Array() })).headers.get('x-seen')).toBe(
      'PUT 0 null',
    );
    expect((await text(url, { method: 'GET', headers: {} })).headers.get('x-seen')).toBe('GET null null');
  });

  it('follows no redirect', async () => {
    const url = await listen((_request, response) => response.writeHead(307, { location: '/other' }).end('elsewhere'));
    const response = await wire(url, { method: 'GET', headers: {} });
    expect([response.status, response.ok, response.headers.get('location')]).toEqual([307, false, '/other']);
    await response.body?.cancel();
  });

  it('stops when it is aborted, before the answer and behind its beginning', async () => {
    const url = await listen((request, response) => {
      if (request.url === '/slow') return;
      response.write('beginning');
    });
    const waiting = new AbortController();
    const answer = wire(new URL('/slow', url), { method: 'GET', headers: {}, signal: waiting.signal });
    waiting.abort(new Error('enough'));
    await expect(answer).rejects.toThrow('enough');
    const reading = new AbortController();
    const response = await wire(url, { method: 'GET', headers: {}, signal: reading.signal });
    reading.abort(new Error('enough'));
    await expect(Array.fromAsync(response.body ?? [])).rejects.toThrow('enough');
  });

  it('fails with what the body fails with', async () => {
    const url = await listen(mirror);
    async function* broken() {
      yield Buffer.from('one');
      throw new Error('the source hung up');
    }
    await expect(wire(url, { method: 'PUT', headers: {}, body: broken() })).rejects.toSatisfy(
      (error) => error instanceof Error && `${error.message} ${String(error.cause)}`.includes('the source hung up'),
    );
  });

  it('tells the reader, and nobody else, that a body broke off', async () => {
    const url = await listen((_request, response) => {
      response.writeHead(200, { 'content-length': '100' });
      response.write('beginning', () => response.destroy());
    });
    const response = await wire(url, { method: 'GET', headers: {} });
    await new Promise((resolve) => setTimeout(resolve, 20));
    await expect(Array.fromAsync(response.body ?? [])).rejects.toThrow();
  });
});

describe('the wire of guardedHttp', () => {
  it('refuses what its fetch refuses, before a connection', async () => {
    const url = await listen(mirror);
    const { wire } = guardedHttp({ allow: [] });
    await expect(wire(url, { method: 'GET', headers: {} })).rejects.toMatchObject({
      code: 'refused',
      message: expect.stringContaining('loopback'),
    });
  });

  it('goes through the proxy its fetch goes through', async () => {
    const asked: string[] = [];
    const proxy = await listen((_request, response) => response.end());
    servers[0]?.on('connect', (request, socket) => {
      asked.push(request.url ?? '');
      socket.end('HTTP/1.1 502 No\r\n\r\n');
    });
    const { wire } = guardedHttp({ allow: [proxy.host], env: { https_proxy: proxy.href } });
    await expect(wire(new URL('https://198.41.0.4/'), { method: 'GET', headers: {} })).rejects.toThrow();
    expect(asked).toEqual(['198.41.0.4:443']);
  });

  it('introduces itself', async () => {
    const url = await listen((request, response) => response.end(request.headers['user-agent']));
    const response = await http.wire(url, { method: 'GET', headers: {} });
    expect(String(Buffer.concat(await Array.fromAsync(response.body ?? [])))).toBe('publisher/1');
  });
});
