import { describe, expect, test } from 'vitest';
import { diffCatalogs } from '../../../src/catalog/diff.ts';
import { validCatalog } from './support.ts';

const BASE = `
defaults:
  registries: {quay: quay.io/acme}
runtimes:
  second: {engine: sglang, image: "lmsysorg/sglang:v1", platforms: [linux/amd64, linux/arm64]}
  rare: {engine: llamacpp, image: "llama:v1", experimental: true}
models:
  - {id: a/one, short: one, serve_args: ["-a", "-b"]}
  - {id: a/two, short: two, runtimes: [default, second], publish: {quay: true}}
  - {id: a/three, short: three, runtimes: [rare], aliases: [drei, tri]}
`;

const diff = (base: string, head: string) => diffCatalogs(validCatalog(base), validCatalog(head));
/** The difference after one replacement in the text. */
const edited = (from: string, to: string) => {
  expect(BASE).toContain(from);
  return diff(BASE, BASE.replace(from, to));
};
const changed =
  (...shorts: string[]) =>
  (fields: string[]) => ({
    added: [],
    changed: shorts.map((short) => ({ short, fields })),
    removed: [],
  });
const NOTHING = { added: [], changed: [], removed: [] };

test('without a base every model is added', () => {
  expect(diffCatalogs(null, validCatalog(BASE))).toEqual({ added: ['one', 'two', 'three'], changed: [], removed: [] });
});

test('a model is known by its short name: a new one is an addition and a removal', () => {
  expect(edited('short: one', 'short: uno')).toEqual({ added: ['uno'], changed: [], removed: ['one'] });
});

describe('what means the same touches nothing', () => {
  test.each([
    ['models:', '# A comment\n\nmodels:'],
    ['{id: a/one, short: one,', '{short: one, id: "a/one",'],
    ['short: one,', 'short: one, revision: null, gated: auto, permissive: auto, files: {}, publish: {ghcr: true},'],
    ['[linux/amd64, linux/arm64]', '[linux/arm64, linux/amd64]'],
    ['[drei, tri]', '[tri, drei]'],
    ['defaults:', 'defaults:\n  base_image: vllm/vllm-openai:v0.12.0\n  arch: linux/amd64\n  download_root: /models'],
    [
      'defaults:',
      'defaults:\n  spdx_permissive_whitelist: [MIT, Apache-2.0, bsd-2-clause, bsd-3-clause, isc, cc0-1.0, unlicense]',
    ],
    ['defaults:', 'defaults:\n  limits: {fat_max_bytes: 200000MB}'],
    ['defaults:', 'defaults:\n  schedule: "0 3 * * *"'],
    ['runtimes:', 'runtimes:\n  unused: {engine: vllm, image: x}'],
  ])('%s → %s', (from, to) => {
    expect(edited(from, to)).toEqual(NOTHING);
  });

  test('the order of models', () => {
    const [head = '', models = ''] = BASE.split('models:\n');
    const reversed = models.trimEnd().split('\n').reverse().join('\n');
    expect(diff(BASE, `${head}models:\n${reversed}\n`)).toEqual(NOTHING);
  });
});

describe('a changed key names itself', () => {
  test.each([
    ['id: a/one', 'id: b/one', 'id'],
    ['short: one', 'short: one, revision: main', 'revision'],
    ['short: one', 'short: one, permissive: true', 'permissive'],
    ['short: one', 'short: one, override_spdx: MIT', 'override_spdx'],
    ['short: one', 'short: one, gated: true', 'gated'],
    ['["-a", "-b"]', '["-b", "-a"]', 'serve_args'],
    ['short: one', 'short: one, oci: {title: One}', 'oci'],
    ['short: one', 'short: one, publish: {ghcr: false}', 'publish'],
    ['short: one', 'short: one, files: {exclude: ["*.bin"]}', 'files'],
    ['short: one', 'short: one, runtimes: [second]', 'runtimes'],
    ['short: one', 'short: one, aliases: [uno]', 'aliases'],
  ])('%s → %s: %s', (from, to, field) => {
    expect(edited(from, to)).toEqual(changed('one')([field]));
  });

  test('the order of runtimes counts', () => {
    expect(edited('[default, second]', '[second, default]')).toEqual(changed('two')(['runtimes']));
  });

  test('several at once', () => {
    expect(edited('short: one', 'short: one, gated: true, revision: main')).toEqual(
      changed('one')(['revision', 'gated']),
    );
  });
});

describe('what is inherited touches the models that inherit it', () => {
  test.each([
    ['download_root: /srv', 'defaults.download_root'],
    ['hf_cache_dir: /cache', 'defaults.hf_cache_dir'],
    ['spdx_permissive_whitelist: [mit]', 'defaults.spdx_permissive_whitelist'],
    ['mirrors: [quay]', 'defaults.mirrors'],
    ['tags: ["r{revision}-{variant}", "{base_version}-{variant}"]', 'defaults.tags'],
    ['inputs_tag: false', 'defaults.inputs_tag'],
    ['scan: {fail_on: [high]}', 'defaults.scan'],
    ['limits: {layer_max_bytes: 5GB}', 'defaults.limits'],
  ])('%s: all', (setting, field) => {
    expect(edited('defaults:', `defaults:\n  ${setting}`)).toEqual(changed('one', 'two', 'three')([field]));
  });

  test.each([
    ['defaults:', 'defaults:\n  base_image: vllm/vllm-openai:v0.13.0', ['one', 'two'], 'defaults.base_image'],
    ['image: "lmsysorg/sglang:v1"', 'image: "lmsysorg/sglang:v2"', ['two'], 'runtimes.second.image'],
    ['engine: sglang', 'engine: vllm', ['two'], 'runtimes.second.engine'],
    ['[linux/amd64, linux/arm64]', '[linux/amd64]', ['two'], 'runtimes.second.platforms'],
    ['experimental: true', 'experimental: false', ['three'], 'runtimes.rare.experimental'],
    ['quay.io/acme', 'quay.io/other', ['two'], 'defaults.registries'],
    ['defaults:', 'defaults:\n  experimental: true', ['three'], 'defaults.experimental'],
    ['defaults:', 'defaults:\n  publish: {ghcr: true}', ['one', 'two', 'three'], 'publish'],
  ])('%s → %s: %s', (from, to, shorts, field) => {
    expect(edited(from, to)).toEqual(changed(...shorts)([field]));
  });

  test('a default platform touches every runtime that has none of its own', () => {
    const { changed: models } = edited('defaults:', 'defaults:\n  arch: linux/arm64');
    expect(models).toEqual([
      { short: 'one', fields: ['defaults.platforms'] },
      { short: 'two', fields: ['defaults.platforms'] },
      { short: 'three', fields: ['runtimes.rare.platforms'] },
    ]);
  });

  test('the prefix of a mirror touches all', () => {
    const mirrored = BASE.replace('defaults:', 'defaults:\n  mirrors: [quay]');
    expect(diff(mirrored, mirrored.replace('quay.io/acme', 'quay.io/other'))).toEqual(
      changed('one', 'two', 'three')(['defaults.registries']),
    );
  });
});
