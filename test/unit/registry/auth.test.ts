import { describe, expect, it } from 'vitest';
import type { Clock } from '../../../src/clock.ts';
import type { Fetch } from '../../../src/http/fetch.ts';
import { Authenticator } from '../../../src/registry/auth.ts';
import type { Credentials } from '../../../src/registry/credentials.ts';

const CHALLENGE = 'Bearer realm="https://ghcr.io/token",service="ghcr.io",scope="repository:acme/x:pull"';
const PULL = ['repository:acme/x:pull'];

interface Call {
  url: URL;
  init: RequestInit | undefined;
}

/** A token service that answers with numbered tokens, unless told otherwise, on a clock that only the test moves. */
function setUp({
  credentials = null,
  answers = [],
  registry = 'ghcr.io',
}: {
  credentials?: Credentials | null;
  answers?: (() => Response)[];
  registry?: string;
} = {}) {
  const calls: Call[] = [];
  const time = { now: 1_000_000, slept: [] as number[] };
  const clock: Clock = {
    now: () => time.now,
    sleep: async (ms) => {
      time.slept.push(ms);
    },
  };
  const fetch: Fetch = async (input, init) => {
    calls.push({ url: new URL(String(input)), init });
    return answers.shift()?.() ?? Response.json({ token: `t${calls.length}`, expires_in: 300 });
  };
  const options = { registry, fetch, clock, credentials: async () => credentials, timeoutMs: 1_000, random: () => 0 };
  return { auth: new Authenticator(options), calls, time };
}

const header = (call: Call | undefined, name: string) => new Headers(call?.init?.headers).get(name);

describe('Authenticator', () => {
  it('sends nothing until the registry asks', async () => {
    const { auth, calls } = setUp();
    expect(await auth.header(PULL)).toBeNull();
    expect(calls).toEqual([]);
  });

  it('asks the realm for our own scope with user and password', async () => {
    const { auth, calls } = setUp({ credentials: { username: 'u', password: 'pä' } });
    expect(await auth.renew(CHALLENGE, ['repository:acme/x:pull,push'], null)).toBe('Bearer t1');
    expect(calls[0]?.url.href).toBe('https://ghcr.io/token?service=ghcr.io&scope=repository%3Aacme%2Fx%3Apull%2Cpush');
    expect(header(calls[0], 'authorization')).toBe(`Basic ${Buffer.from('u:pä').toString('base64')}`);
    expect(calls[0]?.init?.redirect).toBe('manual');
  });

  it('keeps a token per scope until a margin before its end', async () => {
    const { auth, calls, time } = setUp();
    await auth.renew(CHALLENGE, PULL, null);
    time.now += 289_000;
    expect(await auth.header(PULL)).toBe('Bearer t1');
    expect(await auth.header(['repository:acme/y:pull'])).toBe('Bearer t2');
    time.now += 1_000;
    expect(await auth.header(PULL)).toBe('Bearer t3');
    expect(calls).toHaveLength(3);
  });

  it('takes a token without a term for one of a minute', async () => {
    const { auth, time } = setUp({ answers: [() => Response.json({ access_token: 'first' })] });
    expect(await auth.renew(CHALLENGE, PULL, null)).toBe('Bearer first');
    time.now += 49_000;
    expect(await auth.header(PULL)).toBe('Bearer first');
    time.now += 1_000;
    expect(await auth.header(PULL)).toBe('Bearer t2');
  });

  it('drops a refused token, but not the newer one of another lane', async () => {
    const { auth, calls } = setUp();
    const first = await auth.renew(CHALLENGE, PULL, null);
    const second = await auth.renew(CHALLENGE, PULL, first);
    expect(second).toBe('Bearer t2');
    expect(await auth.renew(CHALLENGE, PULL, first)).toBe('Bearer t2');
    expect(calls).toHaveLength(2);
  });

  it('posts an identity token, and never in the URL', async () => {
    const { auth, calls } = setUp({ credentials: { identityToken: 'idt' } });
    await auth.renew(CHALLENGE, PULL, null);
    expect(calls[0]?.init?.method).toBe('POST');
    expect(String(calls[0]?.init?.body)).toContain('grant_type=refresh_token&refresh_token=idt');
    expect(calls[0]?.url.href).toBe('https://ghcr.io/token');
  });

  it('adds a scope that names no repository', async () => {
    const { auth, calls } = setUp();
    await auth.renew('Bearer realm="https://ghcr.io/token",scope="aws repository:other/y:push"', PULL, null);
    expect(calls[0]?.url.searchParams.getAll('scope')).toEqual(['repository:acme/x:pull', 'aws']);
  });

  it.each(['https://evil.example/token', 'http://ghcr.io/token', 'http://169.254.169.254/token'])(
    'makes no connection to the realm %s',
    async (realm) => {
      const { auth, calls } = setUp({ credentials: { username: 'u', password: 'p' } });
      await expect(auth.renew(`Bearer realm="${realm}"`, PULL, null)).rejects.toMatchObject({ code: 'refused' });
      expect(calls).toEqual([]);
    },
  );

  it('retries a busy token service as it asks, and gives up on one that refuses', async () => {
    const busy = () => new Response(null, { status: 503, headers: { 'retry-after': '7' } });
    const retried = setUp({ answers: [busy] });
    expect(await retried.auth.renew(CHALLENGE, PULL, null)).toBe('Bearer t2');
    expect(retried.time.slept).toEqual([7_000]);
    const refused = setUp({ answers: [() => new Response(null, { status: 401 })] });
    await expect(refused.auth.renew(CHALLENGE, PULL, null)).rejects.toMatchObject({
      code: 'registry-denied',
      message: expect.stringContaining('docker login ghcr.io'),
    });
    expect(refused.calls).toHaveLength(1);
  });

  it.each([
    ['no JSON', () => new Response('<html>')],
    ['no token', () => Response.json({})],
    ['a token that would break the header', () => Response.json({ token: 'a\r\nx: y' })],
    ['a redirect', () => new Response(null, { status: 302, headers: { location: 'https://evil.example' } })],
  ])('refuses an answer with %s', async (_what, answer) => {
    const { auth, calls } = setUp({ answers: [answer] });
    await expect(auth.renew(CHALLENGE, PULL, null)).rejects.toMatchObject({ code: 'registry-invalid' });
    expect(calls).toHaveLength(1);
  });

  it('does not send a refused password twice', async () => {
    const { auth } = setUp({ credentials: { username: 'u', password: 'p' } });
    const used = await auth.renew('Basic realm="x"', PULL, null);
    expect(used).toBe('Basic dTpw');
    expect(await auth.header(PULL)).toBe(used);
    await expect(auth.renew('Basic realm="x"', PULL, used)).rejects.toMatchObject({ code: 'registry-denied' });
  });

  it('says that it does not know how to log in', async () => {
    const { auth } = setUp();
    await expect(auth.renew('Negotiate', PULL, null)).rejects.toMatchObject({ code: 'registry-denied' });
    await expect(auth.renew(null, PULL, null)).rejects.toMatchObject({ code: 'registry-denied' });
  });

  it('lets one who waits give up without taking the token from the others', async () => {
    const gate = Promise.withResolvers<void>();
    const { auth } = setUp();
    await auth.renew(CHALLENGE, PULL, null);
    const slow = new Authenticator({
      registry: 'ghcr.io',
      fetch: async () => {
        await gate.promise;
        return Response.json({ token: 'late' });
      },
      clock: { now: () => 0, sleep: async () => undefined },
      credentials: async () => null,
      timeoutMs: 60_000,
    });
    const controller = new AbortController();
    const impatient = slow.renew(CHALLENGE, PULL, null, controller.signal);
    const patient = slow.renew(CHALLENGE, PULL, null);
    controller.abort();
    await expect(impatient).rejects.toMatchObject({ code: 'cancelled' });
    gate.resolve();
    expect(await patient).toBe('Bearer late');
  });
});
