import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { openLayout } from '../../../src/registry/layout.ts';
import { parseManifestContent } from '../../../src/registry/schema.ts';
import { lockFolder } from '../../../src/store/lock.ts';
import { REGISTRY_PASSWORD, type Stage, startStage } from '../../support/cli/stage.ts';
import { headOf } from '../../support/hub/model.ts';
import { tinyModel } from '../../support/hub/tiny.ts';

const tiny = tinyModel({ id: 'acme/tiny' });
const models = [tiny, tinyModel({ id: 'acme/gated', gated: 'manual' }), tinyModel({ id: 'acme/unlisted', seed: 'u' })];
let stage: Stage;
let catalog = '';
beforeAll(async () => {
  stage = await startStage(models);
  const entries = ['tiny', 'gated'].map((short) => `  - {id: acme/${short}, short: ${short}}\n`);
  catalog = await stage.catalog('models', entries.join(''));
});
afterEach(() => {
  stage.hub.clearFaults();
  stage.registry.faults.length = 0;
});
afterAll(() => stage.close());

const digest = z.string().regex(/^sha256:[0-9a-f]{64}$/);
const contract = z.object({
  images: z.array(
    z.strictObject({
      variant: z.enum(['slim', 'fat']),
      runtime: z.string(),
      reference: z.string(),
      references: z.array(z.string()),
      digest,
      revision: z.string().length(40),
      bytes: z.strictObject({ weights: z.number(), uploaded: z.number(), reused: z.number() }),
      durationMs: z.number(),
    }),
  ),
  errors: z.array(z.object({ variant: z.string(), runtime: z.string(), code: z.string(), message: z.string() })),
});

async function build(short: string, flags: string[] = [], variables: Record<string, string> = {}) {
  const told = await stage.cli(['build', short, '--json', '--catalog', catalog, ...flags], variables);
  return { ...told, ...contract.parse(told.json()) };
}

const tags = (repository: string) => stage.repository(repository).tags();

describe('build --to registry', () => {
  it('streams past a cut download by starting over, and names a lasting one', async () => {
    stage.hub.fail({ fault: { kind: 'truncate', bytes: 100 }, match: /00002-of-00002/, times: 99 });
    const failed = await build('tiny', ['--variant', 'fat', '--tag', 'never', '--verbose']);
    expect([failed.code, failed.images]).toEqual([3, []]);
    expect(failed.errors).toMatchObject([{ variant: 'fat', code: 'download-truncated' }]);
    expect(failed.stderr).toMatch(/fat failed \(download-truncated\): model-00002-of-00002\.safetensors .*broke off/);
    expect(await tags('acme/hf-tiny')).toEqual([]);
    stage.hub.clearFaults();
    expect((await build('tiny', ['--variant', 'fat'])).code).toBe(0);
  });

  it('pushes by digest what the contract names, and moves no tag', async () => {
    const { code, images, stderr } = await build('tiny');
    expect([code, images.map(({ variant }) => variant)]).toEqual([0, ['slim', 'fat']]);
    const [slim, fat] = images;
    for (const image of images) {
      expect(image.reference).toBe(`${stage.registry.host}/acme/hf-tiny@${image.digest}`);
      expect(image).toMatchObject({ references: [image.reference], runtime: 'default', revision: headOf(tiny).sha });
      expect((await stage.repository('acme/hf-tiny').manifest(image.digest)).digest).toBe(image.digest);
    }
    expect([slim?.bytes.weights, fat?.bytes.weights === 0]).toEqual([0, false]);
    expect(stderr).toContain('tiny fat: ');
    expect(await tags('acme/hf-tiny')).toEqual([]);
  });

  it('moves no byte of layers a second time, and gives the same digest', async () => {
    const first = await build('tiny');
    const again = await build('tiny');
    expect(again.images.map((image) => image.digest)).toEqual(first.images.map((image) => image.digest));
    expect(again.images.map(({ bytes }) => bytes.uploaded)).toEqual([0, 0]);
    expect(again.images[1]?.bytes.reused).toBeGreaterThan(again.images[1]?.bytes.weights ?? 0);
  });

  it('sets a tag only when told, on one image', async () => {
    const both = await stage.cli(['build', 'tiny', '--catalog', catalog, '--tag', 'mine']);
    expect([both.code, both.stderr]).toEqual([2, expect.stringContaining('--tag names one image')]);
    expect(await tags('acme/hf-tiny')).toEqual([]);
    const { images } = await build('tiny', ['--variant', 'slim', '--tag', 'mine']);
    expect(await tags('acme/hf-tiny')).toEqual(['mine']);
    expect((await stage.repository('acme/hf-tiny').manifest('mine')).digest).toBe(images[0]?.digest);
  });

  it('refuses a fat image of a gated model, with the reason', async () => {
    const { code, images, errors, stderr } = await build('gated', ['--variant', 'fat', '--tag', 'never']);
    expect([code, images]).toEqual([1, []]);
    expect(errors).toMatchObject([{ variant: 'fat', code: 'denied', message: expect.stringContaining('gated: ') }]);
    expect(stderr).toContain('gated on the Hub (manual)');
  });

  it('builds only slim of a gated model when not told which', async () => {
    const { code, images } = await build('gated');
    expect([code, images.map(({ variant }) => variant)]).toEqual([0, ['slim']]);
  });

  it('exits 3 when the Hub does not answer, 1 when there is no such model', async () => {
    const dead = await build('tiny', [], { HF_ENDPOINT: 'http://127.0.0.1:9' });
    expect([dead.code, dead.errors.map(({ code }) => code)]).toEqual([3, ['hub-unavailable', 'hub-unavailable']]);
    const absent = await build('absent', ['--id', 'acme/absent', '--variant', 'slim']);
    expect([absent.code, absent.errors]).toMatchObject([1, [{ code: 'denied' }]]);
  });

  it('builds a model that the catalog does not have', async () => {
    const { code, images } = await build('unlisted', ['--id', 'acme/unlisted', '--variant', 'fat']);
    const reference = `${stage.registry.host}/acme/hf-unlisted@${images[0]?.digest}`;
    expect([code, images[0]?.references]).toEqual([0, [reference]]);
  });

  it.each([
    [['nobody'], 'no model `nobody`'],
    [['tiny', '--runtime', 'other'], 'no runtime `other`'],
  ])('exits 2 for %j', async ([short = '', ...flags], what) => {
    const { code, stderr } = await stage.cli(['build', short, '--catalog', catalog, ...flags]);
    expect([code, stderr]).toEqual([2, expect.stringContaining(what)]);
  });

  it('works beside a bot that uses the data folder', async () => {
    const dataDir = join(stage.folder, 'held');
    const lock = await lockFolder(dataDir);
    const argv = ['build', 'tiny', '--json', '--catalog', catalog];
    const { code } = await stage.cli(argv, { DATA_DIR: dataDir });
    await lock.release();
    expect(code).toBe(0);
  });

  it('names a registry that dies in mid-upload, and takes up again when it is back', async () => {
    const argv = ['--id', 'acme/tiny', '--variant', 'fat', '--tag', 'never'];
    stage.registry.faults.push({ kind: 'die', afterBytes: 200, path: /hf-dies\/blobs\/uploads\/./, times: 99 });
    const failed = await build('dies', argv);
    expect([failed.code, failed.errors[0]?.code]).toEqual([3, 'registry-unavailable']);
    expect(failed.stderr).toContain(stage.registry.host);
    stage.registry.faults.length = 0;
    expect(await tags('acme/hf-dies').catch(() => [])).toEqual([]);
    expect((await build('dies', argv)).code).toBe(0);
  });

  it('ends with a registry that refuses, and tells no secret', async () => {
    stage.registry.faults.push({ kind: 'status', status: 403, code: 'DENIED', path: /stranger/, times: 99 });
    const { code, stdout, stderr, errors } = await build('unlisted', ['--id', 'acme/unlisted', '--verbose'], {
      GITHUB_REPOSITORY_OWNER: 'stranger',
    });
    expect([code, errors[0]?.code]).toEqual([3, 'registry-denied']);
    const auth = Buffer.from(`robot:${REGISTRY_PASSWORD}`).toString('base64');
    for (const secret of [REGISTRY_PASSWORD, auth, 'hf_canary']) expect(stdout + stderr).not.toContain(secret);
  });
});

describe('build --to oci:DIR', () => {
  it('writes a layout that has the image under its name', async () => {
    const folder = join(stage.folder, 'layout');
    const { code, images } = await build('tiny', ['--variant', 'fat', '--to', `oci:${folder}`]);
    expect([code, images[0]?.reference]).toEqual([0, `oci:${folder}@${images[0]?.digest}`]);
    const layout = openLayout(folder);
    const top = await layout.manifest('tiny-fat');
    expect(top.digest).toBe(images[0]?.digest);
    const content = parseManifestContent(top);
    expect(content.kind === 'index' ? content.index.manifests.length : 0).toBe(2);
  });

  it('gives the digest the registry has', async () => {
    const there = await build('tiny', ['--variant', 'fat']);
    const here = await build('tiny', ['--variant', 'fat', '--to', `oci:${join(stage.folder, 'same')}`]);
    expect(here.images[0]?.digest).toBe(there.images[0]?.digest);
  });

  it('needs no owner', async () => {
    const to = `oci:${join(stage.folder, 'nobodys')}`;
    const { code } = await build('tiny', ['--variant', 'slim', '--to', to], { GITHUB_REPOSITORY_OWNER: '' });
    expect(code).toBe(0);
  });
});

describe('away from any repository', () => {
  const home = process.cwd();
  let elsewhere = '';
  beforeAll(async () => {
    elsewhere = await mkdtemp(join(tmpdir(), 'publisher-away-'));
    process.chdir(elsewhere);
  });
  afterAll(async () => {
    process.chdir(home);
    await rm(elsewhere, { recursive: true, force: true });
  });
  const nobody = { GITHUB_REPOSITORY_OWNER: '' };

  it('plan keeps {owner}, and build --to registry exits 2', async () => {
    const planned = await stage.cli(['plan', '--json', '--catalog', catalog, '--model', 'tiny'], nobody);
    expect(planned.code).toBe(0);
    expect(planned.json()).toMatchObject({ targets: [{ repository: `${stage.registry.host}/{owner}/hf-tiny` }, {}] });
    const built = await build('tiny', [], nobody);
    expect(built.code).toBe(2);
    expect(built.stderr).toContain('pass --owner or set GITHUB_REPOSITORY_OWNER');
  });

  it('build --to local leaves a layout where no engine answers, and says so', async () => {
    const flags = ['--variant', 'slim', '--to', 'local'];
    const { code, stderr } = await build('tiny', flags, { DOCKER_HOST: 'tcp://127.0.0.1:9' });
    expect([code, stderr]).toEqual([0, expect.stringContaining('images/tiny-slim')]);
    expect(JSON.parse(await readFile('images/tiny-slim/oci-layout', 'utf8'))).toHaveProperty('imageLayoutVersion');
    expect(existsSync('images/tiny-fat')).toBe(false);
  });

  it('build --id needs no catalog', async () => {
    const { code, stderr } = await stage.cli(['build', 'x', '--id', 'acme/absent', '--to', 'oci:x'], nobody);
    expect([code, stderr]).toEqual([1, expect.stringContaining('x slim is not built. not-found: ')]);
  });
});
