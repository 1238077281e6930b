import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { docker, engineMissing, pushBase } from '../support/engine/engine.ts';
import { pythonRoot } from '../support/engine/python.ts';
import { freePort, Shop } from '../support/engine/shop.ts';
import { commitFiles, headOf } from '../support/hub/model.ts';
import { tinyModel } from '../support/hub/tiny.ts';
import { findProgram } from '../support/registry/index.ts';

const LICENSE = 'Terms of acme/tiny, as upstream wrote them.\n';
const LARGE = 24_000_000;
const FIRST = 'model-00001-of-00002.safetensors';
const SECOND = 'model-00002-of-00002.safetensors';

const noEngine = engineMissing() ?? (findProgram('docker-registry') === null ? 'no docker-registry' : null);
const python = noEngine === null ? await pythonRoot() : { missing: noEngine };
const missing = 'missing' in python ? python.missing : null;

describe.skipIf(missing !== null)(
  `slim images with the real hf client${missing === null ? '' : ` (skipped: ${missing})`}`,
  () => {
    const tiny = tinyModel({ id: 'acme/tiny', shardBytes: 300_000, licenseText: LICENSE });
    let shop: Shop;
    let port: number;

    beforeAll(async () => {
      if (!('folder' in python)) return;
      port = await freePort();
      shop = await Shop.open({
        models: [
          tiny,
          tinyModel({ id: 'acme/large', shardBytes: LARGE }),
          tinyModel({ id: 'acme/gated', gated: 'manual' }),
        ],
        tokens: { hf_good: ['acme/gated'], hf_other: [] },
        catalog: (registry) => ({
          defaults: { base_image: `${registry}/base:v1` },
          models: [
            { id: 'acme/tiny', short: 'tiny', serve_args: ['--port', `${port}`] },
            { id: 'acme/large', short: 'large' },
            { id: 'acme/gated', short: 'gated' },
          ],
        }),
      });
      await pushBase(`${shop.registry.host}/base:v1`, { rootfs: python.folder, without: ['wget'] });
    });
    afterAll(() => shop?.close());

    const options = (volume: string, network = 'host', ...more: string[]) => [
      `--network=${network}`,
      '-e',
      `HF_ENDPOINT=${shop.hub.url}`,
      '-v',
      `${volume}:/models`,
      ...more,
    ];

    test('downloads with hf, answers its health endpoint, shows its licences; a restart asks nobody', async () => {
      const reference = await shop.image('tiny', 'slim');
      const volume = await shop.volume();
      shop.hub.requests.length = 0;
      const container = await shop.start(options(volume), reference, '--stay');
      expect(await shop.answer(container, port, '/health')).toBe('ok\n');
      const said = await docker(['logs', container]);
      expect(said.stderr).toMatch(/downloading \d+ files of acme\/tiny .* with hf/);
      expect(said.stdout).toContain(`engine: serve /models/tiny --served-model-name acme/tiny --port ${port} --stay`);
      const licence = await docker(['exec', container, 'cat', '/licenses/model/LICENSE']);
      expect(licence.stdout).toBe(LICENSE);
      expect(shop.fetched().filter((name) => name === FIRST).length).toBeGreaterThan(0);
      expect(shop.hub.requests.map(({ headers }) => headers['user-agent'] ?? '').join(' ')).toContain('hf_hub/');

      await docker(['stop', '--time', '20', container]);
      shop.hub.requests.length = 0;
      await docker(['start', container]);
      expect(await shop.answer(container, port, '/health')).toBe('ok\n');
      await docker(['rm', '--force', container]);
      const offline = await shop.run(options(volume, 'none'), reference);
      expect(offline.code, offline.stderr).toBe(0);
      expect(shop.hub.requests).toEqual([]);
    });

    test('a changed revision is downloaded beside the old one, and only what changed', async () => {
      const before = await shop.image('tiny', 'slim');
      const volume = await shop.volume();
      expect((await shop.run(options(volume), before)).code).toBe(0);
      const files = Object.fromEntries(
        headOf(tiny).files.map((file) => [file.path, { content: file.content, lfs: file.lfs !== null }]),
      );
      const text = '{"changed": true}\n';
      commitFiles(tiny, { ...files, 'generation_config.json': text }, '2026-02-02T02:02:02.000Z');
      const after = await shop.image('tiny', 'slim');
      expect(after).not.toBe(before);
      shop.hub.requests.length = 0;
      const changed = await shop.run(options(volume), after);
      expect(changed.code, changed.stderr).toBe(0);
      expect([...new Set(shop.fetched())]).toEqual(['generation_config.json']);
      expect(await readFile(join(volume, 'tiny/generation_config.json'), 'utf8')).toBe(text);
      expect(await readFile(join(volume, 'tiny/.model-image'), 'utf8')).toContain(`revision=${headOf(tiny).sha}`);
      expect((await readdir(volume)).filter((name) => !name.endsWith('.lock'))).toEqual(['tiny']);
    });

    test('a gated model without a token, or with one that was not granted, explains itself', async () => {
      const reference = await shop.image('gated', 'slim');
      const volume = await shop.volume();
      const without = await shop.run(options(volume), reference);
      expect(without.code).toBe(1);
      expect(without.stderr).toContain('acme/gated is gated or private: accept the conditions at');
      expect(without.stderr).toContain('pass -e HF_TOKEN=');
      const other = await shop.run(options(volume, 'host', '-e', 'HF_TOKEN=hf_other'), reference);
      expect(other.code).toBe(1);
      expect(other.stderr).toContain('the token given has no access to acme/gated');
      expect(other.stderr + other.stdout).not.toContain('hf_other');
      const granted = await shop.run(options(volume, 'host', '-e', 'HUGGING_FACE_HUB_TOKEN=hf_good'), reference);
      expect(granted.code, granted.stderr).toBe(0);
      expect(granted.stdout).toContain('token: unset unset');
    });

    test('a download whose container is killed goes on with the files that are missing', async () => {
      const reference = await shop.image('large', 'slim');
      const volume = await shop.volume();
      const whole = join(volume, '.large.partial', FIRST);
      // The second shard falls silent half way.
      shop.hub.fail({
        fault: { kind: 'stall', bytes: LARGE / 2 },
        server: 'cdn',
        match: new RegExp(SECOND),
        times: 20,
      });
      const container = await shop.start(options(volume), reference);
      await expect.poll(() => sizeOf(whole), { timeout: 60_000, interval: 200 }).toBeGreaterThan(LARGE - 1);
      await expect.poll(() => shop.fetched().includes(SECOND), { timeout: 60_000 }).toBe(true);
      const cache = join(volume, '.large.partial/.cache/huggingface/download');
      await expect.poll(() => largestIn(cache), { timeout: 60_000, interval: 200 }).toBeGreaterThan(1_000_000);
      await docker(['kill', container]);
      shop.hub.clearFaults();
      shop.hub.requests.length = 0;
      const again = await shop.run(options(volume), reference);
      expect(again.code, again.stderr).toBe(0);
      expect(again.stderr).toContain('already here and verified');
      expect(shop.fetched()).not.toContain(FIRST);
      // This client goes on with whole files only; what it left of the other must not stay behind.
      expect((await readdir(volume)).filter((name) => !name.endsWith('.lock'))).toEqual(['large']);
      expect(await readdir(join(volume, 'large'))).not.toContain('.cache');
      const { stdout } = await shop.run(
        ['--network=none', '-v', `${volume}:/models`],
        reference,
        'sha256sum',
        `/models/large/${SECOND}`,
      );
      const large = shop.hub.models.find(({ id }) => id === 'acme/large');
      const listed = large === undefined ? undefined : headOf(large).files.find(({ path }) => path === SECOND);
      expect(stdout.split(' ')[0]).toBe(listed?.lfs?.oid);
    });
  },
);

const sizeOf = (path: string): Promise<number> =>
  stat(path).then(
    ({ size }) => size,
    () => 0,
  );

async function largestIn(folder: string): Promise<number> {
  const names = await readdir(folder).catch(() => []);
  return Math.max(0, ...(await Promise.all(names.map((name) => sizeOf(join(folder, name))))));
}
