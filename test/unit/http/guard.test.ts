import type dns from 'node:dns';
import { describe, expect, it } from 'vitest';
import { addressRule } from '../../../src/http/addresses.ts';
import { createGuard, guardedLookup } from '../../../src/http/guard.ts';

const answer = (addresses: dns.LookupAddress[]) =>
  ((_host: string, _options: object, callback: (error: null, found: dns.LookupAddress[]) => void) =>
    callback(null, addresses)) as unknown as typeof dns.lookup;

const judge = (host: string, address: string) =>
  addressRule(address) === null ? null : new Error(`${host} ${address}`);

function look(addresses: dns.LookupAddress[], all: boolean) {
  return new Promise((resolve) =>
    guardedLookup(judge, answer(addresses))('name.test', { all }, (error, found, family) =>
      resolve(error === null ? { found, family } : error.message),
    ),
  );
}

const open = { address: '8.8.8.8', family: 4 };
const inner = { address: '10.0.0.1', family: 4 };

describe('guardedLookup', () => {
  it('passes public addresses on in the form asked for', async () => {
    expect(await look([open], true)).toEqual({ found: [open], family: undefined });
    expect(await look([open], false)).toEqual({ found: '8.8.8.8', family: 4 });
  });

  it('refuses a name when any one of its addresses is not public', async () => {
    expect(await look([open, inner], true)).toBe('name.test 10.0.0.1');
    expect(await look([open, inner], false)).toBe('name.test 10.0.0.1');
  });
});

describe('createGuard', () => {
  it.each(['example.com', 'example.com:x', ':80', 'http://h:1', ''])('wants host:port, not %j', (entry) => {
    expect(() => createGuard({ allow: [entry], connectTimeoutMs: 1 })).toThrow(/host:port/);
  });

  it.each([
    ['https://127.0.0.1:5000/', ['127.0.0.1:5000']],
    ['https://[::1]/', ['[::1]:443']],
    ['http://LOCALHOST/', ['localhost:80']],
  ])('lets %s pass when the operator lists it', async (url, allow) => {
    const guard = createGuard({ allow, connectTimeoutMs: 1 });
    await expect(guard.check(new URL(url))).resolves.toBeUndefined();
  });

  it('does not widen an exemption to another port', async () => {
    const guard = createGuard({ allow: ['127.0.0.1:5000'], connectTimeoutMs: 1 });
    await expect(guard.check(new URL('http://127.0.0.1:5001/'))).rejects.toMatchObject({ code: 'refused' });
  });

  it('leaves a name that only the proxy can resolve to the proxy', async () => {
    const guard = createGuard({ allow: [], connectTimeoutMs: 1 });
    await expect(guard.check(new URL('https://no-such-name.invalid/'))).resolves.toBeUndefined();
  });
});
