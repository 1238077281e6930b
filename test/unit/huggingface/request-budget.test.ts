import { afterEach, describe, expect, it } from 'vitest';
import { inLanes } from '../../../src/build/lanes.ts';
import { guardedFetch } from '../../../src/http/fetch.ts';
import { HubClient, type HubClientOptions } from '../../../src/huggingface/client.ts';
import { createRateLimiter } from '../../../src/huggingface/rate-limit.ts';
import { silentLogger } from '../../../src/log.ts';
import { hastyClock } from '../../support/clock/hasty-clock.ts';
import { manyModels } from '../../support/hub/many.ts';
import type { HubModel } from '../../support/hub/model.ts';
import { type HubStandIn, startHub } from '../../support/hub/server.ts';
import { tinyModel } from '../../support/hub/tiny.ts';

let hub: HubStandIn;
afterEach(() => hub.close());

async function start(models: HubModel[], options: Partial<HubClientOptions> = {}): Promise<HubClient> {
  hub = await startHub({ models });
  const fetch = guardedFetch({ allow: [], allowLoopback: true });
  const base = { endpoint: hub.url, token: null, fetch, clock: hastyClock, logger: silentLogger };
  return new HubClient({ ...base, ...options });
}

const asked = (pattern: RegExp) => hub.requests.filter(({ path }) => pattern.test(path)).length;
const files = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, at) => [`d/${at}.txt`, `${at}`]));

/** The most that a model without parents may cost: one for what it is, one for each 100 files, two for each of three small files. */
const BUDGET = 8;

describe('the facts about a model without parents, nothing known', () => {
  it('cost no more requests than they may', async () => {
    const client = await start([tinyModel({ id: 'acme/tiny', shards: 40, shardBytes: 128 })]);
    expect(await client.facts('acme/tiny', null)).toMatchObject({ kind: 'found', facts: { notChecked: [] } });
    expect(hub.requests.length).toBeLessThanOrEqual(BUDGET);
    expect([asked(/\/revision\//), asked(/\/tree\//), asked(/index\.json/)]).toEqual([1, 1, 0]);
    expect(hub.requests.every(({ server }) => server === 'hub')).toBe(true);
  });

  it('cost one more for each further hundred files', async () => {
    const client = await start([
      tinyModel({ id: 'acme/tiny' }),
      tinyModel({ id: 'acme/some', files: files(150) }),
      tinyModel({ id: 'acme/many', files: files(350) }),
    ]);
    const costs: number[] = [];
    for (const { id } of hub.models) {
      hub.requests.length = 0;
      await client.facts(id, null);
      costs.push(hub.requests.length);
    }
    const [tiny = 0, some, many] = costs;
    expect([some, many]).toEqual([tiny + 1, tiny + 3]);
  });

  it('cost the reading of an index where names alone do not tell the shards', async () => {
    const client = await start([
      tinyModel({ id: 'acme/extra', files: { 'consolidated.safetensors': 'x' } }),
      tinyModel({ id: 'acme/gap', files: { 'model-00001-of-00002.safetensors': null } }),
    ]);
    for (const { id } of hub.models) {
      hub.requests.length = 0;
      expect(await client.facts(id, null)).toMatchObject({
        facts: {
          indexes: {
            'model.safetensors.index.json': ['model-00001-of-00002.safetensors', 'model-00002-of-00002.safetensors'],
          },
        },
      });
      expect(asked(/resolve\/.*index\.json/)).toBe(1);
    }
  });

  it('use the same connections again, through redirects too', async () => {
    const client = await start(manyModels(30));
    for (const { id } of hub.models) await client.facts(id, null);
    expect(hub.requests.length).toBeGreaterThan(150);
    expect(hub.connectionsMade()).toBeLessThanOrEqual(3);
  });
});

describe('a Hub that lets through so many requests in five minutes', () => {
  const windows = (size: number) => {
    const waits: number[] = [];
    const clock = {
      now: hastyClock.now,
      async sleep(ms: number, signal?: AbortSignal) {
        // Waiting for the window's end is what makes it end.
        if (ms > 150_000 && signal?.aborted !== true) {
          hub.setQuota(size, 240);
          await new Promise((resolve) => setImmediate(resolve));
          return;
        }
        await hastyClock.sleep(ms, signal);
      },
    };
    const limiter = createRateLimiter({ clock, onWait: (ms) => waits.push(ms) });
    return { waits, options: { clock, limiter, patienceMs: 310_000 } };
  };

  it('is asked no more than that, and never refuses', async () => {
    const { waits, options } = windows(10);
    const client = await start(manyModels(20), options);
    hub.setQuota(10, 240);
    const results = await inLanes(hub.models, 4, undefined, ({ id }) => client.facts(id, null));
    expect(results.map(({ kind }) => kind)).toEqual(hub.models.map(() => 'found'));
    // Nothing was refused, or it would have been asked twice.
    expect(asked(/^\/api\/models\//)).toBe(2 * 20);
    expect(waits).toHaveLength(3);
  });

  it('refuses one, and all wait', async () => {
    const { waits, options } = windows(1000);
    const client = await start(manyModels(8), options);
    hub.fail({ fault: { kind: 'rate-limit', seconds: 200 }, match: /\/api\/models/ });
    const results = await Promise.all(hub.models.map(({ id }) => client.facts(id, null)));
    expect(results.map(({ kind }) => kind)).toEqual(hub.models.map(() => 'found'));
    expect(waits).toHaveLength(1);
    expect(asked(/^\/api\/models\//)).toBe(2 * 8 + 1);
  });

  it('counts downloads for themselves', async () => {
    const { options } = windows(1000);
    const client = await start(manyModels(1), { ...options, patienceMs: 60_000 });
    hub.setQuota(0, 240, 'resolvers');
    expect(await client.facts('acme/m0001', null)).toMatchObject({
      kind: 'unavailable',
      message: expect.stringContaining('240 s'),
    });
    expect(asked(/\/resolve\//)).toBe(1);
  });
});
