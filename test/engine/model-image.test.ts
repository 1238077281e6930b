import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { docker, engineMissing, pushBase } from '../support/engine/engine.ts';
import { Shop } from '../support/engine/shop.ts';
import { tinyModel } from '../support/hub/tiny.ts';
import { findProgram } from '../support/registry/index.ts';

const LICENSE = 'Terms of acme/tiny, as upstream wrote them.\n';
const missing = engineMissing() ?? (findProgram('docker-registry') === null ? 'no docker-registry' : null);

describe.skipIf(missing !== null)(`images on a real engine${missing === null ? '' : ` (skipped: ${missing})`}`, () => {
  let shop: Shop;

  beforeAll(async () => {
    shop = await Shop.open({
      models: [tinyModel({ id: 'acme/tiny', shardBytes: 300_000, licenseText: LICENSE })],
      catalog: (registry) => ({
        defaults: { base_image: `${registry}/base:v1` },
        models: [{ id: 'acme/tiny', short: 'tiny', serve_args: ['--port', '8000'] }],
      }),
    });
    await pushBase(`${shop.registry.host}/base:v1`);
  });
  afterAll(() => shop?.close());

  test('slim downloads into the volume once, starts without network afterwards, and holds what fat holds', async () => {
    const reference = await shop.image('tiny', 'slim');
    const volume = await shop.volume();
    const start = (network: string, ...args: string[]) =>
      docker([
        'run',
        '--rm',
        `--network=${network}`,
        '-e',
        `HF_ENDPOINT=${shop.hub.url}`,
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

    const fat = await shop.image('tiny', 'fat');
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
    const reference = await shop.image('tiny', 'fat');
    const bare = ['run', '--rm', '--network=none', '--user', '4711:4711', '--read-only', '--tmpfs', '/tmp'];
    const started = await docker([...bare, reference]);
    expect(started.stdout, started.stderr).toContain('engine: serve /models/tiny');
    const licence = await docker([...bare, reference, 'cat', '/licenses/model/LICENSE']);
    expect(licence.stdout).toBe(LICENSE);
    const empty = await shop.volume();
    const hidden = await docker(['run', '--rm', '--network=none', '-v', `${empty}:/models`, reference]);
    expect(hidden.code).not.toBe(0);
    expect(hidden.stderr).toContain('a volume mounted at /models hides the weights inside this image');
  });

  test('fat answers its health endpoint without a network, and docker stop reaches the engine', async () => {
    const reference = await shop.image('tiny', 'fat');
    const container = await shop.start(['--network=none'], reference, '--stay');
    expect(await shop.answer(container, 8000, '/health')).toBe('ok\n');
    const before = Date.now();
    await docker(['stop', '--time', '20', container]);
    expect(Date.now() - before).toBeLessThan(8_000);
    expect((await docker(['logs', container])).stdout).toContain('engine: stopped');
  });

  test('--to local loads the image into the engine under its name', async () => {
    const cwd = process.cwd();
    process.chdir(shop.folder);
    try {
      shop.owns('hf-tiny:fat');
      const { images, said } = await shop.build('tiny', ['--variant', 'fat', '--to', 'local', '--smoke']);
      expect(images[0]?.smoke).toEqual({ status: 'passed', reason: null });
      expect(said).toContain('Start it: docker run -p 8000:8000 hf-tiny:fat; http://127.0.0.1:8000/health answers 200');
      expect(said).toContain('Loaded into the local container engine as hf-tiny:fat');
      expect(await readdir(join(shop.folder, 'images')).catch(() => [])).toEqual([]);
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
