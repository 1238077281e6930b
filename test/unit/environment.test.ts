import { describe, expect, test } from 'vitest';
import { readEnvironment } from '../../src/environment.ts';
import { PublisherError } from '../../src/errors.ts';

const KEY = '-----BEGIN RSA PRIVATE KEY-----\nMIIEcanarycanarycanary\n-----END RSA PRIVATE KEY-----';
const APP = { APP_ID: '12', PRIVATE_KEY: KEY, WEBHOOK_SECRET: 'canary-secret' };

function failure(variables: Record<string, string>, as: 'command' | 'bot' = 'bot'): PublisherError {
  try {
    readEnvironment(variables, as);
  } catch (error) {
    if (error instanceof PublisherError) return error;
  }
  throw new Error('the settings were taken');
}

describe('the settings of the bot', () => {
  test('that are missing are all listed at once', () => {
    const error = failure({});
    expect(error).toMatchObject({ code: 'environment', exitCode: 2 });
    for (const name of ['WEBHOOK_SECRET', 'APP_ID', 'PRIVATE_KEY'])
      expect(error.message).toContain(`${name} is missing`);
  });

  test('that are missing and those that are wrong are listed together, never with their values', () => {
    const error = failure({
      APP_ID: 'canary',
      HF_TOKEN: 'canary',
      PORT: '99999',
      SCAN: 'sometimes',
      SMOKE: 'yes',
      STALL_TIMEOUT: 'soon',
      MIRROR_RATE: '12',
    });
    for (const name of [
      'WEBHOOK_SECRET',
      'APP_ID',
      'PRIVATE_KEY',
      'HF_TOKEN',
      'PORT',
      'SCAN',
      'SMOKE',
      'STALL_TIMEOUT',
      'MIRROR_RATE',
    ]) {
      expect(error.message).toContain(name);
    }
    expect(error.message).not.toContain('canary');
  });

  test('that are empty are not set: compose files write them so', () => {
    expect(failure({ ...APP, WEBHOOK_SECRET: ' ' }).message).toContain('WEBHOOK_SECRET is missing');
    expect(readEnvironment({ ...APP, SCAN: '' }, 'bot').scan).toBe('required');
  });

  test.each([
    ['WEBHOOK_SECRET', 'short'],
    ['PRIVATE_KEY', 'not a key'],
    ['APP_ID', '0'],
    ['GITHUB_API_URL', 'ftp://github.test'],
    ['HF_ENDPOINT', 'huggingface.co'],
    ['DATABASE_URL', 'mysql://x'],
    ['MAX_IMAGE_BYTES', 'plenty'],
    ['MAX_MODELS', '-1'],
  ])('%s=%s is wrong', (name, value) => {
    expect(failure({ ...APP, [name]: value }).message).toContain(name);
  });

  test('a private key may come in one line, as environment files need it', () => {
    expect(readEnvironment({ ...APP, PRIVATE_KEY: KEY.replaceAll('\n', '\\n') }, 'bot').app?.privateKey).toBe(KEY);
  });

  test('defaults are those of the documents', () => {
    const environment = readEnvironment(APP, 'bot');
    expect(environment).toMatchObject({
      hubEndpoint: 'https://huggingface.co',
      hubToken: null,
      scan: 'required',
      smoke: 'off',
      signing: { by: null, password: '', tlog: false, publicKey: null },
      publishAllow: null,
      sourceAllow: null,
      mirrorRate: null,
      ceilings: { maxModels: 2000, maxImageBytes: 500e9, maxBuildsPerOwner: 2, stallTimeoutMs: 600_000 },
      app: { host: 'localhost', port: 3000, apiUrl: 'https://api.github.com' },
    });
  });

  test('sizes, times and lists are read as people write them', () => {
    const { ceilings, publishAllow, mirrorRate } = readEnvironment(
      { ...APP, MAX_IMAGE_BYTES: '1.5 TiB', STALL_TIMEOUT: '30s', PUBLISH_ALLOW: ' a=b/*, c ,', MIRROR_RATE: '20MB' },
      'bot',
    );
    expect(mirrorRate).toBe(20e6);
    expect(ceilings).toMatchObject({ maxImageBytes: 1.5 * 2 ** 40, stallTimeoutMs: 30_000 });
    expect(publishAllow).toEqual(['a=b/*', 'c']);
  });

  test('what is secret is known to the redactor, of an address only its password', () => {
    const { secrets } = readEnvironment(
      {
        ...APP,
        HF_TOKEN: 'hf_canary',
        DATABASE_URL: 'postgres://user:canary-pass@host/db',
        TRIVY_TOKEN: 'canary-trivy',
      },
      'bot',
    );
    expect(secrets).toEqual(expect.arrayContaining(['hf_canary', 'canary-secret', KEY, 'canary-pass', 'canary-trivy']));
    expect(secrets).not.toContain('postgres://user:canary-pass@host/db');
  });
});

test('a command needs none of the App’s settings', () => {
  expect(readEnvironment({}, 'command')).toMatchObject({ app: null, dockerConfig: null });
});
