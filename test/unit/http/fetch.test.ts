import { createServer, type RequestListener, type Server } from 'node:http';
import { connect } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { guardedFetch } from '../../../src/http/fetch.ts';

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

async function listen(listener: RequestListener): Promise<{ port: number; server: Server }> {
  const server = createServer(listener);
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return { port: address.port, server };
}

describe('guardedFetch', () => {
  it('reaches what the operator listed, with its user agent', async () => {
    const { port } = await listen((request, response) => response.end(request.headers['user-agent']));
    const fetch = guardedFetch({ allow: [`127.0.0.1:${port}`], userAgent: 'publisher/1' });
    expect(await (await fetch(`http://127.0.0.1:${port}/`)).text()).toBe('publisher/1');
  });

  it.each(['127.0.0.1', 'localhost', '[::1]', '0x7f000001', '[::ffff:127.0.0.1]', '0.0.0.0'])(
    'refuses http://%s without a single connection',
    async (host) => {
      let connections = 0;
      const { port, server } = await listen((_request, response) => response.end());
      server.on('connection', () => connections++);
      const refused = guardedFetch({ allow: [] })(`http://${host}:${port}/`);
      await expect(refused).rejects.toMatchObject({ code: 'refused', message: expect.stringMatching(/not public/) });
      expect(connections).toBe(0);
    },
  );

  it('names host, address and rule', async () => {
    await expect(guardedFetch({ allow: [] })('http://localhost:5000/')).rejects.toThrow(
      /localhost \((127\.0\.0\.1|::1)\): a loopback address/,
    );
  });

  it('refuses the second hop as it would the first', async () => {
    const inner = await listen((_request, response) => response.end('secret'));
    const outer = await listen((_request, response) => {
      response.writeHead(302, { location: `http://127.0.0.1:${inner.port}/` }).end();
    });
    const fetch = guardedFetch({ allow: [`127.0.0.1:${outer.port}`] });
    await expect(fetch(`http://127.0.0.1:${outer.port}/`)).rejects.toMatchObject({ code: 'refused' });
  });

  it('lets a loopback Hub redirect within loopback, and nowhere else', async () => {
    const inner = await listen((_request, response) => response.end('weights'));
    const fetch = guardedFetch({ allow: [], allowLoopback: true });
    expect(await (await fetch(`http://127.0.0.1:${inner.port}/`)).text()).toBe('weights');
    await expect(fetch('http://169.254.169.254/')).rejects.toMatchObject({ code: 'refused' });
  });

  it('keeps other failures as fetch gives them', async () => {
    const { port, server } = await listen((_request, response) => response.end());
    await new Promise((resolve) => server.close(resolve));
    await expect(guardedFetch({ allow: [`127.0.0.1:${port}`] })(`http://127.0.0.1:${port}/`)).rejects.toThrow(
      TypeError,
    );
  });

  it('streams a request body', async () => {
    const { port } = await listen((request, response) => request.pipe(response));
    const fetch = guardedFetch({ allow: [`127.0.0.1:${port}`] });
    const body = ReadableStream.from([Buffer.from('a'), Buffer.from('b')]);
    const response = await fetch(`http://127.0.0.1:${port}/`, { method: 'PUT', body, duplex: 'half' });
    expect(await response.text()).toBe('ab');
  });

  describe('with a proxy', () => {
    async function proxy() {
      const seen: string[] = [];
      const { port, server } = await listen((request, response) => {
        seen.push(`GET ${request.url}`);
        response.end('from the proxy');
      });
      const target = await listen((_request, response) => response.end('tunnelled'));
      server.on('connect', (request, socket) => {
        seen.push(`CONNECT ${request.url}`);
        const upstream = connect(target.port, '127.0.0.1', () => {
          socket.write('HTTP/1.1 200 OK\r\n\r\n');
          upstream.pipe(socket).pipe(upstream);
        });
        upstream.on('error', () => socket.destroy());
        socket.on('error', () => upstream.destroy());
      });
      return { url: `http://127.0.0.1:${port}`, port, seen };
    }

    it('goes through it, its own loopback address being exempt', async () => {
      const { url, seen } = await proxy();
      const fetch = guardedFetch({ allow: [], env: { HTTP_PROXY: url } });
      expect(await (await fetch('http://model.invalid/x')).text()).toBe('from the proxy');
      expect(seen).toEqual(['GET http://model.invalid/x']);
    });

    it('asks it for a tunnel to https hosts', async () => {
      const { url, seen } = await proxy();
      const fetch = guardedFetch({ allow: [], env: { https_proxy: url } });
      await expect(fetch('https://model.invalid/x')).rejects.toThrow();
      expect(seen).toEqual(['CONNECT model.invalid:443']);
    });

    it.each(['http://10.0.0.1/', 'http://169.254.169.254/latest', 'http://[fd00::1]/'])(
      'still refuses the literal %s',
      async (target) => {
        const { url, seen } = await proxy();
        const refused = guardedFetch({ allow: [], env: { HTTP_PROXY: url } })(target);
        await expect(refused).rejects.toMatchObject({ code: 'refused' });
        expect(seen).toEqual([]);
      },
    );

    it('leaves this machine and NO_PROXY to direct connections', async () => {
      const { url, seen } = await proxy();
      const { port } = await listen((_request, response) => response.end('direct'));
      const env = { HTTP_PROXY: url, NO_PROXY: 'other.invalid' };
      const fetch = guardedFetch({ allow: [`127.0.0.1:${port}`], env });
      expect(await (await fetch(`http://127.0.0.1:${port}/`)).text()).toBe('direct');
      await expect(fetch('http://other.invalid/')).rejects.toThrow(TypeError);
      expect(seen).toEqual([]);
    });
  });
});
