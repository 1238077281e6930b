import { expect, test } from 'vitest';
import { parseCatalog } from '../../../src/catalog/parse.ts';
import { declaredIn, validCatalog } from './support.ts';

const FOUNDING = `
defaults:
  base_image: "vllm/vllm-openai:v0.6.0"
  arch: "linux/amd64"
  download_root: "/models"
  hf_cache_dir: "/root/.cache/huggingface"
  spdx_permissive_whitelist:
    - apache-2.0
    - mit
    - bsd-2-clause
    - bsd-3-clause
    - isc
    - cc0-1.0
    - unlicense
  publish:
    ghcr: true
    dockerhub: true

models:
  - id: "deepseek-ai/DeepSeek-R1-Distill-Qwen-1.5B"
    short: "deepseek-r1-distill-qwen-1-5b"
    revision: null          # latest
    permissive: auto
    override_spdx: null
    gated: auto
    serve_args: ["--host", "0.0.0.0", "--port", "8000"]
    oci:
      title: "DeepSeek"
      description: "Distilled"
      url: "https://huggingface.co/deepseek-ai/DeepSeek-R1-Distill-Qwen-1.5B"
    publish:
      ghcr: true
      dockerhub: false
  - id: meta-llama/Llama-3.1-8B-Instruct
    short: llama-3-1-8b-instruct
    revision: 0e9e39f249a16976918f6564b8830bc894c89659
    permissive: false
    override_spdx: "apache-2.0"
    gated: true
`;

test('the founding format is accepted as it is', () => {
  const catalog = validCatalog(FOUNDING);
  const { models, settings } = catalog;
  expect(models).toEqual([
    {
      id: 'deepseek-ai/DeepSeek-R1-Distill-Qwen-1.5B',
      short: 'deepseek-r1-distill-qwen-1-5b',
      revision: null,
      permissive: 'auto',
      overrideSpdx: null,
      gated: 'auto',
      serveArgs: ['--host', '0.0.0.0', '--port', '8000'],
      oci: {
        title: 'DeepSeek',
        description: 'Distilled',
        url: 'https://huggingface.co/deepseek-ai/DeepSeek-R1-Distill-Qwen-1.5B',
      },
      publish: ['ghcr'],
      files: { include: [], exclude: [], quant: null },
      runtimes: ['default'],
      aliases: [],
      position: { line: 20, column: 5 },
    },
    {
      id: 'meta-llama/Llama-3.1-8B-Instruct',
      short: 'llama-3-1-8b-instruct',
      revision: '0e9e39f249a16976918f6564b8830bc894c89659',
      permissive: false,
      overrideSpdx: 'apache-2.0',
      gated: true,
      serveArgs: [],
      oci: { title: null, description: null, url: null },
      publish: ['ghcr', 'dockerhub'],
      files: { include: [], exclude: [], quant: null },
      runtimes: ['default'],
      aliases: [],
      position: { line: 34, column: 5 },
    },
  ]);
  expect(declaredIn(catalog)).toMatchObject([{ name: 'default', engine: 'vllm', image: 'vllm/vllm-openai:v0.6.0' }]);
  expect(settings.downloadRoot).toBe('/models');
});

test('null for an optional key is the same as leaving it out', () => {
  const nulls = `
defaults: {base_image: null, arch: null, platforms: null, base_version: null, download_root: null, hf_cache_dir: null,
  spdx_permissive_whitelist: null, publish: null, registries: null, mirrors: null, tags: null, inputs_tag: null, scan: null,
  limits: null, experimental: null, schedule: null}
runtimes: null
models:
  - {id: a/b, short: x, revision: null, permissive: null, override_spdx: null, gated: null, serve_args: null, oci: null,
     publish: null, files: null, runtimes: null, aliases: null}
`;
  const without = 'models:\n  - {id: a/b, short: x}\n';
  const [first, second] = [validCatalog(nulls), validCatalog(without)];
  expect(first.settings).toEqual(second.settings);
  expect(first.runtimes).toEqual(second.runtimes);
  expect({ ...first.models[0], position: null }).toEqual({ ...second.models[0], position: null });
});

test('a single-segment name of the Hub’s early days is accepted', () => {
  expect(validCatalog('models: [{id: gpt2, short: gpt2}]').models[0]?.id).toBe('gpt2');
});

test('a byte order mark and carriage returns change nothing', () => {
  const windows = `\uFEFF${FOUNDING.replaceAll('\n', '\r\n')}`;
  expect(parseCatalog(windows)).toEqual(parseCatalog(FOUNDING));
});

test('anchors, aliases and merge keys work, and a model keeps its own values', () => {
  const { models } = validCatalog(`
models:
  - &common {id: a/b, short: one, serve_args: &args ["--host", "0.0.0.0"], gated: true}
  - {<<: *common, short: two}
  - {<<: [{gated: false}, *common], short: three}
  - {id: c/d, short: four, serve_args: *args}
`);
  expect(models.map(({ id, short, gated, serveArgs }) => [id, short, gated, serveArgs.length])).toEqual([
    ['a/b', 'one', true, 2],
    ['a/b', 'two', true, 2],
    ['a/b', 'three', false, 2],
    ['c/d', 'four', 'auto', 2],
  ]);
});
