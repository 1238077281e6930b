import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { guardedFetch } from '../../../src/http/fetch.ts';
import type { HubCache } from '../../../src/huggingface/cache.ts';
import { HubClient, type HubClientOptions } from '../../../src/huggingface/client.ts';
import type { FactsResult } from '../../../src/huggingface/types.ts';
import { silentLogger } from '../../../src/log.ts';
import { hastyClock } from '../../support/clock/hasty-clock.ts';
import { commitFiles, type HubModel } from '../../support/hub/model.ts';
import { type HubStandIn, startHub } from '../../support/hub/server.ts';
import { tinyModel } from '../../support/hub/tiny.ts';

const many = Object.fromEntries(Array.from({ length: 120 }, (_, at) => [`data/${at}.txt`, `${at}`]));
let hub: HubStandIn;
let tiny: HubModel;
let kept: Map<string, Uint8Array>;
let cache: HubCache;
beforeEach(async () => {
  tiny = tinyModel({ id: 'acme/tiny' });
  hub = await startHub({
    tokens: { hf_good: ['acme/gated', 'acme/private'] },
    models: [
      tiny,
      tinyModel({ id: 'acme/many', files: many }),
      tinyModel({ id: 'acme/gated', gated: 'manual' }),
      tinyModel({ id: 'acme/private', private: true }),
    ],
  });
  kept = new Map();
  cache = { get: async (key) => kept.get(key) ?? null, set: async (key, bytes) => void kept.set(key, bytes) };
});
afterEach(() => hub.close());

/** What a run of its own learns about a model, and what it asked for. */
async function run(id = 'acme/tiny', options: Partial<HubClientOptions> = {}) {
  hub.requests.length = 0;
  const fetch = guardedFetch({ allow: [], allowLoopback: true });
  const base = { endpoint: hub.url, token: null, fetch, clock: hastyClock, logger: silentLogger, cache };
  const result: FactsResult = await new HubClient({ ...base, ...options }).facts(id, null);
  const paths = hub.requests.map(({ path }) => path.replace(/\?.*/, '').replace(/[0-9a-f]{40}/, 'SHA'));
  return { result, paths };
}

const METADATA = ['/api/models/acme/tiny/revision/main', '/api/models/acme/tiny/tree/SHA'];
const fileReads = (paths: string[]) => paths.filter((path) => path.includes('/resolve/'));

describe('a second run', () => {
  it('asks whether the metadata still holds, and for nothing else', async () => {
    const first = await run();
    expect(fileReads(first.paths)).toHaveLength(3);
    const second = await run();
    expect(second.paths).toEqual(METADATA);
    expect(hub.requests.every(({ headers }) => headers['if-none-match']?.startsWith('W/"'))).toBe(true);
    expect(second.result).toEqual(first.result);
  });

  it('knows every page of a long list', async () => {
    const first = await run('acme/many');
    const second = await run('acme/many');
    expect(second.paths).toHaveLength(3);
    expect(second.result).toEqual(first.result);
  });

  it('follows a rename as the first did', async () => {
    hub.renamed['acme/old'] = 'acme/tiny';
    const first = await run('acme/old');
    const second = await run('acme/old');
    expect(second.result).toEqual(first.result);
    expect(second.paths).toEqual(['/api/models/acme/old/revision/main', ...METADATA]);
  });

  it('asks anew where the Hub gives no ETags', async () => {
    const untagged: typeof globalThis.fetch = async (input, init) => {
      const response = await guardedFetch({ allow: [], allowLoopback: true })(input, init);
      const headers = new Headers(response.headers);
      headers.delete('etag');
      return new Response(response.body, { status: response.status, headers });
    };
    await run('acme/tiny', { fetch: untagged });
    expect([...kept.keys()].some((key) => key.startsWith('answer'))).toBe(false);
    await run('acme/tiny', { fetch: untagged });
    expect(hub.requests.some(({ headers }) => headers['if-none-match'] !== undefined)).toBe(false);
  });

  it('keeps the answers of two Hubs apart', async () => {
    await run();
    const other = await startHub({ models: [tinyModel({ id: 'acme/tiny', license: 'mit' })] });
    const { result } = await run('acme/tiny', { endpoint: other.url });
    expect(result).toMatchObject({ facts: { license: { ids: ['mit'] } } });
    expect(other.requests.some(({ headers }) => headers['if-none-match'] !== undefined)).toBe(false);
    await other.close();
  });
});

describe('what changed meanwhile', () => {
  it('is seen: gating, and then nothing kept is read', async () => {
    await run();
    tiny.gated = 'auto';
    const { result, paths } = await run();
    expect(result).toMatchObject({ kind: 'found', facts: { gated: 'auto', indexes: {} } });
    expect(result).toMatchObject({ facts: { notChecked: expect.arrayContaining(['config.json: gated']) } });
    expect(paths).toEqual(METADATA);
  });

  it.each([
    ['disabled', () => void Object.assign(tiny, { disabled: true }), 'disabled'],
    ['made private', () => void Object.assign(tiny, { private: true }), 'not-found'],
    ['deleted', () => void hub.models.splice(0, 1), 'not-found'],
  ])('is seen: a model that was %s', async (_, change, kind) => {
    await run();
    change();
    expect((await run()).result.kind).toBe(kind);
  });

  it('is seen: a scan, a new file, a file taken back', async () => {
    await run();
    for (const file of tiny.commits[0]?.files ?? []) if (file.path === 'config.json') file.security = 'unsafe';
    const { result } = await run();
    const files = result.kind === 'found' ? result.facts.files : [];
    expect(files.find(({ path }) => path === 'config.json')?.security).toBe('unsafe');
    commitFiles(tiny, { 'config.json': '{"auto_map":{"AutoModel":"other/repo--m.C"}}' }, '2026-01-01T00:00:00Z');
    const { result: later, paths } = await run();
    expect(later).toMatchObject({ facts: { remoteCode: [{ file: 'config.json', repository: 'other/repo' }] } });
    expect(fileReads(paths)).toHaveLength(1);
    expect(later.kind === 'found' && later.facts.files).toHaveLength(1);
  });

  it('is not made up for while the Hub is down', async () => {
    await run();
    hub.fail({ fault: { kind: 'status', status: 503 }, times: 99 });
    expect((await run()).result.kind).toBe('unavailable');
  });
});

describe('what is kept', () => {
  it('is nothing a token saw', async () => {
    const granted = { token: 'hf_good', grant: () => true };
    expect((await run('acme/private', granted)).result.kind).toBe('found');
    expect(kept.size).toBe(0);
    expect((await run('acme/private')).result.kind).toBe('not-found');
  });

  it('of a gated model is its metadata alone', async () => {
    await run('acme/gated', { token: 'hf_good', grant: () => true });
    expect([...kept.keys()].every((key) => key.startsWith('answer'))).toBe(true);
  });

  it('is nothing by itself: a file counts only with the hash the Hub lists', async () => {
    const { result } = await run();
    for (const [key, bytes] of kept) {
      if (key.startsWith('file')) kept.set(key, Buffer.from(String(bytes).replace('{', '{"auto_map":{},')));
    }
    const again = await run();
    expect(fileReads(again.paths)).toHaveLength(2);
    expect(again.result).toEqual(result);
    expect((await run()).paths).toEqual(METADATA);
  });

  it.each(['', 'null', '{"etag":""}', '{"etag":7,"link":null,"json":{}}', '{'])(
    'is asked for anew when it is %j',
    async (text) => {
      const { result } = await run();
      for (const key of kept.keys()) kept.set(key, Buffer.from(text));
      const again = await run();
      expect(again.result).toEqual(result);
      expect(hub.requests.some(({ headers }) => headers['if-none-match'] !== undefined)).toBe(false);
    },
  );

  it('is judged like an answer of the Hub', async () => {
    await run();
    for (const [key, bytes] of kept) kept.set(key, Buffer.from(String(bytes).replace(/"sha":"\w+"/, '"sha":"main"')));
    expect((await run()).result).toMatchObject({ kind: 'unavailable', message: expect.stringContaining('sha') });
  });
});

it('a 304 nobody asked for is no answer', async () => {
  hub.fail({ fault: { kind: 'status', status: 304 } });
  expect((await run()).result).toMatchObject({ kind: 'unavailable', message: expect.stringContaining('304') });
});
