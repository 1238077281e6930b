import { describe, expect, it } from 'vitest';
import { askedToWait } from '../../../src/huggingface/answer.ts';
import { bucketOf, createRateLimiter } from '../../../src/huggingface/rate-limit.ts';
import { manualClock } from '../../support/clock/manual-clock.ts';

const API = { bucket: 'api', authorised: false };
const FIVE_MINUTES = { patienceMs: 310_000, signal: undefined };

function setUp() {
  const clock = manualClock();
  const waits: number[] = [];
  const limiter = createRateLimiter({ clock, onWait: (ms) => waits.push(ms) });
  const answer = (limit: string, status = 200, lane = API) =>
    limiter.learn(lane, new Response(null, { status, headers: { ratelimit: limit } }));
  return { clock, waits, limiter, answer };
}

/** A request that is answered when told. */
function request() {
  const { promise, resolve } = Promise.withResolvers<string>();
  const state = { sent: false };
  const send = () => {
    state.sent = true;
    return promise;
  };
  return { send, answer: () => resolve('answer'), isSent: () => state.sent };
}

const settled = () => new Promise((resolve) => setImmediate(resolve));

describe('the rate limiter', () => {
  it('lets everything through while nothing is known or much is left', async () => {
    const { limiter, answer, clock } = setUp();
    expect(await limiter.during(API, FIVE_MINUTES, async () => 1)).toBe(1);
    answer('"api";r=400;t=55');
    expect(await limiter.during(API, FIVE_MINUTES, async () => 2)).toBe(2);
    expect(clock.sleeping).toEqual([]);
  });

  it('holds up everyone until the window ends, and says so once', async () => {
    const { limiter, answer, clock, waits } = setUp();
    answer('"api";r=0;t=55');
    const requests = [request(), request(), request()];
    const all = Promise.all(requests.map(({ send }) => limiter.during(API, FIVE_MINUTES, send)));
    await clock.advance(55_999);
    expect(requests.some(({ isSent }) => isSent())).toBe(false);
    await clock.advance(1);
    expect(requests.every(({ isSent }) => isSent())).toBe(true);
    for (const { answer: reply } of requests) reply();
    expect(await all).toHaveLength(3);
    expect(waits).toEqual([55_000]);
  });

  it('never has more under way than are left', async () => {
    const { limiter, answer, clock } = setUp();
    answer('"api";r=2;t=55');
    const requests = [request(), request(), request()] as const;
    const all = Promise.all(requests.map(({ send }) => limiter.during(API, FIVE_MINUTES, send)));
    await settled();
    expect(requests.map(({ isSent }) => isSent())).toEqual([true, true, false]);
    // One was answered and the other was not counted yet: one may still go.
    answer('"api";r=2;t=54');
    requests[0].answer();
    await settled();
    expect(requests[2].isSent()).toBe(true);
    for (const { answer: reply } of requests) reply();
    await all;
    expect(clock.sleeping).toEqual([]);
  });

  it('goes by the fewest that were left, for answers overtake each other, until a new window', async () => {
    const { limiter, answer, clock } = setUp();
    answer('"api";r=0;t=55');
    answer('"api";r=9;t=56');
    answer('"api";r=9;t=12');
    const held = request();
    void limiter.during(API, FIVE_MINUTES, held.send);
    await settled();
    expect([held.isSent(), clock.sleeping]).toEqual([false, [56_000]]);
    answer('"api";r=499;t=300');
    const free = request();
    void limiter.during(API, FIVE_MINUTES, free.send);
    await settled();
    expect(free.isSent()).toBe(true);
  });

  it.each([
    [{ ratelimit: '"api";r=0;t=30' }, 30_000],
    [{ 'retry-after': '20' }, 20_000],
  ])('waits for the others too after a 429 with %j', async (headers, ms) => {
    const { limiter, clock, answer } = setUp();
    answer('"api";r=400;t=250');
    limiter.learn(API, new Response(null, { status: 429, headers: Object.entries(headers) }));
    // Sent before it, answered after it.
    answer('"api";r=399;t=12');
    const held = request();
    void limiter.during(API, FIVE_MINUTES, held.send);
    await settled();
    expect([held.isSent(), clock.sleeping]).toEqual([false, [ms + 1000]]);
  });

  it('keeps buckets, and what a token may, apart', async () => {
    const { limiter, answer } = setUp();
    answer('"api";r=0;t=55');
    for (const lane of [
      { bucket: 'resolvers', authorised: false },
      { bucket: 'api', authorised: true },
    ]) {
      expect(await limiter.during(lane, FIVE_MINUTES, async () => 'sent')).toBe('sent');
    }
    // The header names the bucket, whatever the request looked like.
    answer('"resolvers";r=0;t=5');
    const held = request();
    void limiter.during({ bucket: 'resolvers', authorised: false }, FIVE_MINUTES, held.send);
    await settled();
    expect(held.isSent()).toBe(false);
  });

  it('does not ask at all when the wait is longer than patience, and says how long it is', async () => {
    const { limiter, answer, waits } = setUp();
    answer('"api";r=0;t=240');
    const refused = request();
    const error = await limiter
      .during(API, { patienceMs: 60_000, signal: undefined }, refused.send)
      .catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'hub-unavailable', retryable: true });
    expect([askedToWait(error), refused.isSent(), waits]).toEqual([240_000, false, []]);
  });

  it('stops waiting when nobody waits for it', async () => {
    const { limiter, answer } = setUp();
    answer('"api";r=0;t=55');
    const controller = new AbortController();
    const waiting = limiter.during(API, { patienceMs: 60_000, signal: controller.signal }, async () => 1);
    controller.abort();
    await expect(waiting).rejects.toMatchObject({ code: 'cancelled' });
  });
});

it.each([
  ['/api/models/a/b/tree/main', 'api'],
  ['/a/b/resolve/main/x', 'resolvers'],
  ['/api/resolve-cache/models/a/b/x', 'resolvers'],
])('%s counts as %s', (path, bucket) => {
  expect(bucketOf(new URL(path, 'https://hub.test'))).toBe(bucket);
});
