import { describe, expect, it } from 'vitest';
import { checkHop } from '../../../src/registry/hops.ts';
import { checkRealm } from '../../../src/registry/realm.ts';

const refused = expect.objectContaining({ code: 'refused' });

describe('checkRealm', () => {
  it.each([
    ['docker.io', 'https://auth.docker.io/token'],
    ['ghcr.io', 'https://ghcr.io/token'],
    ['registry.gitlab.com', 'https://gitlab.com/jwt/auth'],
    ['public.ecr.aws', 'https://public.ecr.aws/token/'],
    ['nvcr.io', 'https://nvcr.io/proxy_auth'],
    ['a.azurecr.io', 'https://a.azurecr.io/oauth2/token'],
    ['registry.example.com:8443', 'https://registry.example.com:9443/token'],
    ['127.0.0.1:5000', 'http://localhost:5001/token'],
  ])('lets %s ask at %s', (registry, realm) => {
    expect(checkRealm(realm, registry).href).toBe(realm);
  });

  it.each([
    ['ghcr.io', 'https://evil.example/token'],
    ['ghcr.io', 'http://ghcr.io/token'],
    ['ghcr.io', 'https://ghcr.io.evil.example/token'],
    ['ghcr.io', 'https://evil-ghcr.io/token'],
    ['ghcr.io', 'https://ghcr.io@evil.example/token'],
    ['ghcr.io', 'https://user:pw@ghcr.io/token'],
    ['ghcr.io', 'http://127.0.0.1/token'],
    ['ghcr.io', ''],
    ['ghcr.io', '/token'],
    ['ghcr.io', 'file:///etc/passwd'],
    ['a.github.io', 'https://b.github.io/token'],
    ['docker.io', 'https://auth.docker.io.evil.example/token'],
    ['203.0.113.1:5000', 'https://203.0.113.2/token'],
    ['127.0.0.1:5000', 'https://evil.example/token'],
    ['127.0.0.1:5000', 'http://10.0.0.1/token'],
  ])('does not let %s ask at %s', (registry, realm) => {
    expect(() => checkRealm(realm, registry)).toThrow(refused);
  });
});

describe('checkHop', () => {
  const base = new URL('https://ghcr.io/v2/a/blobs/uploads/');

  it.each([
    ['/v2/a/blobs/uploads/1?_state=x', 'https://ghcr.io/v2/a/blobs/uploads/1?_state=x'],
    ['https://storage.example/x?signature=y', 'https://storage.example/x?signature=y'],
    ['//storage.example/x', 'https://storage.example/x'],
  ])('goes to %s', (location, url) => {
    expect(checkHop(location, base, 'ghcr.io').href).toBe(url);
  });

  it.each([
    'http://ghcr.io/x',
    'http://127.0.0.1/x',
    'http://169.254.169.254/latest',
    'file:///etc/passwd',
    'https://u:p@storage.example/x',
  ])('does not go to %s', (location) => {
    expect(() => checkHop(location, base, 'ghcr.io')).toThrow(refused);
  });

  it('stays on loopback or https when the registry is on loopback', () => {
    const local = new URL('http://127.0.0.1:5000/v2/');
    expect(checkHop('http://localhost:6000/x', local, '127.0.0.1:5000').port).toBe('6000');
    expect(() => checkHop('http://10.0.0.1/x', local, '127.0.0.1:5000')).toThrow(refused);
  });

  it.each([null, '', 'http://'])('wants a location, not %j', (location) => {
    expect(() => checkHop(location, base, 'ghcr.io')).toThrow(expect.objectContaining({ code: 'registry-invalid' }));
  });
});
