import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fileIdentity, type ImageInputs, inputsKey } from '../../../src/image/inputs.ts';
import { digest, imageInputs } from '../../support/image/inputs.ts';

const key = inputsKey(imageInputs());

/** For every input another value; the type makes a forgotten one a compile error. */
const OTHERS: { [K in keyof Required<ImageInputs>]: ImageInputs[K][] } = {
  model: ['acme/other', 'Acme/tiny'],
  revision: ['b'.repeat(40)],
  files: [
    [],
    imageInputs().files.slice(1),
    [...imageInputs().files].reverse(),
    imageInputs().files.map((file) => ({ ...file, path: `x/${file.path}` })),
    imageInputs().files.map((file) => ({ ...file, size: file.size + 1 })),
    imageInputs().files.map((file) => ({ ...file, content: `sha256:${'f'.repeat(64)}` })),
  ],
  base: [
    { 'linux/amd64': digest('1') },
    { 'linux/amd64': digest('1'), 'linux/arm64': digest('3') },
    { 'linux/amd64': digest('2'), 'linux/arm64': digest('1') },
    { 'linux/amd64': digest('1'), 'linux/arm64/v8': digest('2') },
  ],
  runtime: ['cuda'],
  engine: ['sglang', 'llamacpp'],
  variant: ['fat'],
  builder: ['buildkit'],
  buildkit: [
    { dockerfile: 'f'.repeat(64), arguments: {} },
    { dockerfile: 'f'.repeat(64), arguments: { HF_ENDPOINT: 'https://hub.example' } },
  ],
  layerLimit: [5e9],
  short: ['other'],
  serveArgs: [[], ['0.0.0.0', '--host'], ['--host 0.0.0.0']],
  oci: [
    { ...imageInputs().oci, title: null },
    { ...imageInputs().oci, description: 'x' },
    { ...imageInputs().oci, url: null },
  ],
  downloadRoot: ['/data'],
  hfCacheDir: ['/cache'],
  legal: [[], [{ path: 'LICENSE', content: 'unreadable' }], [{ path: 'COPYING', content: `git:${'d'.repeat(40)}` }]],
  license: [
    { ...imageInputs().license, declared: 'mit' },
    { ...imageInputs().license, spdx: 'MIT' },
    { ...imageInputs().license, class: 'copyleft' },
    { ...imageInputs().license, link: 'LICENSE.pdf' },
    { declared: null, spdx: null, class: null, link: null },
  ],
  entrypoint: ['f'.repeat(64)],
  format: [2],
  codes: [[], ['gated', 'license-permissive']],
};

describe('inputsKey', () => {
  it('is 64 hex digits', () => {
    expect(key).toMatch(/^[0-9a-f]{64}$/);
  });

  it('changes with every input, each to a key of its own', () => {
    const keys = Object.entries(OTHERS).flatMap(([name, values]) =>
      values.map((value) => inputsKey(imageInputs({ [name]: value }))),
    );
    expect(new Set([key, ...keys]).size).toBe(keys.length + 1);
  });

  it('does not depend on the order of members, platforms included', () => {
    const entries = Object.entries(imageInputs());
    fc.assert(
      fc.property(fc.shuffledSubarray(entries, { minLength: entries.length }), (shuffled) => {
        const inputs = imageInputs(Object.fromEntries(shuffled));
        const base = Object.fromEntries(Object.entries(inputs.base).reverse());
        expect(inputsKey({ ...Object.fromEntries(shuffled), ...inputs, base })).toBe(key);
      }),
      { numRuns: 20 },
    );
  });
});

describe('fileIdentity', () => {
  it('is the sha256 where the Hub knows one, else the git blob id, told apart by their prefix', () => {
    const file = { path: 'a', size: 1, oid: 'b'.repeat(40), security: null };
    expect(fileIdentity({ ...file, sha256: 'c'.repeat(64) }).content).toBe(`sha256:${'c'.repeat(64)}`);
    expect(fileIdentity({ ...file, sha256: null })).toEqual({ path: 'a', size: 1, content: `git:${'b'.repeat(40)}` });
  });
});
