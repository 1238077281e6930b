import { describe, expect, it } from 'vitest';
import { createCredentialStore, credentialDirs } from '../../../src/registry/credentials.ts';

const base64 = (text: string) => Buffer.from(text).toString('base64');
const none = async () => null;

function store(
  files: Record<string, unknown>,
  runHelper: (helper: string, server: string) => Promise<string | null> = none,
) {
  const readFile = async (path: string) => {
    const content = files[path];
    return content === undefined ? null : typeof content === 'string' ? content : JSON.stringify(content);
  };
  return createCredentialStore({ readFile, dirs: ['/own', '/all'], runHelper });
}

describe('credentials', () => {
  it('come from the owner before they come from everybody', async () => {
    const ask = store({
      '/own/config.json': { auths: { 'ghcr.io': { auth: base64('own:pw:with:colons') } } },
      '/all/config.json': { auths: { 'ghcr.io': { auth: base64('all:pw') }, 'quay.io': { auth: base64('q:pw') } } },
    });
    expect(await ask('ghcr.io')).toEqual({ username: 'own', password: 'pw:with:colons' });
    expect(await ask('quay.io')).toEqual({ username: 'q', password: 'pw' });
    expect(await ask('gcr.io')).toBeNull();
  });

  it.each(['https://index.docker.io/v1/', 'index.docker.io', 'docker.io', 'https://registry-1.docker.io/v2/'])(
    'of Docker Hub are found under %s',
    async (key) => {
      const ask = store({ '/all/config.json': { auths: { [key]: { auth: base64('hub:pw') } } } });
      expect(await ask('docker.io')).toEqual({ username: 'hub', password: 'pw' });
    },
  );

  it('are for the very host and port', async () => {
    const ask = store({
      '/all/config.json': { auths: { 'https://127.0.0.1:5000/v2/': { username: 'u', password: 'p' } } },
    });
    expect(await ask('127.0.0.1:5000')).toEqual({ username: 'u', password: 'p' });
    expect(await ask('127.0.0.1')).toBeNull();
    expect(await ask('127.0.0.1:5001')).toBeNull();
  });

  it('may be an identity token', async () => {
    const ask = store({
      '/all/config.json': { auths: { 'a.azurecr.io': { auth: base64('0000:'), identitytoken: 'idt' } } },
    });
    expect(await ask('a.azurecr.io')).toEqual({ identityToken: 'idt' });
  });

  it('ask the helper of the registry, else the store, else the file', async () => {
    const asked: string[] = [];
    const config = {
      credHelpers: { 'gcr.io': 'gcr' },
      credsStore: 'secretservice',
      auths: { 'quay.io': { auth: base64('file:pw') } },
    };
    const ask = store({ '/all/config.json': config }, async (helper, server) => {
      asked.push(`${helper} ${server}`);
      if (helper === 'gcr') return JSON.stringify({ ServerURL: server, Username: '<token>', Secret: 'idt' });
      return server === 'quay.io' ? null : JSON.stringify({ Username: 'kept', Secret: 'pw' });
    });
    expect(await ask('gcr.io')).toEqual({ identityToken: 'idt' });
    expect(await ask('docker.io')).toEqual({ username: 'kept', password: 'pw' });
    expect(await ask('quay.io')).toEqual({ username: 'file', password: 'pw' });
    expect(asked).toEqual(['gcr gcr.io', 'secretservice https://index.docker.io/v1/', 'secretservice quay.io']);
  });

  it('name the file that cannot be read, and none of its content', async () => {
    const ask = store({ '/own/config.json': '{"auths": hunter22' });
    const error = await ask('ghcr.io').catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'environment', message: expect.stringContaining('/own/config.json') });
    expect(JSON.stringify(error) + String(error)).not.toContain('hunter22');
  });

  it('name the helper that fails, gives nonsense or has no proper name', async () => {
    const config = { '/all/config.json': { credsStore: 'pass' } };
    await expect(store(config, () => Promise.reject(new Error('gpg: locked')))('ghcr.io')).rejects.toMatchObject({
      code: 'environment',
      message: 'docker-credential-pass failed for ghcr.io: gpg: locked',
    });
    await expect(store(config, async () => 'secret nonsense')('ghcr.io')).rejects.toMatchObject({
      message: 'docker-credential-pass gave no credentials for ghcr.io',
    });
    await expect(store({ '/all/config.json': { credsStore: '../evil' } })('ghcr.io')).rejects.toMatchObject({
      code: 'environment',
    });
  });

  it('are looked for in the folder of an account, and nowhere a name could lead', () => {
    expect(credentialDirs('Acme', '/auth', '/docker')).toEqual(['/auth/acme', '/docker']);
    expect(credentialDirs('../x', '/auth', '/docker')).toEqual(['/docker']);
    expect(credentialDirs(null, '/auth', null)).toEqual([]);
  });
});
