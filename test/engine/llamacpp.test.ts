import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { docker, engineMissing, pushBase } from '../support/engine/engine.ts';
import { freePort, Shop } from '../support/engine/shop.ts';
import { seeded } from '../support/hub/content.ts';
import { commitFiles, headOf, makeModel } from '../support/hub/model.ts';
import { findProgram } from '../support/registry/index.ts';

const missing = engineMissing() ?? (findProgram('docker-registry') === null ? 'no docker-registry' : null);
const PART = 12_000_000;
const FIRST = 'tiny-Q4_K_M-00001-of-00002.gguf';
const SECOND = 'tiny-Q4_K_M-00002-of-00002.gguf';

describe.skipIf(missing !== null)(
  `llama.cpp on a base without Python${missing === null ? '' : ` (skipped: ${missing})`}`,
  () => {
    const model = makeModel({
      id: 'acme/tiny-gguf',
      cardData: { license: 'apache-2.0' },
      files: {
        LICENSE: 'Terms.\n',
        'README.md': '---\nlicense: apache-2.0\n---\n',
        [FIRST]: seeded('one', PART),
        [SECOND]: seeded('two', PART),
        'tiny-Q8_0.gguf': seeded('other', 1000),
        'mmproj-tiny-f16.gguf': seeded('projector', 1000),
      },
    });
    let shop: Shop;
    let port: number;

    beforeAll(async () => {
      port = await freePort();
      shop = await Shop.open({
        models: [model],
        catalog: (registry) => ({
          runtimes: { cpu: { engine: 'llamacpp', image: `${registry}/llama:v1`, smoke: ['--version'] } },
          models: [{ id: 'acme/tiny-gguf', short: 'gguf', runtimes: ['cpu'], serve_args: ['--port', `${port}`] }],
        }),
      });
      await pushBase(`${shop.registry.host}/llama:v1`, { engine: 'llama-server' });
    });
    afterAll(() => shop?.close());

    const options = (volume: string, network = 'host') => [
      `--network=${network}`,
      '-e',
      `HF_ENDPOINT=${shop.hub.url}`,
      '-e',
      'MODEL_IMAGE_LOCK_STALE=3',
      '-v',
      `${volume}:/models`,
    ];
    const started = (port: number) =>
      `engine: --model /models/gguf/${FIRST} --mmproj /models/gguf/mmproj-tiny-f16.gguf --alias acme/tiny-gguf --port ${port}`;

    test('slim downloads one quantisation, all its parts and the projector with wget, and answers', async () => {
      const reference = await shop.image('gguf', 'slim');
      const volume = await shop.volume();
      const container = await shop.start(options(volume), reference, '--stay');
      expect(await shop.answer(container, port, '/health')).toBe('ok\n');
      const { stdout, stderr } = await docker(['logs', container]);
      expect(stdout).toContain(`${started(port)} --stay`);
      expect(stderr).toContain('with wget');
      await docker(['rm', '--force', container]);
      expect((await readdir(join(volume, 'gguf'))).filter((name) => name.endsWith('.gguf')).sort()).toEqual([
        'mmproj-tiny-f16.gguf',
        FIRST,
        SECOND,
      ]);
      shop.hub.requests.length = 0;
      const again = await shop.run(options(volume, 'none'), reference);
      expect(again.stdout, again.stderr).toContain(started(port));
      expect(shop.hub.requests).toEqual([]);
    });

    test('a killed download goes on with what is complete, from the commit of the image although the branch has moved', async () => {
      const reference = await shop.image('gguf', 'slim');
      const volume = await shop.volume();
      shop.hub.fail({ fault: { kind: 'stall', bytes: PART / 2 }, server: 'cdn', match: new RegExp(SECOND), times: 20 });
      const container = await shop.start(options(volume), reference);
      const half = join(volume, '.gguf.partial', SECOND);
      await expect.poll(() => sizeOf(half), { timeout: 60_000, interval: 200 }).toBeGreaterThan(1_000_000);
      await docker(['kill', container]);
      const { sha, files } = headOf(model);
      const same = Object.fromEntries(files.map(({ path, content }) => [path, content]));
      commitFiles(model, { ...same, [SECOND]: seeded('newer', PART) }, '2026-02-02T02:02:02.000Z');
      shop.hub.clearFaults();
      shop.hub.requests.length = 0;
      const again = await shop.run(options(volume), reference);
      expect(again.code, again.stderr).toBe(0);
      expect(again.stderr).toContain('already here and verified');
      expect(shop.fetched()).not.toContain(FIRST);
      const asked = shop.hub.requests.filter(({ server }) => server === 'hub').map(({ path }) => path);
      expect(asked).toEqual([`/acme/tiny-gguf/resolve/${sha}/${SECOND}`]);
    });

    test.each([
      ['without a volume', []],
      ['into a new volume', [`--volume=publisher-test-${process.pid}:/models`]],
    ])('slim downloads as any user, %s', async (_, volume) => {
      const reference = await shop.image('gguf', 'slim');
      try {
        const started = await shop.run(
          ['--network=host', '--user=4711:4711', `--env=HF_ENDPOINT=${shop.hub.url}`, ...volume],
          reference,
        );
        expect(started.code, started.stderr).toBe(0);
      } finally {
        await docker(['volume', 'rm', '--force', `publisher-test-${process.pid}`]);
      }
    });

    test('fat starts without network, volume, token, root or a writable root, and answers', async () => {
      const reference = await shop.image('gguf', 'fat');
      const bare = ['--network=none', '--read-only', '--tmpfs=/tmp', '--user=4711:4711'];
      const container = await shop.start(bare, reference, '--stay');
      expect(await shop.answer(container, port, '/health')).toBe('ok\n');
      expect((await docker(['logs', container])).stdout).toContain(`${started(port)} --stay`);
      const licences = await docker(['exec', container, 'ls', '/licenses', '/licenses/model']);
      expect(licences.stdout).toContain('CC0');
      expect(licences.stdout).toContain('LICENSE');
    });
  },
);

const sizeOf = (path: string): Promise<number> =>
  stat(path).then(
    ({ size }) => size,
    () => 0,
  );
