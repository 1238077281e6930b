import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { systemClock } from '../../src/clock.ts';
import { run } from '../../src/exec.ts';
import { silentLogger } from '../../src/log.ts';
import { RegistryClient } from '../../src/registry/client.ts';
import { anonymous } from '../../src/registry/credentials.ts';
import { parseImageConfig, parseManifestContent } from '../../src/registry/schema.ts';
import type { Descriptor } from '../../src/registry/types.ts';
import { cli } from '../support/cli/cli.ts';
import { bytesOf } from '../support/hub/content.ts';
import { headOf } from '../support/hub/model.ts';
import { type HubStandIn, startHub } from '../support/hub/server.ts';
import { tinyModel } from '../support/hub/tiny.ts';
import { readTar } from '../support/image/read-tar.ts';
import { type Distribution, findProgram, pushBaseImage, startDistribution } from '../support/registry/index.ts';

const model = tinyModel({ id: 'acme/tiny', shardBytes: 200_000 });
const imageSchema = z.object({ reference: z.string(), digest: z.string(), bytes: z.record(z.string(), z.number()) });
const builtSchema = z.object({ images: z.tuple([imageSchema]) });
const lacks = (...names: string[]) => names.some((name) => findProgram(name) === null);

describe.skipIf(lacks('docker-registry'))('build and a real Distribution registry (needs docker-registry)', () => {
  let hub: HubStandIn;
  let distribution: Distribution;
  let folder = '';
  let argv: string[] = [];
  const repository = (name: string) =>
    new RegistryClient({
      fetch: globalThis.fetch,
      clock: systemClock,
      credentials: anonymous,
      logger: silentLogger,
      userAgent: 'test',
    }).repository({ registry: distribution.host, repository: name });
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'publisher-distribution-'));
    hub = await startHub({ models: [model] });
    distribution = await startDistribution();
    const { host } = distribution;
    await pushBaseImage(repository('base/runtime'), {
      tag: 'v2',
      env: ['PATH=/usr/bin:/bin', 'KEPT=yes'],
      labels: { 'org.example.kept': 'yes' },
      workingDir: '/srv/kept',
      dockerSchema2: true,
    });
    const catalog = join(folder, 'models.yaml');
    const defaults = `{base_image: "${host}/base/runtime:v2", registries: {local: "${host}/{owner}"}, publish: {local: true}}`;
    await writeFile(catalog, `defaults: ${defaults}\nmodels: [{id: acme/tiny, short: tiny}]\n`);
    argv = ['build', 'tiny', '--variant', 'fat', '--json', '--catalog', catalog];
  });
  afterAll(async () => {
    await hub.close();
    await distribution.close();
    await rm(folder, { recursive: true, force: true });
  });

  async function build(...flags: string[]) {
    const variables = { HF_ENDPOINT: hub.url, DATA_DIR: join(folder, 'data'), GITHUB_REPOSITORY_OWNER: 'acme' };
    const told = await cli([...argv, ...flags], variables);
    expect([told.code, told.stderr]).toEqual([0, expect.any(String)]);
    return builtSchema.parse(told.json()).images[0];
  }

  const blob = async (descriptor: Descriptor) =>
    Buffer.concat(await Array.fromAsync(repository('acme/hf-tiny').blob(descriptor)));

  it('gives back the shards bit for bit, the upstream licence, and what the base had', async () => {
    const image = await build('--to', 'registry');
    expect(image.reference).toBe(`${distribution.host}/acme/hf-tiny@${image.digest}`);
    const index = parseManifestContent(await repository('acme/hf-tiny').manifest(image.digest));
    const digest = index.kind === 'index' ? (index.index.manifests[0]?.digest ?? '') : '';
    const content = parseManifestContent(await repository('acme/hf-tiny').manifest(digest));
    if (content.kind === 'index') throw new Error('an index inside an index');
    const { config, layers } = content.manifest;
    const files = new Map<string, Buffer>();
    for (const layer of layers.filter(({ mediaType }) => !mediaType.endsWith('gzip'))) {
      for (const entry of readTar(await blob(layer))) files.set(entry.path, Buffer.from(entry.content));
    }
    const head = headOf(model);
    const shards = head.files.filter(({ path }) => path.endsWith('.safetensors'));
    expect(shards).toHaveLength(2);
    for (const { path, lfs } of shards) {
      const hash = createHash('sha256')
        .update(files.get(`models/tiny/${path}`) ?? '')
        .digest('hex');
      expect(hash).toBe(lfs?.oid);
    }
    const license = head.files.find(({ path }) => path === 'LICENSE');
    expect(files.get('licenses/model/LICENSE')).toEqual(license === undefined ? null : bytesOf(license.content));
    expect(parseImageConfig(await blob(config)).config).toMatchObject({
      Env: expect.arrayContaining(['KEPT=yes']),
      Labels: { 'org.example.kept': 'yes', 'org.opencontainers.image.revision': head.sha },
      WorkingDir: '/srv/kept',
    });
  });

  it('moves nothing the second time, and tags when told', async () => {
    const { digest, bytes } = await build('--tag', 'v1');
    expect(bytes.uploaded).toBe(0);
    expect(await repository('acme/hf-tiny').tags()).toEqual(['v1']);
    expect((await repository('acme/hf-tiny').manifest('v1')).digest).toBe(digest);
  });

  it.skipIf(lacks('skopeo'))('writes a layout that skopeo reads and copies (needs skopeo)', async () => {
    const layout = join(folder, 'layout');
    const { digest } = await build('--to', `oci:${layout}`);
    const source = `oci:${layout}:tiny-fat`;
    const raw = await run('skopeo', ['inspect', '--raw', source]);
    expect(`sha256:${createHash('sha256').update(raw.stdout).digest('hex')}`).toBe(digest);
    const copy = ['--insecure-policy', 'copy', '--all', '--preserve-digests', source, `dir:${join(folder, 'copy')}`];
    expect((await run('skopeo', copy, { check: false })).exitCode).toBe(0);
  });
});
