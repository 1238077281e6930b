import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseChallenges } from '../../../src/registry/challenge.ts';

describe('parseChallenges', () => {
  it('reads a bearer challenge', () => {
    const header =
      'Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:a/b:pull,push"';
    expect(parseChallenges(header)).toEqual([
      {
        scheme: 'bearer',
        params: {
          realm: 'https://auth.docker.io/token',
          service: 'registry.docker.io',
          scope: 'repository:a/b:pull,push',
        },
      },
    ]);
  });

  it('reads several challenges in one header', () => {
    expect(parseChallenges('Basic realm="a, Bearer b", BEARER Realm = unquoted , error="x\\"y", Negotiate')).toEqual([
      { scheme: 'basic', params: { realm: 'a, Bearer b' } },
      { scheme: 'bearer', params: { realm: 'unquoted', error: 'x"y' } },
      { scheme: 'negotiate', params: {} },
    ]);
  });

  it('keeps the first of two values', () => {
    expect(parseChallenges('Bearer realm="a",realm="b"')[0]?.params.realm).toBe('a');
  });

  it('has no use for names of the language itself', () => {
    expect(parseChallenges('Bearer __proto__="x",realm="a"')[0]?.params.realm).toBe('a');
  });

  it.each(['', ',', '"', 'Bearer realm="never closed', '='])('survives %j', (header) => {
    expect(parseChallenges(header).every(({ params }) => params.realm === undefined || params.realm === '')).toBe(true);
  });

  it('always ends', () => {
    fc.assert(fc.property(fc.string(), (text) => Array.isArray(parseChallenges(text))));
    expect(parseChallenges('Bearer '.repeat(100_000))).toEqual([]);
  });
});
