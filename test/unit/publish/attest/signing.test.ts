import { generateKeyPairSync, sign } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Environment, readEnvironment } from '../../../../src/environment.ts';
import type { RunOptions } from '../../../../src/exec.ts';
import { bundleOf, parseBundle } from '../../../../src/publish/attest/bundle.ts';
import { Cosign } from '../../../../src/publish/attest/cosign.ts';
import { attestArguments, signArguments } from '../../../../src/publish/attest/cosign-arguments.ts';
import { envelopeOf, envelopeVerifies, preAuthEncoding, readPublicKey } from '../../../../src/publish/attest/dsse.ts';
import { PROVENANCE } from '../../../../src/publish/attest/predicate-types.ts';
import { createSigner } from '../../../../src/publish/attest/signer.ts';
import { NO_SIGNING, signingWith } from '../../../support/attest/attestations.ts';

const PEM =
  '-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----\nY2FuYXJ5LWtleQ==\n-----END ENCRYPTED SIGSTORE PRIVATE KEY-----';
const place = { registry: 'ghcr.io', repository: 'acme/hf-tiny', digest: `sha256:${'1'.repeat(64)}` } as const;
const byKey = signingWith({ kind: 'pem', pem: PEM });
const keyless = {
  COSIGN_KEYLESS: 'on',
  COSIGN_CERTIFICATE_IDENTITY: 'me@example.org',
  COSIGN_CERTIFICATE_OIDC_ISSUER: 'https://accounts.example.org',
};

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'publisher-signing-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const signing = (variables: Record<string, string>): Environment['signing'] =>
  readEnvironment(variables, 'command').signing;

describe('the settings of signing', () => {
  it('sign nothing by default', () => {
    expect(signing({})).toEqual(NO_SIGNING);
  });

  it('take a key as text, in one line too, or as a file', async () => {
    expect(signing({ COSIGN_PRIVATE_KEY: PEM.replaceAll('\n', '\\n') }).by).toEqual({
      kind: 'key',
      key: { kind: 'pem', pem: `${PEM}\n` },
    });
    const path = join(folder, 'cosign.key');
    await writeFile(path, PEM);
    const { by, tlog } = signing({ COSIGN_PRIVATE_KEY: path, COSIGN_TLOG: 'on' });
    expect([by, tlog]).toEqual([{ kind: 'key', key: { kind: 'file', path } }, true]);
  });

  it('take an identity, whose signatures always go to the log', () => {
    expect(signing({ ...keyless, COSIGN_IDENTITY_TOKEN: 'canary' })).toMatchObject({
      by: { kind: 'keyless', identity: 'me@example.org', token: 'canary' },
      tlog: true,
    });
  });

  it.each([
    [{ COSIGN_PRIVATE_KEY: '/nonexistent/cosign.key' }, 'COSIGN_PRIVATE_KEY must be'],
    [{ COSIGN_PRIVATE_KEY: '-----BEGIN PRIVATE KEY-----' }, 'COSIGN_PRIVATE_KEY must be'],
    [{ COSIGN_PUBLIC_KEY: PEM }, 'COSIGN_PUBLIC_KEY must be'],
    [{ COSIGN_TLOG: 'yes' }, 'COSIGN_TLOG must be'],
    [{ COSIGN_KEYLESS: 'on' }, 'COSIGN_CERTIFICATE_IDENTITY is missing'],
    [{ ...keyless, COSIGN_TLOG: 'off' }, 'COSIGN_TLOG must be `on`'],
    [{ ...keyless, COSIGN_PRIVATE_KEY: PEM }, 'COSIGN_KEYLESS must be `off`'],
  ])('are refused at the start: %o', (variables, message) => {
    expect(() => signing(variables)).toThrow(message);
    expect(() => signing(variables)).not.toThrow('Y2FuYXJ5');
  });

  it('are secret where they are', () => {
    const variables = {
      COSIGN_PRIVATE_KEY: PEM,
      COSIGN_PASSWORD: 'canary-pass',
      COSIGN_IDENTITY_TOKEN: 'canary-token',
    };
    expect(readEnvironment(variables, 'command').secrets).toEqual(
      expect.arrayContaining([PEM, 'canary-pass', 'canary-token']),
    );
  });
});

describe('cosign', () => {
  it('is told the key by the environment, the log by a flag, and http for loopback alone', () => {
    const args = signArguments(place, byKey);
    expect(args).toEqual([
      'sign',
      '--yes',
      ...['--key', 'env://COSIGN_PRIVATE_KEY'],
      '--tlog-upload=false',
      `ghcr.io/acme/hf-tiny@${place.digest}`,
    ]);
    expect(signArguments({ ...place, registry: '127.0.0.1:5000' }, { ...byKey, tlog: true })).toEqual(
      expect.arrayContaining(['--tlog-upload=true', '--allow-insecure-registry', '--allow-http-registry']),
    );
    const what = { type: PROVENANCE, predicate: '/tmp/p', bundle: true, replace: false } as const;
    expect(attestArguments(place, what, byKey)).toEqual(
      expect.arrayContaining(['--type', 'slsaprovenance1', '--new-bundle-format']),
    );
  });

  const told = (found: string | null) => {
    const calls: { args: readonly string[]; options: RunOptions }[] = [];
    const cosign = new Cosign({
      run: async (_command, args, options = {}) => {
        calls.push({ args, options });
        return { stdout: 'c2ln\n', stderr: '', exitCode: 0, durationMs: 0 };
      },
      find: async () => found,
      env: { PATH: '/bin', HF_TOKEN: 'hf_canary', HTTPS_PROXY: 'http://proxy', COSIGN_REPOSITORY: 'elsewhere' },
      redact: (text) => text,
      signing: byKey,
      dockerConfig: '/auth/acme',
    });
    return { cosign, calls };
  };

  it('gets a minimal environment, with the password even where it is empty', async () => {
    const { cosign, calls } = told('/bin/cosign');
    expect(await cosign.signBytes(Buffer.from('x'))).toBe('c2ln');
    expect(calls[0]?.options.env).toEqual({
      PATH: '/bin',
      HTTPS_PROXY: 'http://proxy',
      DOCKER_CONFIG: '/auth/acme',
      COSIGN_PASSWORD: '',
      COSIGN_PRIVATE_KEY: PEM,
    });
    expect(JSON.stringify(calls[0]?.args)).not.toContain('Y2FuYXJ5');
  });

  it('that is missing is an error of the environment', async () => {
    const { cosign } = told(null);
    await expect(cosign.sign(place)).rejects.toMatchObject({ code: 'environment' });
  });

  it('is not needed where nothing is configured', () => {
    expect(createSigner(told(null).cosign, NO_SIGNING)).toBeNull();
  });
});

describe('an envelope', () => {
  const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const payload = Buffer.from('{"a":1}');
  const signature = sign('sha256', preAuthEncoding(payload), pair.privateKey).toString('base64');
  const envelope = envelopeOf(payload, signature);

  it('is signed over its type and content (DSSE, its own example)', () => {
    expect(preAuthEncoding(Buffer.from('hello world'), 'http://example.com/HelloWorld').toString()).toBe(
      'DSSEv1 29 http://example.com/HelloWorld 11 hello world',
    );
  });

  it('verifies with its key only, and only as it was', () => {
    const other = generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey;
    expect(envelopeVerifies(envelope, pair.publicKey)).toBe(true);
    expect(envelopeVerifies(envelope, other)).toBe(false);
    expect(envelopeVerifies(envelope, generateKeyPairSync('ed25519').publicKey)).toBe(false);
    expect(envelopeVerifies({ ...envelope, payload: Buffer.from('{"a":2}').toString('base64') }, pair.publicKey)).toBe(
      false,
    );
    expect(envelopeVerifies({ ...envelope, payloadType: 'text/plain' }, pair.publicKey)).toBe(false);
  });

  it('travels in a bundle', () => {
    expect(parseBundle(Buffer.from(bundleOf(envelope, 'hint')))).toEqual(envelope);
    expect(parseBundle(Buffer.from('{}'))).toBeNull();
  });

  it('is never verified with a private key', () => {
    const pem = pair.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
    expect(() => readPublicKey(pem, 'x')).toThrow('is no public key');
  });
});
