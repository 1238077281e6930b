import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { Told } from '../../support/cli/cli.ts';
import { type Stage, startStage } from '../../support/cli/stage.ts';
import { headOf } from '../../support/hub/model.ts';
import { tinyModel } from '../../support/hub/tiny.ts';

const tiny = tinyModel({ id: 'acme/tiny' });
const gated = tinyModel({ id: 'acme/gated', gated: 'manual' });
let stage: Stage;
beforeAll(async () => {
  stage = await startStage([tiny, gated]);
});
afterEach(() => stage.hub.clearFaults());
afterAll(() => stage.close());

const TINY = '  - {id: acme/tiny, short: tiny}\n';
const GATED = '  - {id: acme/gated, short: gated}\n';
const ABSENT = '  - {id: acme/absent, short: absent}\n';

/** The contract, to the letter; further fields are allowed. */
const text = z.string();
const contract = z.object({
  targets: z.array(
    z.object({
      model: z.strictObject({ id: text, short: text }),
      runtime: text,
      variant: z.enum(['slim', 'fat']),
      action: z.enum(['build', 'skip', 'fail', 'remove']),
      reasons: z.array(z.object({ code: text, message: text })),
      revision: text.regex(/^[0-9a-f]{40}$/).nullable(),
      license: z.object({ declared: text.nullable(), spdx: text.nullable(), class: text.nullable() }),
      gated: z.boolean().nullable(),
      bytes: z.number().nullable(),
      inputs: text.regex(/^[0-9a-f]{64}$/).nullable(),
      base: z.strictObject({ reference: text, digest: text.regex(/^sha256:[0-9a-f]{64}$/).nullable() }),
      files: z.array(z.strictObject({ path: text, size: z.number(), sha256: text.nullable(), oid: text.length(40) })),
      reshard: z.array(z.object({ path: text, parts: z.number() })),
      repository: text.nullable(),
      tags: z.array(text),
    }),
  ),
});

async function plan(models: string, ...flags: string[]) {
  return read(await stage.cli(['plan', '--json', '--catalog', await stage.catalog('plan', models), ...flags]));
}

function read(told: Told) {
  const { targets } = contract.parse(told.json());
  const brief = targets.map(({ model, variant, action }) => `${model.short} ${variant} ${action}`);
  return { ...told, targets, brief };
}

describe('plan --json', () => {
  it('lists both variants of every model, with everything the contract names', async () => {
    const { code, targets, brief, stderr } = await plan(TINY + GATED);
    expect([code, stderr]).toEqual([0, '']);
    expect(brief).toEqual(['tiny slim build', 'tiny fat build', 'gated slim build', 'gated fat skip']);
    const { sha, files } = headOf(tiny);
    expect(targets[1]).toMatchObject({
      model: { id: 'acme/tiny', short: 'tiny' },
      runtime: 'default',
      reasons: [{ code: 'license-permissive' }],
      revision: sha,
      license: { declared: 'apache-2.0', spdx: 'Apache-2.0', class: 'permissive' },
      gated: false,
      base: { reference: stage.baseReference, digest: stage.base.digest },
      repository: `${stage.registry.host}/acme/hf-tiny`,
      tags: ['v1.2.3-fat', `r${sha}-fat`],
    });
    expect(targets[3]?.reasons.map(({ code: reason }) => reason)).toContain('gated');
    expect(targets[3]?.gated).toBe(true);
    expect(targets[1]?.bytes).toBe(targets[1]?.files.reduce((sum, { size }) => sum + size, 0));
    expect(targets[0]?.files).toEqual(targets[1]?.files);
    expect(targets[0]?.inputs).not.toBe(targets[1]?.inputs);
    for (const file of targets[1]?.files ?? []) {
      const stored = files.find(({ path }) => path === file.path);
      expect(file).toMatchObject({ size: stored?.size, oid: stored?.oid, sha256: stored?.lfs?.oid ?? null });
    }
    expect(targets[1]?.files.map(({ sha256 }) => sha256 === null)).toContain(true);
  });

  it('says the same twice, and without JSON in words', async () => {
    expect((await plan(TINY)).stdout).toBe((await plan(TINY)).stdout);
    const { stdout } = await stage.cli(['plan', '--catalog', await stage.catalog('plan', GATED)]);
    expect(stdout).toMatch(/gated · slim: build .*gated · fat: skip [^\n]*\n {4}gated: /s);
  });

  it('exits 1 when a target fails, and lists it like the others', async () => {
    const { code, brief, targets } = await plan(TINY + ABSENT);
    expect(code).toBe(1);
    expect(brief.slice(2)).toEqual(['absent slim fail', 'absent fat fail']);
    expect(targets[2]?.reasons).toMatchObject([{ code: 'not-found' }]);
  });

  it('exits 3 when the Hub did not answer for one, though another fails', async () => {
    stage.hub.fail({ fault: { kind: 'status', status: 500 }, match: /acme\/tiny/, times: 99 });
    const { code, brief, targets } = await plan(TINY + GATED + ABSENT);
    expect(code).toBe(3);
    expect(brief.slice(0, 3)).toEqual(['tiny slim fail', 'tiny fat fail', 'gated slim build']);
    expect(targets[0]?.reasons).toMatchObject([{ code: 'hub-unavailable', message: expect.stringContaining('500') }]);
  });

  it('prints its JSON with a dead Hub all the same, soon', async () => {
    const path = await stage.catalog('plan', TINY + GATED);
    const startedAt = Date.now();
    const told = read(await stage.cli(['plan', '--json', '--catalog', path], { HF_ENDPOINT: 'http://127.0.0.1:9' }));
    expect(told.code).toBe(3);
    expect(told.brief).toEqual(['tiny slim fail', 'tiny fat fail', 'gated slim fail', 'gated fat fail']);
    expect(Date.now() - startedAt).toBeLessThan(10_000);
  });

  it('plans only the model asked for', async () => {
    expect((await plan(TINY + GATED, '--model', 'gated')).brief).toEqual(['gated slim build', 'gated fat skip']);
    const path = await stage.catalog('plan', TINY);
    const { code, stderr } = await stage.cli(['plan', '--catalog', path, '--model', 'gone']);
    expect([code, stderr]).toEqual([2, expect.stringContaining('it has tiny')]);
  });

  it('plans only what differs from --base, removals included', async () => {
    const before = await stage.catalog('before', TINY + GATED);
    const changed = TINY.replace('}', ', serve_args: ["--seed", "7"]}');
    const other = '  - {id: acme/tiny, short: other}\n';
    expect((await plan(TINY + GATED, '--base', before)).targets).toEqual([]);
    expect((await plan(changed + GATED + other, '--base', before)).brief).toEqual([
      'tiny slim build',
      'tiny fat build',
      'other slim build',
      'other fat build',
    ]);
    const removed = ['gated slim remove', 'gated fat remove'];
    expect(await plan(TINY, '--base', before)).toMatchObject({ code: 0, brief: removed });
    expect((await plan(TINY, '--base', before, '--model', 'gated')).brief).toEqual(removed);
  });

  it('exits 1 for an invalid catalog or --base, with the position', async () => {
    const good = await stage.catalog('plan', TINY);
    const bad = await stage.catalog('bad', '  - {id: acme/tiny, shrot: tiny}\n');
    for (const argv of [
      ['--catalog', bad],
      ['--catalog', good, '--base', bad],
    ]) {
      const { code, stderr, json } = await stage.cli(['plan', '--json', ...argv]);
      expect([code, stderr]).toEqual([1, expect.stringContaining('bad.yaml:8:21: unknown key `shrot`')]);
      expect(json()).toMatchObject({ error: { code: 'catalog-invalid' } });
    }
  });

  it('leaves experimental runtimes out unless told otherwise', async () => {
    const path = join(stage.folder, 'experimental.yaml');
    const runtime = (rest: string) => `{engine: vllm, image: "${stage.baseReference}"${rest}}`;
    const head = `runtimes:\n  gpu: ${runtime('')}\n  npu: ${runtime(', experimental: true')}\n`;
    await writeFile(path, `${head}models:\n  - {id: acme/tiny, short: tiny, runtimes: [gpu, npu]}\n`);
    const argv = ['plan', '--json', '--catalog', path];
    const runtimes = async (flags: string[]) =>
      read(await stage.cli([...argv, ...flags])).targets.map(({ runtime: name }) => name);
    expect(await runtimes([])).toEqual(['gpu', 'gpu']);
    expect(await runtimes(['--experimental'])).toEqual(['gpu', 'gpu', 'npu', 'npu']);
  });

  it('takes the owner from --owner before the environment', async () => {
    const { targets } = await plan(TINY, '--owner', 'Someone-Else');
    expect(targets[0]?.repository).toBe(`${stage.registry.host}/someone-else/hf-tiny`);
  });

  it.each([
    ['is not there', 'v9.9.9', 1],
    ['has no such platform', 'v1.2.3', 1],
  ])('fails what stands on a base that %s', async (_, tag, code) => {
    const path = join(stage.folder, 'base.yaml');
    const image = stage.baseReference.replace('v1.2.3', tag);
    const defaults = `defaults: {base_image: "${image}", arch: "linux/${tag === 'v1.2.3' ? 's390x' : 'amd64'}"}`;
    await writeFile(path, `${defaults}\nmodels:\n${TINY}`);
    const told = read(await stage.cli(['plan', '--json', '--catalog', path]));
    expect([told.code, told.brief]).toEqual([code, ['tiny slim fail', 'tiny fat fail']]);
    expect(told.stdout).toContain('The base image is not resolved');
  });

  it('reaches for nothing an operator forbids', async () => {
    const path = await stage.catalog('plan', TINY);
    const told = await stage.cli(['plan', '--json', '--catalog', path], { SOURCE_ALLOW: 'ghcr.io' });
    expect([told.code, read(told).brief]).toEqual([1, ['tiny slim fail', 'tiny fat fail']]);
    expect(told.stdout).toContain('SOURCE_ALLOW');
  });
});

describe('plan of the founding format, with a registry out of reach', () => {
  const founding = `defaults:
  base_image: "127.0.0.1:9/vllm/vllm-openai:v0.6.0"
  arch: "linux/amd64"
  download_root: "/models"
  hf_cache_dir: "/root/.cache/huggingface"
  spdx_permissive_whitelist: [apache-2.0, mit, bsd-2-clause, bsd-3-clause, isc, cc0-1.0, unlicense]
  publish: {ghcr: true, dockerhub: true}
models:
  - {id: "acme/tiny", short: "tiny", revision: null, permissive: auto, override_spdx: null, gated: auto}
  - {id: "acme/gated", short: "gated", serve_args: ["--port", "8000"], publish: {ghcr: true, dockerhub: false}}
`;

  it('decides all the same, soon, and warns', async () => {
    const path = join(stage.folder, 'founding.yaml');
    await writeFile(path, founding);
    const startedAt = Date.now();
    const told = read(await stage.cli(['plan', '--json', '--catalog', path]));
    expect(Date.now() - startedAt).toBeLessThan(8_000);
    expect([told.code, told.brief]).toEqual([
      0,
      ['tiny slim build', 'tiny fat build', 'gated slim build', 'gated fat skip'],
    ]);
    for (const { base, inputs } of told.targets) expect([base.digest, inputs]).toEqual([null, null]);
    expect(told.targets[0]?.repository).toBe('ghcr.io/acme/hf-tiny');
    expect(told.targets[0]?.tags).toEqual(['v0.6.0-slim', `r${headOf(tiny).sha}-slim`]);
    expect(told.json()).toMatchObject({
      targets: [{ warnings: [expect.stringContaining('The base image is not resolved')] }, {}, {}, {}],
    });
  });
});
