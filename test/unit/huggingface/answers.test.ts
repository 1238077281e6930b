import nock from 'nock';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Clock } from '../../../src/clock.ts';
import { HubClient, type HubClientOptions } from '../../../src/huggingface/client.ts';
import { silentLogger } from '../../../src/log.ts';

const ENDPOINT = 'https://hub.test';
const SHA = '0123456789abcdef0123456789abcdef01234567';
const INFO = { _id: 'x', id: 'acme/tiny', sha: SHA, private: false, gated: false };
const ENTRY = { type: 'file', path: 'a.txt', size: 1, oid: 'a'.repeat(40) };
const instant: Clock = { now: () => Date.now(), sleep: async (_ms, signal) => signal?.throwIfAborted() };

beforeEach(() => nock.disableNetConnect());
afterEach(() => {
  const pending = nock.pendingMocks();
  nock.cleanAll();
  nock.enableNetConnect();
  expect(pending).toEqual([]);
});

function client(options: Partial<HubClientOptions> = {}): HubClient {
  const base = { endpoint: ENDPOINT, token: null, fetch: globalThis.fetch, clock: instant, logger: silentLogger };
  return new HubClient({ ...base, ...options });
}

const info = (revision = 'main', id = 'acme/tiny') =>
  nock(ENDPOINT).get(`/api/models/${id}/revision/${revision}`).query(true);
const tree = (id = 'acme/tiny') => nock(ENDPOINT).get(`/api/models/${id}/tree/${SHA}`).query(true);
const facts = (revision: string | null = null) => client().facts('acme/tiny', revision);

describe('metadata that cannot be used', () => {
  it.each([
    ['a commit that is none', { ...INFO, sha: 'main' }, /sha/],
    ['no commit', { ...INFO, sha: undefined }, /sha/],
    ['a gating nobody knows', { ...INFO, gated: 'sometimes' }, /gated/],
    ['a name that is a path', { ...INFO, id: '../../etc' }, /id/],
    ['a list', [], /expected object/],
    ['null', 'null', /no object/],
  ])('%s is unavailable', async (_case, body, message) => {
    info().reply(200, body, { 'content-type': 'application/json' });
    const result = await facts();
    expect(result).toMatchObject({ kind: 'unavailable', message: expect.stringMatching(message) });
  });

  it('HTML is unavailable and not asked for twice', async () => {
    info().reply(200, '<html>Sign in</html>', { 'content-type': 'text/html' });
    expect(await facts()).toMatchObject({
      kind: 'unavailable',
      message: expect.stringContaining('not JSON but text/html'),
    });
  });

  it('an HTML 404 is a wrong endpoint, not a missing model', async () => {
    info().reply(404, '<html>', { 'content-type': 'text/html' });
    expect(await facts()).toMatchObject({ kind: 'unavailable' });
  });

  it('over 32 MiB is unavailable', async () => {
    info().reply(200, '{}', { 'content-length': String(40 * 1024 * 1024) });
    expect(await facts()).toMatchObject({ kind: 'unavailable', message: expect.stringContaining('33554432 bytes') });
  });

  it('another commit than the one asked for is unavailable', async () => {
    const asked = 'f'.repeat(40);
    info(asked).reply(200, INFO);
    expect(await facts(asked)).toMatchObject({ kind: 'unavailable', message: expect.stringContaining(SHA) });
  });
});

describe('an error answer', () => {
  const code = (value: string) => ({ 'x-error-code': value });
  it.each([
    ['401', 401, {}, 'not-found', /not publicly/],
    ['404 RepoNotFound', 404, code('RepoNotFound'), 'not-found', /not publicly/],
    ['404 of a simpler Hub', 404, {}, 'not-found', /not publicly/],
    ['404 RevisionNotFound', 404, code('RevisionNotFound'), 'not-found', /no revision "main"/],
    ['403 disabled', 403, { 'x-error-message': 'Access to this resource is disabled.' }, 'disabled', /disabled/],
    ['451', 451, {}, 'disabled', /disabled/],
    ['403 for no reason', 403, {}, 'unavailable', /HTTP 403/],
    ['400', 400, {}, 'unavailable', /HTTP 400/],
  ])('%s', async (_case, status, headers, kind, message) => {
    info().reply(status, { error: 'x' }, headers);
    expect(await facts()).toMatchObject({ kind, message: expect.stringMatching(message) });
  });

  it.each([429, 500, 503])('%i is asked again, four times in all', async (status) => {
    info().times(4).reply(status, 'busy');
    expect(await facts()).toMatchObject({ kind: 'unavailable', message: expect.stringContaining(`HTTP ${status}`) });
  });

  it('429 with minutes to wait is not waited for', async () => {
    info().reply(429, '', { ratelimit: '"api";r=0;t=280' });
    expect(await facts()).toMatchObject({ kind: 'unavailable', message: expect.stringContaining('280 s') });
  });

  it('a connection that fails is unavailable, with its cause', async () => {
    info().times(4).replyWithError(new Error('getaddrinfo ENOTFOUND hub.test'));
    expect(await facts()).toMatchObject({ kind: 'unavailable', message: expect.stringContaining('ENOTFOUND') });
  });
});

describe('redirects of metadata', () => {
  it('follow a rename on the same host', async () => {
    info().reply(307, '', { location: '/api/models/acme/new/revision/main' });
    nock(ENDPOINT)
      .get('/api/models/acme/new/revision/main')
      .reply(200, { ...INFO, id: 'acme/new' });
    tree('acme/new').reply(200, [ENTRY]);
    expect(await facts()).toMatchObject({ kind: 'found', facts: { id: 'acme/new' } });
  });

  it('do not leave it', async () => {
    info().reply(302, '', { location: 'https://elsewhere.test/' });
    expect(await facts()).toMatchObject({ kind: 'unavailable', message: expect.stringContaining('elsewhere.test') });
  });

  it('end after five', async () => {
    info().times(6).reply(302, '', { location: '/api/models/acme/tiny/revision/main?expand=sha' });
    expect(await facts()).toMatchObject({ kind: 'unavailable', message: expect.stringContaining('more than 5 times') });
  });
});

describe('the file list', () => {
  it.each([
    ['relative', `</api/models/acme/tiny/tree/${SHA}?cursor=2>; rel="next"`],
    ['without blanks or quotes', `<${ENDPOINT}/api/models/acme/tiny/tree/${SHA}?cursor=2>;rel=next`],
    [
      'among others',
      `<${ENDPOINT}/>; rel="first", <${ENDPOINT}/api/models/acme/tiny/tree/${SHA}?cursor=2>; rel="next"`,
    ],
  ])('goes on behind a link that is %s', async (_case, link) => {
    info().reply(200, INFO);
    tree().reply(200, [ENTRY], { link });
    nock(ENDPOINT)
      .get(`/api/models/acme/tiny/tree/${SHA}?cursor=2`)
      .reply(200, [{ ...ENTRY, path: 'b.txt' }]);
    const result = await facts();
    expect(result.kind === 'found' && result.facts.files.map(({ path }) => path)).toEqual(['a.txt', 'b.txt']);
  });

  it('does not go on at another host', async () => {
    info().reply(200, INFO);
    tree().reply(200, [ENTRY], { link: '<https://elsewhere.test/x>; rel="next"' });
    expect(await facts()).toMatchObject({ kind: 'unavailable', message: expect.stringContaining('elsewhere.test') });
  });

  it('over 20,000 entries is an error, not a shorter list', async () => {
    info().reply(200, INFO);
    const many = Array.from({ length: 20_001 }, (_, at) => ({ ...ENTRY, path: `f${at}` }));
    tree().reply(200, many);
    expect(await facts()).toMatchObject({ kind: 'unavailable', message: expect.stringContaining('20000') });
  });

  it('that goes in circles ends', async () => {
    info().reply(200, INFO);
    tree()
      .times(401)
      .reply(200, [], { link: `<${ENDPOINT}/api/models/acme/tiny/tree/${SHA}>; rel="next"` });
    expect(await facts()).toMatchObject({ kind: 'unavailable', message: expect.stringContaining('without end') });
  });

  it('that is gone a moment after the metadata is unavailable, not "not found"', async () => {
    info().reply(200, INFO);
    tree().reply(404, {}, { 'x-error-code': 'RevisionNotFound' });
    expect(await facts()).toMatchObject({ kind: 'unavailable', message: expect.stringContaining('contradicts') });
  });

  it.each([[{}], [['text']], [[{ ...ENTRY, lfs: { oid: 'x', size: 1 } }]]])('%j is unavailable', async (body) => {
    info().reply(200, INFO);
    tree().reply(200, body);
    expect(await facts()).toMatchObject({ kind: 'unavailable' });
  });
});

describe('a sparse answer', () => {
  it('is enough: id and commit, path, size and hash', async () => {
    info().reply(200, { sha: SHA });
    tree().reply(200, [ENTRY]);
    expect(await facts()).toEqual({
      kind: 'found',
      facts: {
        id: 'acme/tiny',
        revision: SHA,
        lastModified: '1970-01-01T00:00:00.000Z',
        gated: false,
        private: false,
        license: { ids: [], name: null, link: null },
        tags: [],
        files: [{ path: 'a.txt', size: 1, sha256: null, oid: 'a'.repeat(40), security: null }],
        card: { kind: 'none' },
        baseModels: [],
        lineage: [],
        chatTemplate: [],
        remoteCode: [],
        indexes: {},
        notChecked: [expect.stringMatching(/^the verdicts of the Hub's scanners: .*501/)],
        sources: [
          { url: 'https://hub.test/api/models/acme/tiny/revision/main', what: 'model metadata' },
          { url: `https://hub.test/api/models/acme/tiny/tree/${SHA}`, what: 'file list' },
        ],
      },
    });
  });

  it.each([
    [true, 'manual'],
    ['auto', 'auto'],
    ['manual', 'manual'],
    [false, false],
    [undefined, false],
  ])('gated %j means %j', async (gated, expected) => {
    info().reply(200, { ...INFO, gated });
    tree().reply(200, [ENTRY]);
    expect(await facts()).toMatchObject({ kind: 'found', facts: { gated: expected } });
  });

  it.each([
    [{ disabled: true }, 'disabled'],
    [{ private: true }, 'private'],
  ])('%j is not found to be usable', async (fields, kind) => {
    info().reply(200, { ...INFO, ...fields });
    expect(await facts()).toMatchObject({ kind });
  });
});

describe('names', () => {
  it.each(['../x', 'a/b/c', 'a//b', '', 'a b', 'a/..'])('"%s" is not asked for', async (id) => {
    expect(await client().facts(id, null)).toMatchObject({ kind: 'not-found' });
  });

  it.each(['..', '.', 'a/../b', 'a b', 'x?y', '', 'a:b'])('revision "%s" is not asked for', async (revision) => {
    expect(await facts(revision)).toMatchObject({ kind: 'not-found' });
  });

  it('a revision with slashes travels encoded', async () => {
    nock(ENDPOINT).get('/api/models/acme/tiny/revision/refs%2Fpr%2F1').query(true).reply(200, INFO);
    tree().reply(200, [ENTRY]);
    expect(await facts('refs/pr/1')).toMatchObject({ kind: 'found' });
  });
});

describe('the token', () => {
  const secret = { reqheaders: { authorization: 'Bearer hf_x' } };
  const granted = () => client({ token: 'hf_x', grant: (id) => id === 'acme/tiny' });

  it('is never sent for what is public', async () => {
    nock(ENDPOINT, { badheaders: ['authorization'] })
      .get('/api/models/acme/tiny/revision/main')
      .query(true)
      .reply(200, INFO);
    nock(ENDPOINT, { badheaders: ['authorization'] })
      .get(`/api/models/acme/tiny/tree/${SHA}`)
      .query(true)
      .reply(200, []);
    expect(await granted().facts('acme/tiny', null)).toMatchObject({ kind: 'found', facts: { private: false } });
  });

  it('does not make a private repository visible by itself', async () => {
    info().reply(401, {});
    expect(await client({ token: 'hf_x' }).facts('acme/tiny', null)).toMatchObject({ kind: 'not-found' });
  });

  it('shows a granted private repository, which stays private', async () => {
    info().reply(401, {});
    nock(ENDPOINT, secret)
      .get('/api/models/acme/tiny/revision/main')
      .query(true)
      .reply(200, { ...INFO, private: true });
    nock(ENDPOINT, secret).get(`/api/models/acme/tiny/tree/${SHA}`).query(true).reply(200, [ENTRY]);
    expect(await granted().facts('acme/tiny', null)).toMatchObject({ kind: 'found', facts: { private: true } });
  });

  it('does not follow a granted name to a repository that is not granted', async () => {
    info().reply(401, {});
    nock(ENDPOINT, secret)
      .get('/api/models/acme/tiny/revision/main')
      .query(true)
      .reply(200, { ...INFO, id: 'other/secret' });
    const result = await granted().facts('acme/tiny', null);
    expect(result.kind).toBe('not-found');
    expect(JSON.stringify(result)).not.toContain('secret');
  });

  it('that the Hub refuses is named, without its value', async () => {
    info().reply(401, {});
    info().reply(401, {}, { 'x-error-message': 'Invalid credentials in Authorization header' });
    const result = await granted().facts('acme/tiny', null);
    expect(result).toMatchObject({ kind: 'unavailable', message: expect.stringContaining('HF_TOKEN') });
    expect(JSON.stringify(result)).not.toContain('hf_x');
  });

  it('of another form is left aside with a warning', async () => {
    const warnings: string[] = [];
    const logger = { ...silentLogger, warn: (_fields: object, message: string) => void warnings.push(message) };
    info().reply(401, {});
    const result = await client({ token: 'ghp_x', grant: () => true, logger }).facts('acme/tiny', null);
    expect(result.kind).toBe('not-found');
    expect(warnings[0]).toMatch(/HF_TOKEN/);
  });
});
