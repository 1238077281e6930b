import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { request } from 'node:http';
import { connect } from 'node:net';
import { Probot } from 'probot';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { silentLogger } from '../../../src/log.ts';
import { startWeb, WEBHOOK_PATH, type Web } from '../../../src/web/server.ts';
import { MAX_WEBHOOK_BYTES } from '../../../src/web/webhooks.ts';

const SECRET = 'a-secret-of-this-test';

let web: Web;
const received: string[] = [];
const options = () => {
  const probot = new Probot({ secret: SECRET, githubToken: 'none', logLevel: 'fatal' });
  probot.on('issues.opened', ({ id }) => void received.push(id));
  probot.on('issues.deleted', () => {
    throw new Error('the database is gone: postgres://user:canary@host');
  });
  return { host: '127.0.0.1', port: 0, probot, logger: silentLogger, metrics: async () => [] };
};
beforeAll(async () => {
  web = await startWeb(options());
});
afterAll(() => web.close());

const sign = (body: string) => `sha256=${createHmac('sha256', SECRET).update(body).digest('hex')}`;

async function deliver(body: string, headers: Record<string, string> = {}): Promise<{ status: number; text: string }> {
  const response = await fetch(`${web.url}${WEBHOOK_PATH}`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      'x-github-delivery': 'delivery-1',
      'x-github-event': 'issues',
      'x-hub-signature-256': sign(body),
      ...headers,
    },
    body,
  });
  return { status: response.status, text: await response.text() };
}

const opened = JSON.stringify({ action: 'opened', issue: { number: 1 }, repository: { id: 1 } });

describe('webhooks', () => {
  test('with a good signature are taken and handed on', async () => {
    expect((await deliver(opened, { 'x-github-delivery': 'taken' })).status).toBe(202);
    expect(received).toContain('taken');
  });

  test.each([
    ['another secret', `sha256=${createHmac('sha256', 'other').update(opened).digest('hex')}`],
    ['another body', sign(`${opened} `)],
    ['SHA-1', `sha1=${createHmac('sha1', SECRET).update(opened).digest('hex')}`],
    ['no algorithm', createHmac('sha256', SECRET).update(opened).digest('hex')],
    ['nothing of a signature', 'sha256='],
  ])('signed with %s are refused', async (_, signature) => {
    const before = received.length;
    expect((await deliver(opened, { 'x-hub-signature-256': signature })).status).toBe(401);
    expect(received).toHaveLength(before);
  });

  test.each(['x-github-delivery', 'x-github-event', 'x-hub-signature-256'])(
    'without %s are refused',
    async (header) => {
      expect((await deliver(opened, { [header]: '' })).status).toBe(400);
    },
  );

  test('that are signed but not JSON are refused as such', async () => {
    expect((await deliver('{not json')).status).toBe(400);
  });

  test('whose handler fails are answered 500, so that they are delivered again, without its words', async () => {
    const { status, text } = await deliver(opened.replace('opened', 'deleted'));
    expect(status).toBe(500);
    expect(text).not.toContain('canary');
  });

  test('are posted', async () => {
    expect((await fetch(`${web.url}${WEBHOOK_PATH}`)).status).toBe(405);
  });
});

describe('a body over 25 MB', () => {
  test('is refused by its declared length, before any of it has come', async () => {
    const client = request(`${web.url}${WEBHOOK_PATH}`, {
      method: 'POST',
      headers: { 'content-length': MAX_WEBHOOK_BYTES + 1 },
    });
    client.on('error', () => undefined).flushHeaders();
    const [response] = await once(client, 'response');
    expect(response.statusCode).toBe(413);
    client.destroy();
  });

  test('is refused while it comes in chunks, and the client gets the answer', async () => {
    const client = request(`${web.url}${WEBHOOK_PATH}`, {
      method: 'POST',
      headers: { 'transfer-encoding': 'chunked' },
    });
    client.on('error', () => undefined);
    const answered = once(client, 'response');
    const piece = Buffer.alloc(1024 * 1024, ' ');
    let sent = 0;
    let done = false;
    answered.then(() => {
      done = true;
    });
    // A client that would go on for ever stops because it is answered, soon after the limit.
    while (!done && sent < 200) {
      sent += 1;
      if (!client.write(piece)) await Promise.race([once(client, 'drain'), answered]);
    }
    const [response] = await answered;
    expect(response.statusCode).toBe(413);
    expect(sent).toBeLessThan(200);
    client.destroy();
  });

  test('of exactly the limit is read', async () => {
    const { status } = await deliver(' '.repeat(MAX_WEBHOOK_BYTES), { 'x-hub-signature-256': 'sha256=00' });
    expect(status).toBe(401);
  });
});

describe('pages', () => {
  test.each([
    ['/healthz', 200],
    ['/healthz?verbose', 200],
    ['/metrics', 200],
    ['/', 404],
    ['/healthz/', 404],
    ['/../etc/passwd', 404],
    ['/api/github/webhooks/more', 404],
  ])('%s answers %i', async (path, status) => {
    expect((await fetch(`${web.url}${path}`)).status).toBe(status);
  });

  test('only GET and HEAD are understood', async () => {
    expect((await fetch(`${web.url}/healthz`, { method: 'HEAD' })).status).toBe(200);
    expect((await fetch(`${web.url}/healthz`, { method: 'DELETE' })).status).toBe(405);
  });

  test('metrics that cannot be collected are a 500 without details', async () => {
    const broken = await startWeb({ ...options(), metrics: () => Promise.reject(new Error('canary')) });
    const response = await fetch(`${broken.url}/metrics`);
    expect([response.status, await response.text()]).toEqual([500, '{"error":"internal error"}']);
    await broken.close();
  });
});

test('closing does not wait for a client that never ends its request', async () => {
  const slow = await startWeb(options());
  const { port, hostname } = new URL(slow.url);
  const socket = connect(Number(port), hostname);
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  socket.write(`POST ${WEBHOOK_PATH} HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhalf`);
  // Answered requests show that the half one is being read by now.
  await fetch(`${slow.url}/healthz`);
  const started = performance.now();
  await slow.close();
  expect(performance.now() - started).toBeLessThan(3_000);
  socket.destroy();
});

test('an address that is taken is named with what to change', async () => {
  const { port } = new URL(web.url);
  await expect(startWeb({ ...options(), port: Number(port) })).rejects.toMatchObject({
    code: 'environment',
    message: expect.stringContaining('Change HOST or PORT'),
  });
});
