import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../../src/clock.ts';
import { guardedFetch } from '../../../src/http/fetch.ts';
import { HubClient } from '../../../src/huggingface/client.ts';
import { createRateLimiter } from '../../../src/huggingface/rate-limit.ts';
import type { AncestorMemory, ModelFacts } from '../../../src/huggingface/types.ts';
import { silentLogger } from '../../../src/log.ts';
import type { HubModel } from '../../support/hub/model.ts';
import { type HubStandIn, startHub } from '../../support/hub/server.ts';
import { tinyModel } from '../../support/hub/tiny.ts';

let hub: HubStandIn;
const model = (id: string, license: string | undefined, parents: string[], extra: Partial<HubModel> = {}): HubModel => {
  const cardData = { ...(license === undefined ? {} : { license }), base_model: parents };
  return { ...tinyModel({ id, license: license ?? 'mit', cardData }), cardData, tags: [], ...extra };
};
beforeEach(async () => {
  hub = await startHub({
    models: [
      model('acme/child', 'mit', ['acme/mid', 'acme/gone']),
      model('acme/mid', 'apache-2.0', ['meta/llama', 'acme/child']),
      model('meta/llama', 'llama3.1', [], { gated: 'manual' }),
      model('acme/other-child', 'mit', ['acme/mid']),
      model('acme/bare', undefined, []),
      model('acme/off', 'mit', [], { disabled: true }),
      model('acme/secret', 'mit', [], { private: true }),
      model('acme/orphan', 'mit', ['acme/bare', 'acme/off', 'acme/secret']),
    ],
  });
});
afterEach(() => hub.close());

async function factsOf(
  id: string,
  ancestors: AncestorMemory = new Map(),
  limiter = createRateLimiter({ clock: systemClock }),
): Promise<ModelFacts> {
  const client = new HubClient({
    endpoint: hub.url,
    token: null,
    fetch: guardedFetch({ allow: [], allowLoopback: true }),
    clock: { now: systemClock.now, sleep: (ms, signal) => systemClock.sleep(Math.min(ms, 20), signal) },
    logger: silentLogger,
    limiter,
  });
  const result = await client.facts(id, null, { ancestors });
  if (result.kind !== 'found') throw new Error(`${result.kind}: ${result.message}`);
  return result.facts;
}
const ancestors = ({ lineage }: ModelFacts) =>
  lineage.map(({ path, answer }) => [path.join('<'), answer.kind === 'read' ? answer.license.ids : answer.message]);
const asked = (id: string) => hub.requests.filter(({ path }) => path.startsWith(`/api/models/${id}/revision`)).length;

describe('lineage', () => {
  it('is read upwards, gated ancestors included, without a circle', async () => {
    expect(ancestors(await factsOf('acme/child'))).toEqual([
      ['acme/gone', expect.stringContaining('acme/gone is not publicly on the Hub')],
      ['acme/mid', ['apache-2.0']],
      ['acme/mid<meta/llama', ['llama3.1']],
    ]);
    expect(asked('acme/mid')).toBe(1);
  });

  it('knows no more of a disabled or private ancestor than anybody', async () => {
    expect(ancestors(await factsOf('acme/orphan'))).toEqual([
      ['acme/bare', []],
      ['acme/off', expect.stringContaining('disabled')],
      ['acme/secret', expect.stringContaining('not publicly')],
    ]);
  });

  it('asks about an ancestor once for a whole plan, one request each', async () => {
    const memory: AncestorMemory = new Map();
    await Promise.all([factsOf('acme/child', memory), factsOf('acme/other-child', memory)]);
    expect([asked('acme/mid'), asked('meta/llama'), asked('acme/gone')]).toEqual([1, 1, 1]);
  });

  it('takes an ancestor the Hub cannot show for unknown, and asks again the next time', async () => {
    hub.fail({ match: /meta\/llama\/revision/, fault: { kind: 'status', status: 503 }, times: 10 });
    const memory: AncestorMemory = new Map();
    const first = await factsOf('acme/mid', memory);
    expect(ancestors(first)).toContainEqual(['meta/llama', expect.stringContaining('503')]);
    hub.clearFaults();
    expect(ancestors(await factsOf('acme/mid', memory))).toContainEqual(['meta/llama', ['llama3.1']]);
  });
});

describe('README.md', () => {
  it('is read at the pinned commit and compared', async () => {
    const [child] = hub.models;
    if (child === undefined) throw new Error('no model');
    // The metadata is of another opinion than the commit.
    child.cardData = { ...child.cardData, license: 'apache-2.0' };
    expect(await factsOf('acme/child')).toMatchObject({
      license: { ids: ['apache-2.0'] },
      card: { kind: 'stated', license: { ids: ['mit'] } },
    });
  });
});

describe('the chat template', () => {
  const template = (text: string) => JSON.stringify({ chat_template: text });
  const start = async (child: Record<string, string>, parent: Record<string, string>, config = {}) => {
    await hub.close();
    hub = await startHub({
      models: [
        tinyModel({ id: 'acme/child', cardData: { base_model: 'acme/parent' }, files: child }),
        tinyModel({ id: 'acme/parent', files: parent, config }),
      ],
    });
    return (await factsOf('acme/child')).chatTemplate;
  };

  it.each<[string, Record<string, string>, Record<string, string>, object, RegExp | null]>([
    ['the same', { 'tokenizer_config.json': template('a\n') }, { 'tokenizer_config.json': template('a') }, {}, null],
    [
      'another',
      { 'tokenizer_config.json': template('a') },
      { 'tokenizer_config.json': template('b') },
      {},
      /differs.*acme\/parent/,
    ],
    [
      'another in a file',
      { 'chat_template.jinja': 'a' },
      { 'chat_template.jinja': 'b' },
      {},
      /differs.*chat_template\.jinja/,
    ],
    ['the same in a file', { 'chat_template.jinja': 'a' }, { 'chat_template.jinja': 'a' }, {}, null],
    [
      "another by the Hub's extract",
      { 'tokenizer_config.json': template('a') },
      {},
      { tokenizer_config: { chat_template: 'b' } },
      /differs/,
    ],
    ['none to compare with', { 'tokenizer_config.json': template('a') }, {}, {}, /not compared.*acme\/parent/],
    ['no template of its own', {}, { 'tokenizer_config.json': template('b') }, {}, null],
  ])('of a parent is compared: %s', async (_, child, parent, config, expected) => {
    const told = await start(child, parent, config);
    expect(told).toEqual(expected === null ? [] : [expect.stringMatching(expected)]);
  });

  it('of a parent is read under the rate limit like any other file', async () => {
    const files = { 'tokenizer_config.json': template('a') };
    await start(files, { 'tokenizer_config.json': template('b') });
    const asked = hub.requests.filter(({ path }) => path.includes('/resolve/'));
    expect(asked.map(({ path }) => path)).toContainEqual(expect.stringMatching(/^\/acme\/parent\/resolve\/.*config/));
    const limiter = createRateLimiter({ clock: systemClock });
    const lanes: string[] = [];
    const counting: typeof limiter = {
      ...limiter,
      during: (lane, options, request) => {
        lanes.push(lane.bucket);
        return limiter.during(lane, options, request);
      },
    };
    await factsOf('acme/child', new Map(), counting);
    expect(lanes.filter((bucket) => bucket === 'resolvers')).toHaveLength(asked.length);
  });
});
