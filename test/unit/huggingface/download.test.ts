import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Clock, systemClock } from '../../../src/clock.ts';
import { guardedFetch } from '../../../src/http/fetch.ts';
import { HubClient, type HubClientOptions } from '../../../src/huggingface/client.ts';
import type { HubFile } from '../../../src/huggingface/types.ts';
import { silentLogger } from '../../../src/log.ts';
import { bytesOf, seeded, sha256Of } from '../../support/hub/content.ts';
import { headOf, makeModel, type StoredFile } from '../../support/hub/model.ts';
import { type HubStandIn, startHub } from '../../support/hub/server.ts';

const BIG = seeded('big', 3 * 1024 * 1024 + 17);
const instant: Clock = { now: systemClock.now, sleep: (_ms, signal) => systemClock.sleep(0, signal) };

let hub: HubStandIn;
beforeEach(async () => {
  const files = { 'big.safetensors': BIG, 'odd name/größe #1?.txt': 'text\n', 'empty.txt': '' };
  hub = await startHub({
    tokens: { hf_good: ['acme/gated', 'acme/private'], hf_other: [] },
    models: [
      makeModel({ id: 'acme/open', files }),
      makeModel({ id: 'acme/gated', files, gated: 'auto' }),
      makeModel({ id: 'acme/private', files, private: true }),
    ],
  });
});
afterEach(() => hub.close());

function client(options: Partial<HubClientOptions> = {}): HubClient {
  const fetch = guardedFetch({ allow: [], allowLoopback: true });
  return new HubClient({ endpoint: hub.url, token: null, fetch, clock: systemClock, logger: silentLogger, ...options });
}

function at(id: string, path = 'big.safetensors') {
  const head = headOf(hub.models.find((model) => model.id === id) ?? makeModel({ id, files: {} }));
  const stored = head.files.find((file) => file.path === path);
  if (stored === undefined) throw new Error(`no ${path}`);
  return { model: { id, revision: head.sha }, file: listed(stored) };
}

function listed({ path, size, oid, lfs }: StoredFile): HubFile {
  return { path, size, oid, sha256: lfs?.oid ?? null, security: null };
}

async function drain(chunks: AsyncIterable<Uint8Array>): Promise<number> {
  let size = 0;
  for await (const chunk of chunks) size += chunk.byteLength;
  return size;
}

describe('download', () => {
  it('streams the very bytes, counting them, with one request to each host and no token', async () => {
    const { model, file } = at('acme/open');
    const counted: number[] = [];
    const chunks: Uint8Array[] = [];
    const hubClient = client({ token: 'hf_good' });
    for await (const chunk of hubClient.download(model, file, {
      useToken: true,
      onBytes: (bytes) => void counted.push(bytes),
    })) {
      chunks.push(chunk);
    }
    expect(Buffer.concat(chunks).equals(bytesOf(BIG))).toBe(true);
    expect(chunks.length).toBeGreaterThan(1);
    expect(counted).toEqual(chunks.map(({ byteLength }) => byteLength));
    expect(file.sha256).toBe(sha256Of(BIG));
    expect(hub.requests.map(({ server }) => server)).toEqual(['hub', 'cdn']);
    expect(hub.requests[0]?.path).toBe(`/acme/open/resolve/${model.revision}/big.safetensors`);
    expect(hub.requests.some(({ headers }) => headers.authorization !== undefined)).toBe(false);
  });

  it.each([
    ['odd name/größe #1?.txt', 'text\n'],
    ['empty.txt', ''],
  ])('reads %s, which git stores itself', async (path, content) => {
    const { model, file } = at('acme/open', path);
    expect(Buffer.from(await client().read(model, file, 100)).toString()).toBe(content);
  });

  it('names a cut stream with both numbers', async () => {
    hub.fail({ fault: { kind: 'truncate', bytes: 100_000 }, times: 9 });
    const { model, file } = at('acme/open');
    await expect(drain(client().download(model, file))).rejects.toMatchObject({
      code: 'download-truncated',
      message: expect.stringMatching(/^big\.safetensors of acme\/open broke off: \d+ of 3145745 bytes arrived/),
    });
  });

  it('goes on where it was cut or fell silent, with a new address of the Hub each time', async () => {
    const { model, file } = at('acme/open');
    hub.fail({ fault: { kind: 'truncate', bytes: 100_000 } });
    hub.fail({ fault: { kind: 'truncate', bytes: 1_100_000, silent: true } });
    hub.fail({ fault: { kind: 'stall', bytes: 200_000 } });
    expect(await drain(client({ stallMs: 200 }).download(model, file))).toBe(file.size);
    const ranges = hub.requests.filter(({ server }) => server === 'cdn').map(({ headers }) => headers.range ?? 'all');
    const rest = expect.stringMatching(/^bytes=\d+-3145744$/);
    expect(ranges).toEqual(['all', rest, rest, rest]);
    expect(new Set(hub.requests.filter(({ server }) => server === 'cdn').map(({ path }) => path)).size).toBe(4);
  });

  it('notices a stream that is cut and ended as if complete', async () => {
    hub.fail({ fault: { kind: 'truncate', bytes: 100_000, silent: true }, times: 9 });
    const { model, file } = at('acme/open');
    await expect(drain(client().download(model, file))).rejects.toMatchObject({
      code: 'download-truncated',
      message: 'big.safetensors of acme/open broke off: 500000 of 3145745 bytes arrived',
    });
  });

  it.each([
    ['big.safetensors', /big\.safetensors of acme\/open has sha256 [0-9a-f]{64} instead of/],
    ['odd name/größe #1?.txt', /has git SHA-1 [0-9a-f]{40} instead of/],
  ])('names one flipped byte of %s', async (path, message) => {
    hub.fail({ fault: { kind: 'corrupt', at: 3 } });
    const { model, file } = at('acme/open', path);
    await expect(drain(client().download(model, file))).rejects.toMatchObject({
      code: 'download-corrupt',
      retryable: true,
      message: expect.stringMatching(message),
    });
  });

  it('stops at the first byte too many, without passing it on', async () => {
    hub.fail({ fault: { kind: 'append', bytes: 50 } });
    const { model, file } = at('acme/open');
    const counted: number[] = [];
    const reading = drain(client().download(model, file, { onBytes: (bytes) => void counted.push(bytes) }));
    await expect(reading).rejects.toMatchObject({
      code: 'download-corrupt',
      message: expect.stringContaining('more than'),
    });
    expect(counted.reduce((sum, bytes) => sum + bytes)).toBeLessThanOrEqual(file.size);
  });

  it('gives up when no byte comes for a while, and closes the connection', async () => {
    hub.fail({ fault: { kind: 'stall', bytes: 100_000 }, times: 9 });
    const { model, file } = at('acme/open');
    await expect(drain(client({ stallMs: 60 }).download(model, file))).rejects.toMatchObject({
      code: 'hub-unavailable',
      message: expect.stringMatching(/sent nothing of .*big\.safetensors/),
    });
    await expect.poll(() => hub.openConnections()).toBeLessThanOrEqual(1);
  });

  it('gives up when not even the headers come', async () => {
    hub.fail({ fault: { kind: 'delay', ms: 5000 } });
    const { model, file } = at('acme/open');
    await expect(drain(client({ stallMs: 60 }).download(model, file))).rejects.toMatchObject({
      code: 'hub-unavailable',
    });
  });

  it('does not count the time its consumer takes', async () => {
    const { model, file } = at('acme/open');
    let first = true;
    for await (const _chunk of client({ stallMs: 60 }).download(model, file)) {
      if (first) await systemClock.sleep(200);
      first = false;
    }
    expect(first).toBe(false);
  });

  it.each([429, 500, 503])('asks again after HTTP %i', async (status) => {
    hub.fail({ fault: { kind: 'status', status }, times: 2 });
    const { model, file } = at('acme/open');
    expect(await drain(client({ clock: instant }).download(model, file))).toBe(file.size);
  });

  it('gives up after four answers of HTTP 500, naming it', async () => {
    hub.fail({ fault: { kind: 'status', status: 500 }, times: 9 });
    const { model, file } = at('acme/open');
    await expect(drain(client({ clock: instant }).download(model, file))).rejects.toMatchObject({
      code: 'hub-unavailable',
      message: expect.stringContaining('HTTP 500'),
    });
    expect(hub.requests).toHaveLength(4);
  });

  it.each([403, 404, 503])('asks for another content URL after HTTP %i of the content host', async (status) => {
    hub.fail({ fault: { kind: 'status', status }, server: 'cdn' });
    const { model, file } = at('acme/open');
    expect(await drain(client({ clock: instant }).download(model, file))).toBe(file.size);
    expect(hub.requests.map(({ server }) => server)).toEqual(['hub', 'cdn', 'hub', 'cdn']);
  });

  it('gives up on a content host that goes on refusing, naming it', async () => {
    hub.fail({ fault: { kind: 'status', status: 403 }, server: 'cdn', times: 9 });
    const { model, file } = at('acme/open');
    await expect(drain(client({ clock: instant }).download(model, file))).rejects.toMatchObject({
      code: 'hub-unavailable',
      message: expect.stringContaining(new URL(hub.cdnUrl).host),
    });
  });

  it('says when a file or a commit is not there', async () => {
    const { model, file } = at('acme/open');
    await expect(drain(client().download(model, { ...file, path: 'none.bin' }))).rejects.toMatchObject({
      code: 'hub-not-found',
      message: expect.stringContaining('none.bin'),
    });
    const elsewhere = { ...model, revision: 'f'.repeat(40) };
    await expect(drain(client().download(elsewhere, file))).rejects.toMatchObject({ code: 'hub-not-found' });
  });

  it.each(['../secret', 'a//b', './x', ''])('does not ask for the path "%s"', async (path) => {
    const { model, file } = at('acme/open');
    await expect(drain(client().download(model, { ...file, path }))).rejects.toMatchObject({ code: 'refused' });
    expect(hub.requests).toHaveLength(0);
  });

  it('refuses to work without a pinned commit', () => {
    const { file } = at('acme/open');
    expect(() => client().download({ id: 'acme/open', revision: 'main' }, file)).toThrow(/commit/);
  });

  it('ends as cancelled, and leaves no connection behind', async () => {
    const { model, file } = at('acme/open');
    hub.fail({ fault: { kind: 'stall', bytes: 100_000 } });
    const controller = new AbortController();
    const reading = drain(
      client().download(model, file, { signal: controller.signal, onBytes: () => controller.abort() }),
    );
    await expect(reading).rejects.toMatchObject({ code: 'cancelled' });
    await expect.poll(() => hub.openConnections()).toBeLessThanOrEqual(1);
  });

  it('closes the connection when its consumer stops early', async () => {
    const { model, file } = at('acme/open');
    hub.fail({ fault: { kind: 'stall', bytes: 100_000 } });
    for await (const _chunk of client().download(model, file)) break;
    await expect.poll(() => hub.openConnections()).toBeLessThanOrEqual(1);
  });
});

describe('the token', () => {
  const sent = () => hub.requests.map(({ server, headers }) => [server, headers.authorization]);

  it('is not used for a gated file unless the caller says so', async () => {
    const { model, file } = at('acme/gated');
    await expect(drain(client({ token: 'hf_good' }).download(model, file))).rejects.toMatchObject({
      code: 'hub-gated',
    });
    expect(sent()).toEqual([['hub', undefined]]);
  });

  it('opens a gated file, and never reaches the content host', async () => {
    const { model, file } = at('acme/gated');
    expect(await drain(client({ token: 'hf_good' }).download(model, file, { useToken: true }))).toBe(file.size);
    expect(sent()).toEqual([
      ['hub', undefined],
      ['hub', 'Bearer hf_good'],
      ['cdn', undefined],
    ]);
  });

  it('that was not approved leaves the file gated', async () => {
    const { model, file } = at('acme/gated');
    const reading = drain(client({ token: 'hf_other' }).download(model, file, { useToken: true }));
    await expect(reading).rejects.toMatchObject({ code: 'hub-gated' });
  });

  it('reads a granted private repository without being told', async () => {
    const { model, file } = at('acme/private', 'odd name/größe #1?.txt');
    const hubClient = client({ token: 'hf_good', grant: (id) => id === 'acme/private' });
    expect(await hubClient.read(model, file, 100)).toHaveLength(5);
    await expect(client({ token: 'hf_good' }).read(model, file, 100)).rejects.toMatchObject({ code: 'hub-not-found' });
  });
});

describe('read', () => {
  it('refuses a file over its limit before asking', async () => {
    const { model, file } = at('acme/open');
    await expect(client().read(model, file, 1024)).rejects.toMatchObject({ code: 'too-large' });
    expect(hub.requests).toHaveLength(0);
  });

  it('starts again after a damaged transfer', async () => {
    hub.fail({ fault: { kind: 'corrupt', at: 9 } });
    hub.fail({ fault: { kind: 'truncate', bytes: 9 } });
    const { model, file } = at('acme/open');
    const bytes = await client({ clock: instant }).read(model, file, file.size);
    expect(Buffer.from(bytes).equals(bytesOf(BIG))).toBe(true);
  });
});

describe('redirects of content', () => {
  const redirecting =
    (location: string): typeof globalThis.fetch =>
    async () =>
      new Response(null, { status: 302, headers: { location } });

  it.each(['http://cdn.example.com/x', 'http://127.0.0.1:1/x', 'ftp://a/b'])(
    'from an https Hub to %s are refused',
    async (location) => {
      const { model, file } = at('acme/open');
      const hubClient = client({ endpoint: 'https://hub.test', fetch: redirecting(location) });
      await expect(drain(hubClient.download(model, file))).rejects.toMatchObject({ code: 'refused' });
    },
  );

  it('end after five', async () => {
    const { model, file } = at('acme/open');
    const hubClient = client({ endpoint: 'https://hub.test', fetch: redirecting('https://cdn.test/x') });
    await expect(drain(hubClient.download(model, file))).rejects.toThrow(/more than 5 times/);
  });
});
