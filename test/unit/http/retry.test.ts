import { describe, expect, it } from 'vitest';
import type { Clock } from '../../../src/clock.ts';
import { PublisherError } from '../../../src/errors.ts';
import { retryAfterOf, retryDelay, withRetry } from '../../../src/http/retry.ts';

function recordingClock(): Clock & { slept: number[] } {
  const slept: number[] = [];
  return {
    slept,
    now: () => 0,
    async sleep(ms, signal) {
      signal?.throwIfAborted();
      slept.push(ms);
    },
  };
}

const unavailable = () => new PublisherError('hub-unavailable', 'HTTP 500');
const random = () => 0.5;

describe('retryDelay', () => {
  it('doubles its ceiling up to eight seconds and picks anywhere below it', () => {
    expect([1, 2, 3, 6, 20].map((attempt) => retryDelay(attempt, 1))).toEqual([250, 500, 1000, 8000, 8000]);
    expect(retryDelay(3, 0)).toBe(0);
  });

  it('waits what the server asked for, and a little more', () => {
    expect(retryDelay(1, 0, 5000)).toBe(5000);
    expect(retryDelay(1, 1, 5000)).toBe(5250);
  });
});

describe('withRetry', () => {
  it('tries a retryable failure again, with the attempt number', async () => {
    const clock = recordingClock();
    const result = await withRetry(
      async (attempt) => {
        if (attempt < 3) throw unavailable();
        return attempt;
      },
      { clock, random },
    );
    expect(result).toBe(3);
    expect(clock.slept).toEqual([125, 250]);
  });

  it('gives up after its attempts with the last error', async () => {
    const clock = recordingClock();
    const error = unavailable();
    await expect(withRetry(() => Promise.reject(error), { clock, random, attempts: 2 })).rejects.toBe(error);
    expect(clock.slept).toHaveLength(1);
  });

  it.each([new PublisherError('hub-not-found', 'no'), new Error('foreign')])('rethrows %s at once', async (error) => {
    const clock = recordingClock();
    await expect(withRetry(() => Promise.reject(error), { clock })).rejects.toBe(error);
    expect(clock.slept).toEqual([]);
  });

  it('waits as long as the server asks, up to a minute', async () => {
    const clock = recordingClock();
    const failing = withRetry(() => Promise.reject(unavailable()), {
      clock,
      random: () => 0,
      attempts: 2,
      retryAfterMs: () => 60_000,
    });
    await expect(failing).rejects.toThrow('HTTP 500');
    expect(clock.slept).toEqual([60_000]);
  });

  it('fails at once, naming the wait, when it is longer', async () => {
    const clock = recordingClock();
    const failing = withRetry(() => Promise.reject(unavailable()), { clock, retryAfterMs: () => 280_000 });
    await expect(failing).rejects.toMatchObject({ code: 'hub-unavailable', message: expect.stringContaining('280 s') });
    expect(clock.slept).toEqual([]);
  });

  it('has more patience when told so', async () => {
    const clock = recordingClock();
    const options = { clock, random: () => 0, attempts: 2, retryAfterMs: () => 280_000, patienceMs: 300_000 };
    await expect(withRetry(() => Promise.reject(unavailable()), options)).rejects.toThrow('HTTP 500');
    expect(clock.slept).toEqual([280_000]);
  });

  it('ends as cancelled when aborted before or between attempts', async () => {
    const clock = recordingClock();
    await expect(withRetry(async () => 1, { clock, signal: AbortSignal.abort() })).rejects.toMatchObject({
      code: 'cancelled',
    });
    const controller = new AbortController();
    const failing = withRetry(
      () => {
        controller.abort();
        return Promise.reject(unavailable());
      },
      { clock, signal: controller.signal },
    );
    await expect(failing).rejects.toMatchObject({ code: 'cancelled' });
  });
});

describe('retryAfterOf', () => {
  it.each([
    [{ 'retry-after': '7' }, 7000],
    [{ 'retry-after': 'Thu, 01 Jan 1970 00:00:30 GMT' }, 30_000],
    [{ 'retry-after': 'Wed, 31 Dec 1969 23:00:00 GMT' }, 0],
    [{ ratelimit: '"api";r=0;t=55' }, 55_000],
    [{ ratelimit: '"api";r=3;t=55' }, null],
    [{ ratelimit: '"api";r=0;t=5, "resolvers";r=0;t=9' }, 9000],
    [{ 'retry-after': 'soon' }, null],
    [{}, null],
  ])('%j asks for %s ms', (headers, expected) => {
    expect(retryAfterOf(new Headers(Object.entries(headers)), 0)).toBe(expected);
  });
});
