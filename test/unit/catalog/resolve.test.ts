import { describe, expect, test } from 'vitest';
import { BUILTIN_RUNTIMES } from '../../../src/catalog/builtin-runtimes.ts';
import { declaredIn, validCatalog, withDefaults, withModel } from './support.ts';

test('an empty catalog has the built-in settings', () => {
  const catalog = validCatalog('models: []');
  expect({ ...catalog, runtimes: declaredIn(catalog) }).toEqual({
    settings: {
      downloadRoot: '/models',
      hfCacheDir: '/root/.cache/huggingface',
      whitelist: ['apache-2.0', 'mit', 'bsd-2-clause', 'bsd-3-clause', 'isc', 'cc0-1.0', 'unlicense'],
      registries: { ghcr: 'ghcr.io/{owner}', dockerhub: 'docker.io/{owner}' },
      publish: ['ghcr', 'dockerhub'],
      mirrors: [],
      tags: [
        { template: '{base_version}-{variant}', immutable: false },
        { template: 'r{revision}-{variant}', immutable: false },
      ],
      inputsTag: true,
      baseVersion: null,
      scan: { failOn: ['critical'], ignoreUnfixed: true, baseFindings: 'warn', ignore: [] },
      limits: { fatMaxBytes: 200_000_000_000, layerMaxBytes: 10_000_000_000 },
      unscanned: 'warn',
      project: 'model-runner',
      experimental: false,
      schedule: null,
    },
    runtimes: [
      {
        name: 'default',
        engine: 'vllm',
        image: 'vllm/vllm-openai:v0.12.0',
        platforms: ['linux/amd64'],
        experimental: false,
        build: null,
        builder: 'assemble',
        smoke: null,
        baseVersion: null,
      },
    ],
    models: [],
  });
});

test('settings that are given replace the built-in ones', () => {
  const { settings } = validCatalog(`
defaults:
  download_root: /srv/models
  hf_cache_dir: /cache
  spdx_permissive_whitelist: [MIT]
  mirrors: [ghcr]
  tags: ["{date}-{variant}", {template: "r{sha}-{variant}", immutable: true}]
  inputs_tag: false
  base_version: "1.2"
  scan:
    fail_on: [high, critical]
    ignore_unfixed: false
    base_findings: fail
    ignore:
      - {id: CVE-2026-1, package: openssl, until: 2026-12-31, reason: "not reachable"}
      - id: CVE-2026-2
  limits: {fat_max_bytes: 1TB, layer_max_bytes: 512MiB}
  safety: {unscanned: deny}
  project: runners
  experimental: true
  schedule: "0 3 * * *"
models: []
`);
  expect(settings).toEqual({
    downloadRoot: '/srv/models',
    hfCacheDir: '/cache',
    whitelist: ['MIT'],
    registries: { ghcr: 'ghcr.io/{owner}', dockerhub: 'docker.io/{owner}' },
    publish: ['ghcr', 'dockerhub'],
    mirrors: ['ghcr'],
    tags: [
      { template: '{date}-{variant}', immutable: false },
      { template: 'r{sha}-{variant}', immutable: true },
    ],
    inputsTag: false,
    baseVersion: '1.2',
    scan: {
      failOn: ['high', 'critical'],
      ignoreUnfixed: false,
      baseFindings: 'fail',
      ignore: [
        { id: 'CVE-2026-1', package: 'openssl', until: '2026-12-31', reason: 'not reachable' },
        { id: 'CVE-2026-2', package: null, until: null, reason: null },
      ],
    },
    limits: { fatMaxBytes: 1_000_000_000_000, layerMaxBytes: 536_870_912 },
    unscanned: 'deny',
    project: 'runners',
    experimental: true,
    schedule: '0 3 * * *',
  });
});

describe('publishing', () => {
  const published = (text: string) => validCatalog(text).models[0]?.publish;
  const with_ = (defaults: string, model: string) =>
    `defaults: {${defaults}}\nmodels: [{id: a/b, short: x, publish: ${model}}]`;

  test('goes to both built-in registries by default', () => {
    expect(published(withModel('gated: auto'))).toEqual(['ghcr', 'dockerhub']);
  });

  test('a map in defaults replaces the built-in one', () => {
    expect(published(withDefaults('publish: {dockerhub: true}'))).toEqual(['dockerhub']);
    expect(published(withDefaults('publish: {}'))).toEqual([]);
  });

  test('a model’s map overrides key by key', () => {
    expect(published(withModel('publish: {dockerhub: false}'))).toEqual(['ghcr']);
    expect(published(with_('publish: {ghcr: true}', '{dockerhub: true}'))).toEqual(['ghcr', 'dockerhub']);
    expect(published(with_('publish: {ghcr: true}', '{ghcr: null}'))).toEqual(['ghcr']);
  });

  test('a further registry is used only where a map names it', () => {
    const registries = 'registries: {quay: quay.io/acme}';
    expect(published(withDefaults(registries))).toEqual(['ghcr', 'dockerhub']);
    expect(published(with_(registries, '{quay: true}'))).toEqual(['ghcr', 'dockerhub', 'quay']);
    expect(published(withDefaults(`${registries}, publish: {quay: true}`))).toEqual(['quay']);
  });

  test('registries are merged over the built-in two by name', () => {
    expect(
      validCatalog(withDefaults('registries: {ghcr: ghcr.io/acme, quay: quay.io/acme}')).settings.registries,
    ).toEqual({
      ghcr: 'ghcr.io/acme',
      dockerhub: 'docker.io/{owner}',
      quay: 'quay.io/acme',
    });
  });
});

describe('runtimes', () => {
  test('base_image is the runtime named default, whatever the image is called', () => {
    const [runtime] = validCatalog(withDefaults('base_image: lmsysorg/sglang:v1')).runtimes;
    expect(runtime).toMatchObject({ name: 'default', engine: 'vllm', image: 'lmsysorg/sglang:v1' });
  });

  test('default may be spelt out instead', () => {
    const catalog = validCatalog(
      'runtimes: {a: {engine: vllm, image: b}, default: {engine: sglang, image: c}}\nmodels: []',
    );
    expect(declaredIn(catalog).map(({ name, engine }) => [name, engine])).toEqual([
      ['default', 'sglang'],
      ['a', 'vllm'],
    ]);
  });

  test('platforms come from the runtime, else from defaults, where arch is shorthand', () => {
    const catalog = validCatalog(`
defaults: {arch: "linux/amd64, linux/arm64", base_version: "9"}
runtimes:
  own: {engine: vllm, image: a, platforms: [linux/arm64/v8], base_version: "1"}
  inherited: {engine: llamacpp, image: b}
models: []
`);
    expect(declaredIn(catalog).map(({ platforms, baseVersion }) => [platforms, baseVersion])).toEqual([
      [['linux/amd64', 'linux/arm64'], '9'],
      [['linux/arm64/v8'], '1'],
      [['linux/amd64', 'linux/arm64'], '9'],
    ]);
  });

  test('a runtime can be built, with everything that goes with it', () => {
    const { runtimes, models } = validCatalog(`
runtimes:
  cann:
    engine: llamacpp
    experimental: true
    builder: buildkit
    smoke: ["--version"]
    build: {target: final-llamacpp, args: {LLAMA_SERVER_VARIANT: cann}}
models: [{id: a/b, short: x, runtimes: [cann, default]}]
`);
    expect(runtimes[1]).toEqual({
      name: 'cann',
      engine: 'llamacpp',
      image: null,
      platforms: ['linux/amd64'],
      experimental: true,
      build: { target: 'final-llamacpp', args: { LLAMA_SERVER_VARIANT: 'cann' } },
      builder: 'buildkit',
      smoke: ['--version'],
      baseVersion: null,
    });
    expect(models[0]?.runtimes).toEqual(['cann', 'default']);
  });
});

describe('the runtimes that ship with us', () => {
  test('are the founding seven, two of them only on request', () => {
    const { runtimes } = validCatalog('models: [{id: a/b, short: x, runtimes: [cuda, vllm-cuda]}]');
    const shipped = runtimes.filter(({ name }) => Object.hasOwn(BUILTIN_RUNTIMES, name));
    const [amd64, both] = [['linux/amd64'], ['linux/amd64', 'linux/arm64']];
    expect(
      shipped.map(({ name, engine, platforms, experimental, build }) => [
        name,
        engine,
        platforms,
        experimental,
        build?.args.LLAMA_SERVER_VARIANT,
      ]),
    ).toEqual([
      ['llamacpp-cpu', 'llamacpp', both, false, 'cpu'],
      ['cuda', 'llamacpp', both, false, 'cuda'],
      ['vllm-cuda', 'vllm', both, false, undefined],
      ['sglang-cuda', 'sglang', amd64, false, undefined],
      ['rocm', 'llamacpp', amd64, false, 'rocm'],
      ['musa', 'llamacpp', amd64, true, 'musa'],
      ['cann', 'llamacpp', both, true, 'cann'],
    ]);
  });

  test('give way to one of the same name in the catalog', () => {
    const { runtimes } = validCatalog('runtimes: {cuda: {engine: vllm, image: b}}\nmodels: []');
    expect(runtimes.filter(({ name }) => name === 'cuda')).toMatchObject([{ engine: 'vllm', image: 'b', build: null }]);
  });
});

test('what models share through an alias is not shared in the result', () => {
  const { models } = validCatalog(
    'models:\n  - {id: a/b, short: x, serve_args: &a ["-x"]}\n  - {id: a/b, short: y, serve_args: *a}\n',
  );
  models[0]?.serveArgs.push('changed');
  expect(models[1]?.serveArgs).toEqual(['-x']);
});
