import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { bytesOf } from '../../support/hub/content.ts';
import { commitFiles, type HubModel, headOf } from '../../support/hub/model.ts';
import { type HubStandIn, startHub } from '../../support/hub/server.ts';
import { tinyModel } from '../../support/hub/tiny.ts';

const SHARD = 'model-00001-of-00002.safetensors';
let hub: HubStandIn;
let tiny: HubModel;
beforeEach(async () => {
  tiny = tinyModel({ id: 'acme/tiny' });
  const others = [
    tinyModel({ id: 'acme/gated', gated: 'auto' }),
    tinyModel({ id: 'acme/private', private: true }),
    tinyModel({ id: 'acme/disabled', disabled: true }),
  ];
  hub = await startHub({
    models: [tiny, ...others],
    tokens: { hf_good: ['acme/gated', 'acme/private'], hf_other: [] },
    renamed: { 'acme/old': 'acme/tiny' },
    signedUrlMs: 200,
  });
});
afterEach(() => hub.close());

const get = (path: string, init: RequestInit = {}) => fetch(`${hub.url}${path}`, { redirect: 'manual', ...init });
const as = (token: string) => ({ headers: { authorization: `Bearer ${token}` } });

const object = z.record(z.string(), z.unknown());
const infoOf = async (path: string) => object.parse(await api(path));
const listOf = async (path: string) => z.array(object).parse(await api(path));

async function api(path: string): Promise<unknown> {
  return (await get(`/api/models/acme/tiny${path}`)).json();
}

function resolved(path: string, id = 'acme/tiny'): string {
  return `/${id}/resolve/main/${path}`;
}

describe('model info', () => {
  it('gives only what is asked for', async () => {
    expect(await api('/revision/main?expand=sha&expand=gated')).toEqual({
      _id: expect.stringMatching(/^[0-9a-f]{24}$/),
      id: 'acme/tiny',
      sha: headOf(tiny).sha,
      gated: false,
    });
  });

  it('gives the usual fields unasked, and sizes with blobs', async () => {
    const info = await infoOf('?blobs=true');
    expect(info).toMatchObject({ sha: headOf(tiny).sha, tags: expect.arrayContaining(['license:apache-2.0']) });
    const shard = headOf(tiny).files.find(({ path }) => path === SHARD);
    expect(info.siblings).toContainEqual({
      rfilename: SHARD,
      size: shard?.size,
      blobId: shard?.oid,
      lfs: { sha256: shard?.lfs?.oid, size: shard?.size, pointerSize: shard?.lfs?.pointerSize },
    });
  });

  it.each(['?expand=nonsense', '?expand=sha&blobs=true'])('refuses %s', async (query) => {
    expect((await get(`/api/models/acme/tiny${query}`)).status).toBe(400);
  });

  it('keeps old commits', async () => {
    const before = headOf(tiny).sha;
    const { sha } = commitFiles(tiny, { 'README.md': 'new' }, '2026-01-01T00:00:00.000Z');
    expect((await infoOf('/revision/main?expand=sha')).sha).toBe(sha);
    expect((await infoOf(`/revision/${before}?expand=sha`)).sha).toBe(before);
    expect(await api(`/tree/${sha}`)).toHaveLength(1);
  });
});

describe('the tree', () => {
  it('lists one level, or all of them', async () => {
    const flat = await listOf('/tree/main');
    expect(flat.map(({ path }) => path)).toContain('original');
    const all = await listOf('/tree/main?recursive=true&expand=true');
    expect(all.find(({ path }) => path === 'original/params.json')).toMatchObject({
      type: 'file',
      securityFileStatus: { status: 'safe' },
      lastCommit: { date: headOf(tiny).date },
    });
    expect(await api('/tree/main/original')).toHaveLength(2);
  });

  it.each([
    ['', 1000],
    ['&expand=true', 100],
  ])('comes in pages with "%s"', async (query, size) => {
    commitFiles(
      tiny,
      Object.fromEntries(Array.from({ length: 1001 }, (_, at) => [`${at}.txt`, 'x'])),
      '2026-01-01T00:00:00Z',
    );
    const response = await get(`/api/models/acme/tiny/tree/main?recursive=true${query}`);
    expect(await response.json()).toHaveLength(size);
    const next = /^<(.*)>; rel="next"$/.exec(response.headers.get('link') ?? '')?.[1];
    const second = await fetch(next ?? '');
    expect(await second.json()).toHaveLength(Math.min(size, 1001 - size));
  });
});

describe('resolve', () => {
  it('sends large files to a content host, once signed', async () => {
    const response = await get(resolved(SHARD), { method: 'HEAD' });
    const shard = headOf(tiny).files.find(({ path }) => path === SHARD);
    expect(response.status).toBe(302);
    expect(Object.fromEntries(response.headers)).toMatchObject({
      'x-repo-commit': headOf(tiny).sha,
      'x-linked-size': String(shard?.size),
      'x-linked-etag': `"${shard?.lfs?.oid}"`,
    });
    const location = response.headers.get('location') ?? '';
    expect(new URL(location).origin).toBe(hub.cdnUrl);
    const content = Buffer.from(await (await fetch(location)).arrayBuffer());
    expect(shard !== undefined && content.equals(bytesOf(shard.content))).toBe(true);
    expect((await fetch(location, as('hf_good'))).status).toBe(400);
    expect(
      (await fetch(location.replace(/Signature=(.)/, (_, first) => `Signature=${first === '0' ? '1' : '0'}`))).status,
    ).toBe(403);
    await expect.poll(async () => (await fetch(location)).status).toBe(403);
  });

  it('answers ranges', async () => {
    const ranged = (range: string) => get(resolved('config.json'), { redirect: 'follow', headers: { range } });
    const whole = await (await get(resolved('config.json'), { redirect: 'follow' })).text();
    const part = await ranged('bytes=2-5');
    expect([part.status, part.headers.get('content-range')]).toEqual([206, `bytes 2-5/${whole.length}`]);
    expect(await part.text()).toBe(whole.slice(2, 6));
    expect(await (await ranged('bytes=10-')).text()).toBe(whole.slice(10));
    expect(await (await ranged('bytes=-3')).text()).toBe(whole.slice(-3));
    expect((await ranged('bytes=99999-')).status).toBe(416);
  });
});

describe('an error answer', () => {
  it.each([
    ['missing, to strangers', '/api/models/acme/none', {}, 401, null],
    ['missing, to others', '/api/models/acme/none', as('hf_other'), 404, 'RepoNotFound'],
    ['private, to strangers', '/api/models/acme/private', {}, 401, null],
    ['private, to others', '/api/models/acme/private', as('hf_other'), 404, 'RepoNotFound'],
    ['private, to its owner', '/api/models/acme/private', as('hf_good'), 200, null],
    ['disabled', '/api/models/acme/disabled', {}, 403, null],
    ['a token nobody has', '/api/models/acme/tiny', as('hf_nobody'), 401, null],
    ['no such revision', '/api/models/acme/tiny/revision/v9', {}, 404, 'RevisionNotFound'],
    ['no such file', resolved('none.txt'), {}, 404, 'EntryNotFound'],
    ['gated metadata', '/api/models/acme/gated', {}, 200, null],
    ['gated tree', '/api/models/acme/gated/tree/main', {}, 200, null],
    ['gated file, to strangers', resolved('config.json', 'acme/gated'), {}, 401, 'GatedRepo'],
    ['gated file, to others', resolved('config.json', 'acme/gated'), as('hf_other'), 403, 'GatedRepo'],
    ['gated file, to the approved', resolved('config.json', 'acme/gated'), as('hf_good'), 307, null],
    ['gated, asked beforehand', '/api/models/acme/gated/auth-check', {}, 401, 'GatedRepo'],
    ['open, asked beforehand', '/api/models/acme/tiny/auth-check', {}, 200, null],
    ['renamed', '/api/models/acme/old/revision/main', {}, 307, null],
    ['anything else', '/api/models/acme/tiny/other', {}, 404, null],
  ])('%s', async (_case, path, init, status, code) => {
    const response = await get(path, init);
    expect([response.status, response.headers.get('x-error-code')]).toEqual([status, code]);
  });

  it('of a renamed model leads to the new name', async () => {
    const response = await get('/api/models/acme/old/revision/main?expand=sha');
    expect(response.headers.get('location')).toBe('/api/models/acme/tiny/revision/main?expand=sha');
  });
});

describe('an ETag', () => {
  const path = '/api/models/acme/tiny/tree/main?recursive=true';

  it('spares the answer while it is the same', async () => {
    const etag = (await get(path)).headers.get('etag') ?? '';
    expect(etag).toMatch(/^W\/"[0-9a-f]+-[A-Za-z0-9+/]{27}"$/);
    for (const tag of [etag, etag.slice(2), `"x", ${etag}`, '*']) {
      const again = await get(path, { headers: { 'if-none-match': tag } });
      expect([again.status, again.headers.get('etag'), await again.text()]).toEqual([304, etag, '']);
    }
  });

  it('changes with the answer, and spares no error', async () => {
    const etag = (await get(path)).headers.get('etag') ?? '';
    commitFiles(tiny, { 'new.txt': 'x' }, '2026-01-01T00:00:00.000Z');
    const changed = await get(path, { headers: { 'if-none-match': etag } });
    expect(changed.status).toBe(200);
    expect(changed.headers.get('etag')).not.toBe(etag);
    expect((await get('/api/models/acme/none', { headers: { 'if-none-match': '*' } })).status).toBe(401);
  });
});

describe('controls', () => {
  it('count downloads apart from questions', async () => {
    hub.setQuota(1, 9, 'resolvers');
    const [first, second] = [await get(resolved('LICENSE')), await get(resolved('LICENSE'))];
    expect([first.status, first.headers.get('ratelimit')]).toEqual([307, '"resolvers";r=0;t=9']);
    expect([second.status, second.headers.get('ratelimit')]).toEqual([429, '"resolvers";r=0;t=9']);
    expect((await get('/api/models/acme/tiny')).status).toBe(200);
  });

  it('count the quota down and answer 429 below it', async () => {
    hub.setQuota(1, 33);
    const [first, second] = [await get('/api/models/acme/tiny'), await get('/api/models/acme/tiny')];
    expect([first.status, first.headers.get('ratelimit')]).toEqual([200, '"api";r=0;t=33']);
    expect([second.status, second.headers.get('ratelimit')]).toEqual([429, '"api";r=0;t=33']);
    hub.setQuota(null);
    expect((await get('/api/models/acme/tiny')).status).toBe(200);
  });

  it('inject a fault as often as told, where told', async () => {
    hub.fail({ fault: { kind: 'status', status: 500 }, match: /tree/, times: 2 });
    const statuses = [];
    for (const path of ['', '/tree/main', '/tree/main', '/tree/main']) {
      statuses.push((await get(`/api/models/acme/tiny${path}`)).status);
    }
    expect(statuses).toEqual([200, 500, 500, 200]);
  });

  it('spoil content without spoiling it for good', async () => {
    const read = async () => (await get(resolved('LICENSE'), { redirect: 'follow' })).text();
    const good = await read();
    hub.fail({ fault: { kind: 'corrupt', at: 0 } });
    hub.fail({ fault: { kind: 'truncate', bytes: 3, silent: true } });
    hub.fail({ fault: { kind: 'truncate', bytes: 3 } });
    expect((await read()).slice(1)).toBe(good.slice(1));
    expect(await read()).toBe(good.slice(0, 3));
    await expect(read()).rejects.toThrow();
    expect(await read()).toBe(good);
  });

  it('report flagged files', async () => {
    commitFiles(tiny, { 'bad.bin': { content: 'x', security: 'unsafe' } }, '2026-01-01T00:00:00.000Z');
    expect(await api('/scan')).toEqual({ scansDone: true, filesWithIssues: [{ path: 'bad.bin', level: 'unsafe' }] });
  });
});

describe('a tiny model', () => {
  it('is the same model for the same seed', () => {
    expect(headOf(tinyModel({ id: 'acme/tiny' })).sha).toBe(headOf(tiny).sha);
    expect(headOf(tinyModel({ id: 'acme/tiny', seed: 'other' })).sha).not.toBe(headOf(tiny).sha);
  });

  it('takes files away and adds others', () => {
    const paths = headOf(tinyModel({ id: 'a/b', files: { LICENSE: null, NOTICE: 'n' } })).files.map(({ path }) => path);
    expect(paths).toContain('NOTICE');
    expect(paths).not.toContain('LICENSE');
  });
});
