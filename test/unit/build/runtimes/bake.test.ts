import { describe, expect, test } from 'vitest';
import { type BakeOptions, bakeDefinition, bakeNetwork } from '../../../../src/build/runtimes/bake.ts';
import { DEFAULT_BASE_IMAGE } from '../../../../src/build/runtimes/base-lock.ts';
import { builtRuntime, runtimeRequest } from '../../../support/runtimes/request.ts';

const DIGEST = `sha256:${'1'.repeat(64)}` as const;
const OPTIONS: BakeOptions = {
  context: '/here',
  output: { kind: 'push' },
  pins: {},
  sbomGenerator: null,
  network: null,
};
const define = (requests: Parameters<typeof bakeDefinition>[0], options: Partial<BakeOptions> = {}) =>
  bakeDefinition(requests, { ...OPTIONS, ...options }).target.runtime;
const only = (...given: Parameters<typeof define>) => {
  const { matrix } = define(...given);
  return JSON.parse(JSON.stringify(matrix)).row[0];
};

describe('a bake definition', () => {
  test('is one target over a matrix, a row for each runtime', () => {
    const definition = define([runtimeRequest('one'), runtimeRequest('two')]);
    expect(definition).toMatchObject({
      name: '$' + '{row.name}',
      args: '$' + '{row.args}',
      context: '/here',
      matrix: { row: [expect.objectContaining({ name: 'one' }), expect.objectContaining({ name: 'two' })] },
    });
  });

  test('pushes all tags to all repositories, the recipe first, with both attestations and a cache beside them', () => {
    expect(only([runtimeRequest('cuda', { tags: ['v1-cuda'], alsoTo: ['quay.io/acme/model-runner'] })])).toMatchObject({
      tags: [
        'ghcr.io/acme/model-runner:babababababab-cuda',
        'ghcr.io/acme/model-runner:v1-cuda',
        'quay.io/acme/model-runner:babababababab-cuda',
        'quay.io/acme/model-runner:v1-cuda',
      ],
      attest: ['type=sbom', 'type=provenance,mode=max'],
      cache_from: ['type=registry,ref=ghcr.io/acme/model-runner:cache-cuda'],
      cache_to: [expect.stringMatching(/^type=registry,ref=ghcr\.io\/acme\/model-runner:cache-cuda,mode=max/)],
      output: ['type=image,push=true'],
      labels: { 'io.model-image-publisher.runtime': 'cuda', 'org.opencontainers.image.version': 'b1' },
    });
  });

  test('gives the base by digest where it is pinned, and the Dockerfile default by name where nobody named one', () => {
    const named = builtRuntime('x', { build: { target: 'final-vllm', args: { BASE_IMAGE: 'a/b:v1' } } });
    const held = builtRuntime('x', { build: { target: 'final-vllm', args: { BASE_IMAGE: `a/b@${DIGEST}` } } });
    const base = (runtime = builtRuntime('x')) =>
      only([runtimeRequest('x', { runtime })], { pins: { 'a/b:v1': DIGEST, [DEFAULT_BASE_IMAGE]: DIGEST } }).args
        .BASE_IMAGE;
    expect([base(named), base(held), base()]).toEqual([
      `a/b:v1@${DIGEST}`,
      `a/b@${DIGEST}`,
      `${DEFAULT_BASE_IMAGE}@${DIGEST}`,
    ]);
    expect(only([runtimeRequest('x', { runtime: named })]).args.BASE_IMAGE).toBe('a/b:v1');
  });

  test('writes no cache, tag or attestation for what is thrown away', () => {
    expect(only([runtimeRequest('x')], { output: { kind: 'none' } })).toMatchObject({
      tags: [],
      attest: [],
      cache_from: [],
      cache_to: [],
      output: ['type=cacheonly'],
    });
    expect(only([runtimeRequest('x')], { output: { kind: 'oci', folder: '/out' } })).toMatchObject({
      attest: ['type=sbom', 'type=provenance,mode=max'],
      output: ['type=oci,tar=false,dest=/out/x'],
    });
  });

  test('speaks http to a registry on this machine, and takes the generator it is given', () => {
    const request = runtimeRequest('x', { repository: '127.0.0.1:5000/acme/runner' });
    expect(only([request], { sbomGenerator: 'ghcr.io/acme/scanner:v1' })).toMatchObject({
      attest: ['type=sbom,generator=ghcr.io/acme/scanner:v1', 'type=provenance,mode=max'],
      cache_from: ['type=registry,ref=127.0.0.1:5000/acme/runner:cache-x,registry.insecure=true'],
      output: ['type=image,push=true,registry.insecure=true'],
    });
  });

  test('means values literally that look like templates', () => {
    const args = { VALUE: '$' + '{secret} %' + '{if}' };
    const runtime = builtRuntime('x', { build: { target: 't', args } });
    expect(only([runtimeRequest('x', { runtime })]).args.VALUE).toBe('$$' + '{secret} %%' + '{if}');
  });
});

test('a network is said in the way of Compose as well, for each target', () => {
  expect(bakeNetwork([runtimeRequest('x')], OPTIONS)).toBeNull();
  expect(bakeNetwork([runtimeRequest('x')], { ...OPTIONS, network: 'host' })).toEqual({
    services: { x: { build: { context: '/here', network: 'host' } } },
  });
});
