import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Variant } from '../../src/catalog/types.ts';
import { LABEL_PREFIX } from '../../src/image/labels.ts';
import { type PulledPlatform, pull } from '../support/build/pull.ts';
import { openWorkshop, type Workshop } from '../support/build/workshop.ts';
import { engineMissing } from '../support/engine/engine.ts';
import { pushPlainBase } from '../support/engine/plain-base.ts';
import type { Fault } from '../support/hub/faults.ts';
import { type HubStandIn, startHub } from '../support/hub/server.ts';
import { tinyModel } from '../support/hub/tiny.ts';
import { type Distribution, findProgram, startDistribution } from '../support/registry/index.ts';

const missing = engineMissing() ?? (findProgram('docker-registry') === null ? 'no docker-registry' : null);

/** Names that a Dockerfile would read as something else, or not at all; weights, so that each is a candidate for `ADD`. */
const ODD_NAMES = [
  'with blank.safetensors',
  "it's.bin",
  'costs $HOME.bin',
  'quo"ted.bin',
  'ünï/コード 模型.bin',
  '-dash/--link.bin',
  '[a]*?#{x}.bin',
  '<<EOF.bin',
  'percent%20.bin',
];

const PLATFORMS = ['linux/amd64', 'linux/arm64'];

const MODEL = `files: {include: ["**"]}, serve_args: ["--a $HOME", "q\\"uo'te", "back\\\\"], oci: {title: "A \\"title\\" for $5, all", description: "x=y,z"}`;

describe.skipIf(missing !== null)(
  `both builders make the same image${missing === null ? '' : ` (skipped: ${missing})`}`,
  () => {
    let hub: HubStandIn;
    let registry: Distribution;
    let workshop: Workshop;

    beforeAll(async () => {
      const files = Object.fromEntries(
        ODD_NAMES.map((name) => [name, { content: `weights called ${name}\n`, lfs: true }] as const),
      );
      hub = await startHub({
        models: [
          tinyModel({
            id: 'acme/tiny',
            shardBytes: 300_000,
            licenseText: 'Terms.\n',
            files: { ...files, 'nested/deeper/extra.bin': { content: 'deep\n', lfs: true }, NOTICE: 'A notice.\n' },
          }),
          // No builder has these in its cache.
          tinyModel({ id: 'acme/download-corrupt', seed: `corrupt ${Date.now()}` }),
          tinyModel({ id: 'acme/hub-unavailable', seed: `unavailable ${Date.now()}` }),
        ],
        signedUrlMs: 60_000,
      });
      registry = await startDistribution();
      workshop = openWorkshop(hub.url);
      await pushPlainBase(`${registry.host}/base:v1`, PLATFORMS);
      await pushPlainBase(`${registry.host}/tall:v1`, PLATFORMS, 110);
    });

    afterAll(async () => {
      await registry?.close();
      await hub?.close();
    });

    interface Wish {
      variant: Variant;
      base?: string;
      defaults?: string;
    }

    async function make(builder: 'assemble' | 'buildkit', { variant, base = 'base', defaults = '' }: Wish) {
      const request = await workshop.request({
        base: `${registry.host}/${base}:v1`,
        variant,
        builder,
        defaults: `platforms: [${PLATFORMS.join(', ')}], ${defaults}`,
        model: MODEL,
      });
      const target = workshop.repository(registry.host, `${builder}-${variant}`);
      const built = await workshop.build(request, [target]);
      return { request, built, image: await pull(target, built.digest) };
    }

    test.each<[string, Wish]>([
      ['slim', { variant: 'slim' }],
      ['fat', { variant: 'fat' }],
      [
        'slim, in folders of the base',
        { variant: 'slim', defaults: 'download_root: "/opt/deep/models", hf_cache_dir: "/hf"' },
      ],
      ['fat, in folders of the base', { variant: 'fat', defaults: 'download_root: "/opt/deep/models"' }],
      ['fat, with several files in a layer', { variant: 'fat', base: 'tall' }],
    ])('%s', async (_, wish) => {
      const { image: assembled } = await make('assemble', wish);
      const { image: buildkit } = await make('buildkit', wish);
      expect(buildkit.platforms.map(({ platform }) => platform)).toEqual(PLATFORMS);
      for (const [at, platform] of assembled.platforms.entries()) {
        const other = buildkit.platforms[at];
        if (other === undefined) throw new Error(`BuildKit made nothing for ${platform.platform}`);
        expect(filesOf(other)).toEqual(filesOf(platform));
        expect(configOf(other)).toEqual(configOf(platform));
        expect(withoutKey(other.annotations)).toEqual(withoutKey(platform.annotations));
        expect(other.layers.length).toBeLessThanOrEqual(125);
      }
      expect(withoutKey(buildkit.annotations)).toEqual(withoutKey(assembled.annotations));
    });

    test('the same inputs give the same digest, in every target, and nothing moves twice', async () => {
      const { request, built } = await make('buildkit', { variant: 'fat' });
      const places = ['buildkit-fat', 'second', 'third'].map((name) => workshop.repository(registry.host, name));
      const [first, second, third] = places;
      if (first === undefined || second === undefined || third === undefined) throw new Error('three places');
      const again = await workshop.build(request, [first, second, third]);
      expect(again.digest).toBe(built.digest);
      expect(again.references).toEqual(places.map(({ name }) => `${name}@${built.digest}`));
      expect((await pull(third, built.digest)).digest).toBe(built.digest);
      const once = await workshop.build(request, [first]);
      expect(once.bytes).toMatchObject({ uploaded: 0, weights: built.bytes.weights });
      expect(await first.tags()).toEqual([]);
    });

    test.each<[string, Fault]>([
      ['download-corrupt', { kind: 'corrupt', at: 70 }],
      // BuildKit holds an error page against the sha256, too, rather than looking at the status.
      ['download-corrupt', { kind: 'status', status: 503 }],
      ['hub-unavailable', { kind: 'drop' }],
    ])(
      '%s when the builder does not get the weights the Hub lists (%j); nothing is visible then',
      async (code, fault) => {
        const request = await workshop.request({
          base: `${registry.host}/base:v1`,
          variant: 'fat',
          builder: 'buildkit',
          id: `acme/${code}`,
        });
        const target = workshop.repository(registry.host, code);
        hub.fail({ fault, match: /model-00001-of-00002/, times: 1_000 });
        try {
          await expect(workshop.build(request, [target])).rejects.toMatchObject({ code, retryable: true });
        } finally {
          hub.clearFaults();
        }
        expect(await target.tags()).toEqual([]);
      },
    );
  },
);

/** As a container sees them: folders that no layer lists are made by whoever unpacks, for root and with mode 0755. */
function filesOf({ files }: PulledPlatform) {
  const seen: Record<string, object> = {};
  for (const path of files.keys()) {
    const parts = path.split('/').filter((part) => part !== '');
    for (let depth = 1; depth < parts.length; depth += 1) {
      seen[parts.slice(0, depth).join('/')] = { type: 'directory', mode: 0o755, uid: 0, gid: 0, content: '' };
    }
  }
  for (const [path, { type, mode, content, uid, gid }] of files) {
    seen[path.replace(/\/$/, '')] = { type, mode, uid, gid, content: content.toString('base64') };
  }
  return seen;
}

/** What containers are started with. */
function configOf({ config: { architecture, os, created, config = {} } }: PulledPlatform) {
  const { Env, Entrypoint, Cmd, Labels, User, WorkingDir, ExposedPorts, Volumes, StopSignal } = config ?? {};
  return {
    architecture,
    os,
    created,
    Env,
    Entrypoint,
    User,
    WorkingDir,
    ExposedPorts,
    Volumes,
    StopSignal,
    Cmd: Cmd ?? [],
    Labels: withoutKey(Labels ?? {}),
  };
}

/** The inputs name the builder, so their key differs. */
function withoutKey({ [`${LABEL_PREFIX}.inputs`]: key, ...others }: Record<string, string>) {
  expect(key).toMatch(/^[0-9a-f]{64}$/);
  return others;
}
