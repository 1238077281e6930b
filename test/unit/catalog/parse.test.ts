import { describe, expect, test } from 'vitest';
import { parseCatalog } from '../../../src/catalog/parse.ts';
import { problemsOf, warningsOf, withDefaults, withModel } from './support.ts';

describe('problems say where', () => {
  test('all of them at once, in the order of the text, keys and values apart', () => {
    const text = `defaults:
  arch: linux/amd64
  platforms: [linux/arm64]
models:
  - id: "a/b"
    short: Not_Kebab
    licence: mit
  - id: c/d
    short: fine
    runtimes: [vlm]
`;
    expect(problemsOf(text)).toEqual([
      '2:3 defaults.arch: `arch` and `platforms` say the same thing; keep one of them',
      '6:12 models[0].short: must be kebab-case (lower-case letters and digits, joined by single dashes), e.g. not-kebab',
      '7:5 models[0].licence: unknown key `licence`; did you mean `permissive`?',
      '10:16 models[1].runtimes[0]: unknown runtime "vlm"; add it to `runtimes`, or use one of: default, llamacpp-cpu, cuda, vllm-cuda, sglang-cuda, rocm, musa, cann',
    ]);
  });

  test('a missing key points at the map that lacks it', () => {
    expect(problemsOf('models:\n  - id: a/b\n')).toEqual(['2:5 models[0].short: `short` is missing in models[0]']);
    expect(problemsOf('defaults: {}\n')).toEqual(['1:1 models: `models` is missing: the catalog needs it']);
  });

  test('columns count from the start of the line also with a byte order mark', () => {
    expect(problemsOf('\uFEFFmodel: []')).toContain('1:1 model: unknown key `model`; did you mean `models`?');
  });

  test('an aliased mistake is told once, where it is written', () => {
    const text = 'models:\n  - {id: a/b, short: x, publish: &p {gchr: true}}\n  - {id: c/d, short: y, publish: *p}\n';
    expect(problemsOf(text)).toEqual(['2:38 models[0].publish.gchr: unknown registry "gchr"; did you mean ghcr?']);
  });

  test('after a hundred, the rest is counted', () => {
    const result = problemsOf(`models:\n${'  - 1\n'.repeat(250)}`);
    expect(result).toHaveLength(101);
    expect(result.at(-1)).toMatch(/: … and 150 more$/);
  });
});

describe('unknown keys', () => {
  test.each([
    ['modles: []\nmodels: []', 'unknown key `modles`; did you mean `models`?'],
    [withModel('serve-args: []'), 'unknown key `serve-args`; did you mean `serve_args`?'],
    [withModel('serveArgs: []'), 'unknown key `serveArgs`; did you mean `serve_args`?'],
    [withModel('revison: main'), 'unknown key `revison`; did you mean `revision`?'],
    [withModel('scan: {}'), 'unknown key `scan` here; it belongs in `defaults`'],
    [withModel('engine: vllm'), 'unknown key `engine` here; it belongs in a runtime'],
    [withModel('models: []'), 'unknown key `models` here; it belongs at the top'],
    [withDefaults('serve_args: []'), 'unknown key `serve_args` here; it belongs in a model'],
    [withModel('oci: {colour: red}'), 'unknown key `colour`; known here: title, description, url'],
    [
      withDefaults('tags: [{template: "{variant}", imutable: true}]'),
      'unknown key `imutable`; did you mean `immutable`?',
    ],
    [withModel('__proto__: {}'), 'unknown key `__proto__`'],
    [withModel('constructor: 1'), 'unknown key `constructor`; known here: id, short'],
  ])('%s', (text, message) => {
    const problems = problemsOf(text);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain(message);
  });

  test('a long or odd one is shown clipped and escaped', () => {
    expect(problemsOf(withModel(`"a\\tb${'x'.repeat(5_000)}": 1`))[0]).toMatch(/unknown key `a\\tbx{57}…`; known here/);
  });
});

describe('values of the wrong kind', () => {
  test.each([
    [withModel('serve_args: [--port, 8000]'), 'models[0].serve_args[1]: must be text; put it in quotes: "8000"'],
    [withModel('revision: 1234e5'), 'models[0].revision: must be text; put it in quotes: "1234e5"'],
    [withModel('serve_args: --port'), 'models[0].serve_args: must be a list, e.g. [--port]'],
    [withModel('permissive: yes'), 'models[0].permissive: must be one of auto, true, false'],
    [withModel('gated: "true"'), 'must be one of auto, true, false; true and false go without quotes'],
    [withModel('publish: {ghcr: "true"}'), 'models[0].publish.ghcr: must be true or false, without quotes'],
    [withModel('oci: [title]'), 'models[0].oci: must be a map of keys and values, not a list'],
    [
      withDefaults('scan: {fail_on: [critcal]}'),
      'must be one of critical, high, medium, low, unknown; did you mean critical?',
    ],
    [withDefaults('tags: [3]'), 'defaults.tags[0]: must be text or a map of keys and values'],
    [withDefaults('tags: [{immutable: true}]'), '`template` is missing in defaults.tags[0]'],
    [withDefaults('limits: {fat_max_bytes: true}'), 'must be a number or text'],
    ['models: null', 'models: must not be empty: a list is needed'],
    ['models: [null]', 'models[0]: must not be empty: a map of keys and values is needed'],
    ['[]', '1:1 : the catalog must be a map of keys and values, not a list'],
    ['true', '1:1 : the catalog must be a map of keys and values'],
    ['1: 2\nmodels: []', '1:1 : a key must be text; put it in quotes: "1"'],
    ['? [a]\n: 2\nmodels: []', 'a key must be text'],
  ])('%s', (text, message) => {
    const problems = problemsOf(text);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain(message);
  });
});

describe('names that must exist or differ', () => {
  test('two models with one short name, both lines named', () => {
    const text = 'models:\n  - {id: a/b, short: x}\n  - {id: c/d, short: x}\n';
    expect(problemsOf(text)).toEqual([
      '3:22 models[1].short: the image name hf-x is also used on line 2; each needs its own',
    ]);
  });

  test('an alias, with or without hf-, may not be another model’s name', () => {
    const text = 'models:\n  - {id: a/b, short: x, aliases: [y]}\n  - {id: c/d, short: z, aliases: [hf-x, hf-y, w]}\n';
    expect(problemsOf(text).map((problem) => problem.replace(/: the.*/, ''))).toEqual([
      '3:35 models[1].aliases[0]',
      '3:41 models[1].aliases[1]',
    ]);
  });

  test.each([
    ['defaults: {mirrors: [eu]}\nmodels: []', 'unknown registry "eu"; add it to `defaults.registries`'],
    ['defaults: {publish: {quay: true}}\nmodels: []', 'unknown registry "quay"; add it'],
    ['defaults: {registries: {quay: null}, publish: {quay: true}}\nmodels: []', 'unknown registry "quay"'],
    ['runtimes: {a: {engine: vllm}}\nmodels: []', '1:12 runtimes.a: a runtime needs `image` or `build`'],
    [
      'runtimes: {a: {engine: vllm, image: b, build: {target: final-vllm}}}\nmodels: []',
      '1:40 runtimes.a.build: a runtime has either `image` or `build`, not both',
    ],
    [
      'runtimes: {a: {engine: sglang, build: {target: final-llamacpp}}}\nmodels: []',
      "runtimes.a.build.target: holds llamacpp, but the runtime's engine is sglang",
    ],
    [
      'runtimes: {a: {engine: vllm, build: {target: final}}}\nmodels: []',
      'runtimes.a.build.target: must be one of final-llamacpp, final-vllm, final-sglang',
    ],
    [
      'defaults: {base_image: a}\nruntimes: {default: {engine: sglang, image: b}}\nmodels: []',
      '2:12 runtimes.default: `defaults.base_image` already is the runtime `default`; remove one of them',
    ],
    [withModel('runtimes: [default, default]'), '"default" is listed twice, first on line 1'],
    [withModel('runtimes: []'), 'must name at least one runtime'],
    [withDefaults('platforms: [linux/amd64, linux/amd64]'), '"linux/amd64" is listed twice'],
  ])('%s', (text, message) => {
    const problems = problemsOf(text);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain(message);
  });

  test('are checked even when the schema has found something too', () => {
    const text = 'models:\n  - {id: a/b, short: x, foo: 1}\n  - {id: 7, short: x}\n';
    expect(problemsOf(text)).toHaveLength(3);
  });
});

describe('the repository of runtime images', () => {
  test('is not called as a model’s is', () => {
    expect(problemsOf(withDefaults('project: hf-x'))).toEqual([expect.stringContaining('begins with `hf-`')]);
    expect(problemsOf(withDefaults('project: runners'))).toEqual([]);
  });
});

describe('SPDX expressions', () => {
  const validSpdxExpression = (text: string) => (text === 'MIT' ? null : 'is not an SPDX expression');

  test('an override must pass the check it is given', () => {
    expect(problemsOf(withModel('override_spdx: MITT'), { validSpdxExpression })).toEqual([
      '1:45 models[0].override_spdx: is not an SPDX expression',
    ]);
    expect(problemsOf(withModel('override_spdx: MIT'), { validSpdxExpression })).toEqual([]);
    expect(problemsOf(withModel('override_spdx: MITT'))).toEqual([]);
  });

  test('so must a licence of the whitelist, which may have a check of its own', () => {
    const validWhitelistEntry = () => 'is not one licence';
    const text = withDefaults('spdx_permissive_whitelist: [MIT]');
    expect(problemsOf(text, { validSpdxExpression, validWhitelistEntry })).toEqual([
      '1:40 defaults.spdx_permissive_whitelist[0]: is not one licence',
    ]);
    expect(problemsOf(withDefaults('spdx_permissive_whitelist: [MIT, gemma]'), { validSpdxExpression })).toEqual([
      '1:45 defaults.spdx_permissive_whitelist[1]: is not an SPDX expression',
    ]);
  });

  test('what is worth knowing about a licence of the whitelist is a warning', () => {
    const whitelistWarning = () => 'is not permissive';
    expect(warningsOf(withDefaults('spdx_permissive_whitelist: [MIT]'), { whitelistWarning })).toEqual([
      '1:40 defaults.spdx_permissive_whitelist[0]: is not permissive',
    ]);
  });
});

describe('warnings', () => {
  test.each([
    [withDefaults('tags: [latest]'), '1:19 defaults.tags[0]: without {variant}'],
    [withModel('publish: {ghcr: false, dockerhub: false}'), '1:10 models[0]: this model is published nowhere'],
    ['models: !mine []', '1:9 : Unresolved tag: !mine'],
  ])('%s', (text, message) => {
    const warnings = warningsOf(text);
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toContain(message);
  });

  test('are none for an ordinary catalog', () => {
    expect(parseCatalog(withModel('gated: true'))).toMatchObject({ valid: true, warnings: [] });
  });
});
