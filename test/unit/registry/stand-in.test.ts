import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { digestOf } from '../../../src/registry/digest.ts';
import { OCI_MANIFEST } from '../../../src/registry/media-types.ts';
import { type RegistryStandIn, startRegistry } from '../../support/registry/index.ts';

const open: RegistryStandIn[] = [];
let now = 0;

beforeEach(() => {
  now = 1_000_000;
});
afterEach(async () => {
  await Promise.all(open.splice(0).map((registry) => registry.close()));
});

async function start(options: Parameters<typeof startRegistry>[0] = {}): Promise<RegistryStandIn> {
  const registry = await startRegistry({ now: () => now, ...options });
  open.push(registry);
  return registry;
}

async function call({ host }: { host: string }, method: string, path: string, init: RequestInit = {}) {
  const url = path.startsWith('http') ? path : `http://${host}${path}`;
  const response = await fetch(url, { method, redirect: 'manual', ...init });
  const text = await response.text();
  return { status: response.status, text, location: response.headers.get('location') ?? '', headers: response.headers };
}

async function token(registry: RegistryStandIn, scope: string): Promise<{ authorization: string }> {
  const path = `/auth/token?service=registry-stand-in&scope=${encodeURIComponent(scope)}`;
  const headers = { authorization: `Basic ${Buffer.from('robot:secret').toString('base64')}` };
  return { authorization: `Bearer ${JSON.parse((await call(registry, 'GET', path, { headers })).text).token}` };
}

describe('the registry stand-in', () => {
  it('wants a token for the very repository and action, and only for two seconds', async () => {
    const registry = await start();
    const blobs = '/v2/acme/x/blobs/uploads/';
    expect((await call(registry, 'POST', blobs)).headers.get('www-authenticate')).toContain('repository:acme/x:push');
    const pull = await token(registry, 'repository:acme/x:pull');
    const other = await token(registry, 'repository:acme/y:pull,push');
    const push = await token(registry, 'repository:acme/x:pull,push');
    expect((await call(registry, 'POST', blobs, { headers: pull })).status).toBe(401);
    expect((await call(registry, 'POST', blobs, { headers: other })).status).toBe(401);
    expect((await call(registry, 'POST', blobs, { headers: push })).status).toBe(202);
    now += 2_000;
    expect((await call(registry, 'POST', blobs, { headers: push })).status).toBe(401);
  });

  it('gives strangers no more than pull, and refuses wrong passwords and services', async () => {
    const registry = await start();
    const path = '/auth/token?service=registry-stand-in&scope=repository:acme/x:pull,push';
    const stranger = { authorization: `Bearer ${JSON.parse((await call(registry, 'GET', path)).text).token}` };
    expect((await call(registry, 'POST', '/v2/acme/x/blobs/uploads/', { headers: stranger })).status).toBe(401);
    expect((await call(registry, 'GET', '/v2/acme/x/tags/list', { headers: stranger })).status).toBe(404);
    expect((await call(registry, 'GET', path, { headers: { authorization: 'Basic eDp5' } })).status).toBe(401);
    expect((await call(registry, 'GET', '/auth/token?service=other')).status).toBe(400);
  });

  it('takes an upload only at the latest address, in order, and with its digest', async () => {
    const registry = await start({ auth: 'none' });
    const first = (await call(registry, 'POST', '/v2/acme/x/blobs/uploads/')).location;
    const second = (await call(registry, 'PATCH', first, { body: 'abc' })).location;
    expect((await call(registry, 'PATCH', first, { body: 'def' })).status).toBe(416);
    const jump = { body: 'def', headers: { 'content-range': '9-11' } };
    expect((await call(registry, 'PATCH', second, jump)).status).toBe(416);
    expect((await call(registry, 'PUT', second)).status).toBe(400);
    expect((await call(registry, 'PUT', `${second}&digest=${digestOf(Buffer.from('x'))}`)).status).toBe(400);
    const digest = digestOf(Buffer.from('abc'));
    expect((await call(registry, 'PUT', `${second}&digest=${digest}`)).status).toBe(201);
    expect((await call(registry, 'PUT', `${second}&digest=${digest}`)).status).toBe(404);
    expect((await call(registry, 'GET', `/v2/acme/x/blobs/${digest}`)).text).toBe('abc');
    expect((await call(registry, 'GET', `/v2/acme/y/blobs/${digest}`)).status).toBe(404);
  });

  it('sets the trap of GHCR: 416 for a long PATCH with Content-Length', async () => {
    const registry = await start({ auth: 'none', like: 'ghcr' });
    const { location } = await call(registry, 'POST', '/v2/acme/x/blobs/uploads/');
    expect((await call(registry, 'PATCH', location, { body: Buffer.alloc(4 * 1024 * 1024 + 1) })).status).toBe(416);
  });

  it('takes nothing in chunked transfer encoding in the manner of GAR, and forgets the rest in the manner of ECR', async () => {
    const chunked = (): RequestInit => ({ body: new Blob(['abc', 'def']).stream(), duplex: 'half' });
    const gar = await start({ auth: 'none', like: 'gar' });
    const there = (await call(gar, 'POST', '/v2/acme/x/blobs/uploads/')).location;
    expect(await call(gar, 'PATCH', there, chunked())).toMatchObject({
      status: 400,
      text: expect.stringContaining('UNSUPPORTED'),
    });
    expect((await call(gar, 'PATCH', there, { body: 'abc' })).status).toBe(202);
    const ecr = await start({ auth: 'none', like: 'ecr' });
    const { location } = await call(ecr, 'POST', '/v2/acme/x/blobs/uploads/');
    expect((await call(ecr, 'PATCH', location, chunked())).status).toBe(201);
  });

  it('tells how far a session is, and cuts the one that takes too long', async () => {
    const registry = await start({ auth: 'none', sessionMs: 1_000 });
    const { location } = await call(registry, 'POST', '/v2/acme/x/blobs/uploads/');
    expect((await call(registry, 'GET', location)).headers.get('range')).toBe('0-0');
    const next = (await call(registry, 'PATCH', location, { body: 'abc' })).location;
    const state = await call(registry, 'GET', next);
    expect([state.status, state.headers.get('range')]).toEqual([204, '0-2']);
    now += 1_001;
    await expect(call(registry, 'PATCH', next, { body: 'def' })).rejects.toThrow();
    expect(registry.uploads.open).toBe(0);
  });

  it('forgets a session in the middle of a body, and ends tokens there, keeping what came', async () => {
    const registry = await start();
    const headers = await token(registry, 'repository:acme/x:pull,push');
    const { location } = await call(registry, 'POST', '/v2/acme/x/blobs/uploads/', { headers });
    registry.faults.push({ kind: 'expire-in-body', afterBytes: 2 });
    expect((await call(registry, 'PATCH', location, { headers, body: 'abc' })).status).toBe(401);
    const again = { headers: await token(registry, 'repository:acme/x:pull,push') };
    expect((await call(registry, 'GET', location, again)).status).toBe(416);
    const after = location.replace('_state=0', '_state=3');
    expect((await call(registry, 'GET', after, again)).headers.get('range')).toBe('0-2');
    registry.faults.push({ kind: 'lose-session', afterBytes: 2 });
    expect(await call(registry, 'PATCH', after, { ...again, body: 'def' })).toMatchObject({
      status: 404,
      text: expect.stringContaining('BLOB_UPLOAD_UNKNOWN'),
    });
  });

  it('stores no manifest that refers to what is not there, is too long, or lies about its type', async () => {
    const registry = await start({ auth: 'none' });
    const blob = { mediaType: 'x/y', digest: registry.storage.addBlob('acme/x', Buffer.from('abc')), size: 3 };
    const put = async (value: unknown, path = 'v1', mediaType = OCI_MANIFEST) => {
      const init = { headers: { 'content-type': mediaType }, body: JSON.stringify(value) };
      return (await call(registry, 'PUT', `/v2/acme/x/manifests/${path}`, init)).status;
    };
    const good = { schemaVersion: 2, mediaType: OCI_MANIFEST, config: blob, layers: [blob] };
    expect(await put({ ...good, layers: [{ ...blob, size: 4 }] })).toBe(400);
    expect(await put({ ...good, layers: [{ ...blob, digest: digestOf(Buffer.from('no')) }] })).toBe(400);
    expect(await put({ ...good, mediaType: 'application/vnd.oci.image.index.v1+json' })).toBe(400);
    expect(await put({ ...good, annotations: { a: 'x'.repeat(4 * 1024 * 1024) } })).toBe(413);
    expect(await put(good, digestOf(Buffer.from('no')))).toBe(400);
    expect(await put(good)).toBe(201);
  });

  it('sends downloads to signed addresses that end, and that take no credentials', async () => {
    const registry = await start({ auth: 'none', cdn: true });
    const digest = registry.storage.addBlob('acme/x', Buffer.from('abc'));
    const { status, location } = await call(registry, 'GET', `/v2/acme/x/blobs/${digest}`);
    expect(status).toBe(307);
    expect((await call(registry, 'GET', location)).text).toBe('abc');
    expect((await call(registry, 'GET', location, { headers: { range: 'bytes=1-' } })).text).toBe('bc');
    expect((await call(registry, 'GET', location, { headers: { authorization: 'Bearer x' } })).status).toBe(400);
    expect((await call(registry, 'GET', location.replace('until=', 'until=9'))).status).toBe(403);
    now += 2_001;
    expect((await call(registry, 'GET', location)).status).toBe(403);
  });

  it('comes back with what it had on the port it had', async () => {
    const registry = await start({ auth: 'none' });
    const digest = registry.storage.addBlob('acme/x', Buffer.from('abc'));
    await registry.close();
    open.splice(0);
    const again = await start({ auth: 'none', storage: registry.storage, port: registry.port });
    expect((await call(again, 'GET', `/v2/acme/x/blobs/${digest}`)).text).toBe('abc');
  });

  it('misbehaves as often as it is told, and no more', async () => {
    const registry = await start({ auth: 'none' });
    registry.faults.push({ kind: 'status', status: 503, times: 2, path: /tags/ });
    const answers = [];
    for (const path of ['/v2/', '/v2/a/tags/list', '/v2/a/tags/list', '/v2/a/tags/list']) {
      answers.push((await call(registry, 'GET', path)).status);
    }
    expect(answers).toEqual([200, 503, 503, 404]);
  });
});
