import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { runCli } from '../../src/cli/run.ts';
import { docker, engineMissing, pushBase } from '../support/engine/engine.ts';
import { type HubStandIn, startHub } from '../support/hub/server.ts';
import { tinyModel } from '../support/hub/tiny.ts';
import { type Distribution, findProgram, startDistribution } from '../support/registry/index.ts';

const LICENSE = 'Terms of acme/tiny, as upstream wrote them.\n';
const missing = engineMissing() ?? (findProgram('docker-registry') === null ? 'no docker-registry' : null);

describe.skipIf(missing !== null)(`images on a real engine${missing === null ? '' : ` (skipped: ${missing})`}`, () => {
  let hub: HubStandIn;
  let registry: Distribution;
  let folder: string;
  const images: string[] = [];

  beforeAll(async () => {
    // A container on a busy machine may take its time between the two requests of a download.
    hub = await startHub({
      models: [tinyModel({ id: 'acme/tiny', shardBytes: 300_000, licenseText: LICENSE })],
      signedUrlMs: 60_000,
    });
    registry = await startDistribution();
    folder = await mkdtemp(join(tmpdir(), 'publisher-engine-test-'));
    await pushBase(`${registry.host}/base:v1`);
    await writeFile(
      join(folder, 'models.yaml'),
      JSON.stringify({
        defaults: {
          base_image: `${registry.host}/base:v1`,
          registries: { local: `${registry.host}/acme` },
          publish: { local: true },
        },
        models: [{ id: 'acme/tiny', short: 'tiny', serve_args: ['--port', '8000'] }],
      }),
    );
  });

  afterAll(async () => {
    for (const image of images) await docker(['rmi', '--force', image]);
    await registry?.close();
    await hub?.close();
    await rm(folder, { recursive: true, force: true });
  });

  async function build(variant: string, to: string): Promise<{ reference: string; said: string }> {
    const written = { stdout: '', stderr: '' };
    const exit = await runCli(
      ['build', 'tiny', '--variant', variant, '--to', to, '--json', '--catalog', join(folder, 'models.yaml')],
      {
        stdout: { write: (text) => (written.stdout += text) },
        stderr: { write: (text) => (written.stderr += text) },
        variables: { PATH: process.env.PATH, HOME: folder, HF_ENDPOINT: hub.url, DATA_DIR: join(folder, 'data') },
      },
    );
    expect(exit, written.stderr).toBe(0);
    const { images: built } = JSON.parse(written.stdout);
    return { reference: built[0].reference, said: written.stderr };
  }

  test('slim downloads into the volume once, starts without network afterwards, and holds what fat holds', async () => {
    const { reference } = await build('slim', 'registry');
    images.push(reference);
    const volume = await mkdtemp(join(folder, 'volume-'));
    const start = (network: string, ...args: string[]) =>
      docker([
        'run',
        '--rm',
        `--network=${network}`,
        '-e',
        `HF_ENDPOINT=${hub.url}`,
        '-v',
        `${volume}:/models`,
        reference,
        ...args,
      ]);
    const first = await start('host');
    expect(first.stdout, first.stderr).toContain(
      'engine: serve /models/tiny --served-model-name acme/tiny --port 8000',
    );
    const again = await start('none', '--max-model-len', '64');
    expect(again.stdout, again.stderr).toContain('--port 8000 --max-model-len 64');

    const { reference: fat } = await build('fat', 'registry');
    images.push(fat);
    const listed = await docker([
      'run',
      '--rm',
      '--network=none',
      fat,
      'sh',
      '-c',
      'cd /models/tiny && find . -type f | sort | xargs sha256sum',
    ]);
    const inVolume = await docker([
      'run',
      '--rm',
      '--network=none',
      '-v',
      `${volume}:/models`,
      reference,
      'sh',
      '-c',
      'cd /models/tiny && find . -type f ! -name .model-image | sort | xargs sha256sum',
    ]);
    expect(inVolume.stdout, inVolume.stderr).toBe(listed.stdout);
    expect(listed.stdout).toContain('model-00001-of-00002.safetensors');
  });

  test('fat needs no network, no volume, no token, no root and no writable root; a volume that hides its weights is named', async () => {
    const { reference } = await build('fat', 'registry');
    images.push(reference);
    const bare = ['run', '--rm', '--network=none', '--user', '4711:4711', '--read-only', '--tmpfs', '/tmp'];
    const started = await docker([...bare, reference]);
    expect(started.stdout, started.stderr).toContain('engine: serve /models/tiny');
    const licence = await docker([...bare, reference, 'cat', '/licenses/model/LICENSE']);
    expect(licence.stdout).toBe(LICENSE);
    const empty = await mkdtemp(join(folder, 'empty-'));
    const hidden = await docker(['run', '--rm', '--network=none', '-v', `${empty}:/models`, reference]);
    expect(hidden.code).not.toBe(0);
    expect(hidden.stderr).toContain('a volume mounted at /models hides the weights inside this image');
  });

  test('docker stop reaches the engine', async () => {
    const { reference } = await build('fat', 'registry');
    images.push(reference);
    const { stdout } = await docker(['run', '--detach', '--network=none', reference, '--stay']);
    const container = stdout.trim();
    try {
      await expect
        .poll(async () => (await docker(['logs', container])).stdout, { timeout: 20_000 })
        .toContain('engine: serving');
      const before = Date.now();
      await docker(['stop', '--time', '20', container]);
      expect(Date.now() - before).toBeLessThan(8_000);
      expect((await docker(['logs', container])).stdout).toContain('engine: stopped');
    } finally {
      await docker(['rm', '--force', container]);
    }
  });

  test('--to local loads the image into the engine under its name', async () => {
    const cwd = process.cwd();
    process.chdir(folder);
    try {
      const { said } = await build('fat', 'local');
      images.push('hf-tiny:fat');
      expect(said).toContain('Loaded into the local container engine as hf-tiny:fat');
      expect(await readdir(join(folder, 'images')).catch(() => [])).toEqual([]);
    } finally {
      process.chdir(cwd);
    }
    const inspected = await docker(['inspect', 'hf-tiny:fat']);
    const [{ Config }] = JSON.parse(inspected.stdout);
    expect(Config.Entrypoint).toEqual(['/usr/local/bin/model-image-entrypoint']);
    expect(Config.Labels['org.example.base']).toBe('yes');
    expect(Config.WorkingDir).toBe('/srv');
    const started = await docker(['run', '--rm', '--network=none', 'hf-tiny:fat']);
    expect(started.stdout, started.stderr).toContain('engine: serve /models/tiny');
  });
});
