import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../../src/clock.ts';
import { guardedFetch } from '../../../src/http/fetch.ts';
import { HubClient, type HubClientOptions } from '../../../src/huggingface/client.ts';
import type { ModelFacts } from '../../../src/huggingface/types.ts';
import { silentLogger } from '../../../src/log.ts';
import { commitFiles, headOf } from '../../support/hub/model.ts';
import { type HubStandIn, startHub } from '../../support/hub/server.ts';
import { tinyModel } from '../../support/hub/tiny.ts';

let hub: HubStandIn;
beforeEach(async () => {
  hub = await startHub({
    tokens: { hf_good: ['acme/gated', 'acme/private'], hf_other: [] },
    renamed: { 'acme/old': 'acme/tiny' },
    models: [
      tinyModel({
        id: 'acme/tiny',
        cardData: { base_model: 'acme/parent' },
        files: { 'modeling_tiny.py': 'pass\n', 'config.json': '{"auto_map":{"AutoModel":"other/repo--m.C"}}' },
      }),
      tinyModel({ id: 'acme/gated', gated: 'manual' }),
      tinyModel({ id: 'acme/private', private: true }),
      tinyModel({ id: 'acme/disabled', disabled: true }),
    ],
  });
});
afterEach(() => hub.close());

function client(options: Partial<HubClientOptions> = {}): HubClient {
  const fetch = guardedFetch({ allow: [], allowLoopback: true });
  // No backoff worth waiting for, but real time for timeouts.
  const clock = {
    now: systemClock.now,
    sleep: (ms: number, signal?: AbortSignal) => systemClock.sleep(ms > 5000 ? ms : 0, signal),
  };
  return new HubClient({ endpoint: `${hub.url}/`, token: null, fetch, clock, logger: silentLogger, ...options });
}

async function found(id: string, options: Partial<HubClientOptions> = {}): Promise<ModelFacts> {
  const result = await client(options).facts(id, null);
  if (result.kind !== 'found') throw new Error(`${result.kind}: ${result.message}`);
  return result.facts;
}

function model(id: string) {
  const [match] = hub.models.filter((candidate) => candidate.id === id);
  if (match === undefined) throw new Error(`no ${id}`);
  return match;
}

describe('facts', () => {
  it('are complete and belong to one commit', async () => {
    const facts = await found('acme/tiny');
    const { sha } = headOf(model('acme/tiny'));
    expect(facts).toMatchObject({
      id: 'acme/tiny',
      revision: sha,
      lastModified: '2025-03-01T12:00:00.000Z',
      gated: false,
      private: false,
      license: { ids: ['apache-2.0'], name: null, link: null },
      baseModels: ['acme/parent'],
      notChecked: [],
      indexes: {
        'model.safetensors.index.json': ['model-00001-of-00002.safetensors', 'model-00002-of-00002.safetensors'],
      },
    });
    expect(facts.remoteCode).toEqual([
      { file: 'modeling_tiny.py', repository: null },
      { file: 'config.json', repository: 'other/repo' },
    ]);
    const shard = headOf(model('acme/tiny')).files.find(({ path }) => path === 'model-00001-of-00002.safetensors');
    expect(facts.files.find(({ path }) => path === shard?.path)).toEqual({
      path: shard?.path,
      size: shard?.size,
      sha256: shard?.lfs?.oid,
      oid: shard?.oid,
      security: 'safe',
    });
    const later = hub.requests.filter(({ path }) => !path.includes('/revision/'));
    expect(later.every(({ path, server }) => server === 'cdn' || path.includes(sha))).toBe(true);
    expect(hub.requests.filter(({ path }) => path.includes('acme/tiny/revision/'))).toHaveLength(1);
  });

  it('stay with the commit when the branch moves between two requests', async () => {
    const before = headOf(model('acme/tiny')).sha;
    const moving: typeof globalThis.fetch = async (input, init) => {
      const response = await guardedFetch({ allow: [], allowLoopback: true })(input, init);
      if (String(input).includes('/revision/'))
        commitFiles(model('acme/tiny'), { 'README.md': 'new' }, '2026-01-01T00:00:00Z');
      return response;
    };
    const facts = await found('acme/tiny', { fetch: moving });
    expect(facts.revision).toBe(before);
    expect(facts.files.length).toBeGreaterThan(5);
  });

  it('read every page of a long list', async () => {
    const files = Object.fromEntries(Array.from({ length: 250 }, (_, at) => [`data/${at}.txt`, `${at}`]));
    hub.models.push(tinyModel({ id: 'acme/many', files }));
    const facts = await found('acme/many');
    expect(facts.files.filter(({ path }) => path.startsWith('data/'))).toHaveLength(250);
    expect(hub.requests.filter(({ path }) => path.includes('/tree/'))).toHaveLength(3);
  });

  it('follow a rename', async () => {
    expect((await found('acme/old')).id).toBe('acme/tiny');
  });

  it('of a gated model say what was not checked', async () => {
    const facts = await found('acme/gated', { token: 'hf_good' });
    expect(facts).toMatchObject({ gated: 'manual', indexes: {} });
    expect(facts.notChecked).toContain('config.json: gated');
    expect(hub.requests.some(({ headers }) => headers.authorization !== undefined)).toBe(false);
  });

  it.each([
    ['acme/none', 'not-found', /not publicly/],
    ['acme/private', 'not-found', /not publicly/],
    ['acme/disabled', 'disabled', /disabled/],
  ])('of %s are %s', async (id, kind, message) => {
    const result = await client({ token: 'hf_good' }).facts(id, null);
    expect(result).toMatchObject({ kind, message: expect.stringMatching(message) });
  });

  it('of private and of unknown models cannot be told apart', async () => {
    const [a, b] = await Promise.all(
      ['acme/private', 'acme/none'].map((id) => client({ token: 'hf_good' }).facts(id, null)),
    );
    expect(JSON.stringify(a).replace('acme/private', 'X')).toBe(JSON.stringify(b).replace('acme/none', 'X'));
  });

  it('of a granted private model are complete', async () => {
    const facts = await found('acme/private', { token: 'hf_good', grant: () => true });
    expect(facts.private).toBe(true);
    expect(Object.keys(facts.indexes)).toHaveLength(1);
  });

  it('name a revision that does not exist', async () => {
    const result = await client().facts('acme/tiny', 'v9');
    expect(result).toMatchObject({ kind: 'not-found', message: expect.stringContaining('"v9"') });
  });

  it('survive a Hub that recovers', async () => {
    hub.fail({ fault: { kind: 'status', status: 503 }, match: /revision/, times: 2 });
    hub.fail({ fault: { kind: 'drop' }, match: /tree/ });
    hub.fail({ fault: { kind: 'truncate', bytes: 10 }, match: /index\.json/ });
    hub.fail({ fault: { kind: 'corrupt', at: 3 }, match: /GET .*\/config\.json/ });
    expect((await found('acme/tiny')).remoteCode).toHaveLength(2);
  });

  it.each([
    ['the file list', /tree/],
    ['a configuration', /resolve.*config\.json/],
  ])('are unavailable while %s cannot be read', async (_case, match) => {
    hub.fail({ fault: { kind: 'status', status: 500 }, match, times: 100 });
    expect(await client().facts('acme/tiny', null)).toMatchObject({
      kind: 'unavailable',
      message: expect.stringContaining('HTTP 500'),
    });
  });

  it('are unavailable when the quota is used up for minutes', async () => {
    hub.setQuota(1, 240);
    expect(await client().facts('acme/tiny', null)).toMatchObject({
      kind: 'unavailable',
      message: expect.stringContaining('240 s'),
    });
  });

  it('are unavailable when the Hub takes too long', async () => {
    hub.fail({ fault: { kind: 'delay', ms: 2000 }, times: 4 });
    expect(await client({ timeoutMs: 50 }).facts('acme/tiny', null)).toMatchObject({
      kind: 'unavailable',
      message: expect.stringMatching(/time/i),
    });
  });

  it('are unavailable when nothing listens there', async () => {
    await hub.close();
    expect(await client().facts('acme/tiny', null)).toMatchObject({
      kind: 'unavailable',
      message: expect.stringContaining('ECONNREFUSED'),
    });
  });

  it('end as cancelled when nobody waits', async () => {
    const controller = new AbortController();
    hub.fail({ fault: { kind: 'delay', ms: 10_000 } });
    const facts = client().facts('acme/tiny', null, { signal: controller.signal });
    setImmediate(() => controller.abort());
    await expect(facts).rejects.toMatchObject({ code: 'cancelled' });
  });
});
