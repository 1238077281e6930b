import { describe, expect, it } from 'vitest';
import { cancelled } from '../../../src/http/retry.ts';
import { BaseResolver } from '../../../src/plan/bases.ts';
import type { ImageSource } from '../../../src/registry/types.ts';

/** A registry that takes the question and never answers. */
function silent(asked: string[]): ImageSource {
  return {
    manifest: (tagOrDigest, { signal } = {}) => {
      asked.push(tagOrDigest);
      return new Promise((_, reject) => signal?.addEventListener('abort', () => reject(cancelled(signal))));
    },
    blob: async function* () {},
  };
}

describe('a base whose registry is silent', () => {
  it('counts as out of reach after the time allowed, and is asked for once', async () => {
    const asked: string[] = [];
    const bases = new BaseResolver(() => silent(asked), 30);
    const answers = await Promise.all([
      bases.resolve('ghcr.io/acme/base:v1', { platforms: ['linux/amd64'], pin: null, own: false }),
      bases.resolve('ghcr.io/acme/base:v1', { platforms: ['linux/amd64'], pin: null, own: false }),
    ]);
    for (const answer of answers) {
      expect(answer).toMatchObject({ ok: false, error: { code: 'registry-unavailable', retryable: true } });
    }
    expect(asked).toEqual(['v1']);
  });

  it('is waited for no longer than the caller waits', async () => {
    const bases = new BaseResolver(() => silent([]), 60_000);
    const answer = bases.resolve(
      'ghcr.io/acme/base:v1',
      { platforms: ['linux/amd64'], pin: null, own: false },
      AbortSignal.timeout(10),
    );
    await expect(answer).rejects.toMatchObject({ code: 'cancelled' });
  });
});
