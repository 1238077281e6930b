import { describe, expect, it } from 'vitest';
import { refusesStreaming, registryLayerLimit, uploadStrategy } from '../../../src/registry/strategy.ts';

describe('uploadStrategy', () => {
  it.each(['europe-west1-docker.pkg.dev', 'us-docker.pkg.dev:443', 'gcr.io', 'eu.gcr.io'])(
    'does not stream to %s',
    (registry) => {
      expect(uploadStrategy(registry).streaming).toBe(false);
    },
  );

  it.each(['docker.io', 'quay.io', 'ghcr.io', '127.0.0.1:5000', 'public.ecr.aws', 'notgcr.io', 'gcr.io.example'])(
    'streams to %s',
    (registry) => {
      expect(uploadStrategy(registry).streaming).toBe(true);
    },
  );

  it('knows the ten minutes of GHCR, and nobody else to be in a hurry', () => {
    expect(uploadStrategy('ghcr.io').maxSessionMs).toBe(600_000);
    expect(uploadStrategy('docker.io').maxSessionMs).toBeNull();
    expect(uploadStrategy('ghcr.io.example').maxSessionMs).toBeNull();
  });
});

describe('registryLayerLimit', () => {
  it.each([
    ['ghcr.io', 10_000_000_000],
    ['123456789012.dkr.ecr.eu-central-1.amazonaws.com', 52_000 * 1024 * 1024],
    ['123456789012.dkr.ecr-fips.us-gov-east-1.amazonaws.com', 52_000 * 1024 * 1024],
    ['123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn', 52_000 * 1024 * 1024],
    ['public.ecr.aws', 52_000 * 1024 * 1024],
    ['docker.io', null],
    ['registry.example:5000', null],
  ])('of %s is %s bytes', (registry, limit) => {
    expect(registryLayerLimit(registry)).toBe(limit);
  });
});

describe('refusesStreaming', () => {
  it.each([
    [405, []],
    [411, []],
    [415, ['UNSUPPORTED']],
    [501, []],
    [400, []],
    [400, ['UNSUPPORTED']],
    [400, ['BLOB_UPLOAD_INVALID']],
  ])('hears a no to streams in %s %s', (status, codes) => {
    expect(refusesStreaming({ status, codes })).toBe(true);
  });

  it.each([
    [404, ['BLOB_UPLOAD_UNKNOWN']],
    [416, ['BLOB_UPLOAD_INVALID']],
    [413, []],
    [400, ['NAME_INVALID']],
    [400, ['DIGEST_INVALID']],
    [401, ['UNAUTHORIZED']],
    [403, ['DENIED']],
    [429, []],
    [500, []],
  ])('hears something else in %s %s', (status, codes) => {
    expect(refusesStreaming({ status, codes })).toBe(false);
  });
});
