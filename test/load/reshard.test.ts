import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createReadStream } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, statfs, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { parseManifestContent } from '../../src/registry/schema.ts';
import { openWorkshop } from '../support/build/workshop.ts';
import { seeded, sha256Of } from '../support/hub/content.ts';
import { type HubStandIn, startHub } from '../support/hub/server.ts';
import { tinyModel } from '../support/hub/tiny.ts';
import { type Distribution, findProgram, pushBaseImage, startDistribution } from '../support/registry/index.ts';
import { bytesOfTensor, type FileSpec, safetensorsFile, type TensorSpec } from '../support/safetensors/make.ts';
import { readSafetensors } from '../support/safetensors/read.ts';

const GB = 1e9;
const MiB = 1024 * 1024;
/** 12 GB in tensors of 128 MiB, and some small ones of other types. */
const TENSORS: TensorSpec[] = [
  { name: 'ids', dtype: 'I64', shape: [1000] },
  ...Array.from({ length: 90 }, (_, at) => ({ name: `layers.${at}.weight`, dtype: 'F32', shape: [32, 1024, 1024] })),
  { name: 'half', dtype: 'F16', shape: [3, 7] },
  { name: 'mask', dtype: 'U8', shape: [13] },
];
const FILE: FileSpec = { seed: 'load', tensors: TENSORS };

const PYTHON = process.env.PYTHON ?? 'python3';
const hasPython = spawnSync(PYTHON, ['-c', 'import safetensors, numpy']).status === 0;
const READER = `
import hashlib, json, sys
from safetensors import safe_open
found = {}
for path in sys.argv[1:]:
    with safe_open(path, framework="numpy") as shard:
        for name in shard.keys():
            tensor = shard.get_tensor(name)
            found[name] = [str(tensor.dtype), list(tensor.shape), hashlib.sha256(tensor).hexdigest(), path.split("/")[-1]]
print(json.dumps(found))`;
const NUMPY: Record<string, string> = { F32: 'float32', F16: 'float16', I64: 'int64', U8: 'uint8' };

const disk = await statfs(tmpdir());
const lacking = [
  ...['docker-registry', 'tar'].filter((name) => findProgram(name) === null),
  ...(process.env.RESHARD === undefined ? ['RESHARD=1, since it moves 36 GB'] : []),
  ...(disk.bavail * disk.bsize < 40 * GB ? ['40 GB of disk'] : []),
].join(', ');

describe.skipIf(lacking !== '')(
  `a safetensors file of 12 GB (needs ${lacking || 'docker-registry, tar, 40 GB of disk'})`,
  () => {
    let hub: HubStandIn;
    let folder: string;
    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), 'publisher-reshard-'));
      const { content } = safetensorsFile(FILE);
      expect(content.size).toBeGreaterThan(12 * GB);
      const files = {
        'model.safetensors': content,
        'model.safetensors.index.json': null,
        'pytorch_model.bin': null,
        'original/consolidated.00.pth': null,
        'original/params.json': null,
      };
      hub = await startHub({ models: [tinyModel({ id: 'acme/tiny', shards: 0, files })], signedUrlMs: 600_000 });
    }, 3_600_000);
    afterAll(async () => {
      await hub.close();
      await rm(folder, { recursive: true, force: true });
    });

    it('becomes shards of at most 10 GB that load tensor for tensor, in no more memory than one layer of it takes', async () => {
      const expected = new Map(
        TENSORS.map((tensor) => {
          const sha256 = sha256Of(seeded(`load:${tensor.name}`, bytesOfTensor(tensor)));
          return [tensor.name, { dtype: tensor.dtype, shape: tensor.shape, sha256 }];
        }),
      );
      const whole = await withRegistry((registry) => build(registry, 'whole', '20GB'));
      const { built, tensors, shards, byPython } = await withRegistry(async (registry) => {
        const done = await build(registry, 'split', '10GB');
        const extracted = await extract(registry, done.digest);
        return { built: done, ...(await read(extracted)), byPython: hasPython ? python(extracted) : null };
      });
      expect(shards).toEqual(['model-00001-of-00002.safetensors', 'model-00002-of-00002.safetensors']);
      expect(new Map([...tensors].sort())).toEqual(new Map([...expected].sort()));
      if (byPython !== null) {
        expect([...byPython.keys()].sort()).toEqual([...expected.keys()].sort());
        for (const [name, { dtype, shape, sha256 }] of expected) {
          expect([name, byPython.get(name)?.slice(0, 3)]).toEqual([name, [NUMPY[dtype], shape, sha256]]);
        }
      }
      const index = JSON.parse(
        await readFile(join(folder, 'split-files', 'models/tiny/model.safetensors.index.json'), 'utf8'),
      );
      expect(Object.keys(index.weight_map).sort()).toEqual([...expected.keys()].sort());
      const told = `peak RSS: one layer ${whole.peakMiB} MiB in ${whole.seconds} s, two shards ${built.peakMiB} MiB in ${built.seconds} s; read back by ${hasPython ? 'the Python package safetensors' : 'our checked reader only: no Python with safetensors and numpy'}`;
      process.stdout.write(`${told}\n`);
      expect(built.peakMiB).toBeLessThan(whole.peakMiB * 1.25 + 32);
    });

    async function withRegistry<T>(use: (registry: Distribution) => Promise<T>): Promise<T> {
      const registry = await startDistribution();
      try {
        return await use(registry);
      } finally {
        await registry.close();
      }
    }

    /** The command line as a process of its own, whose peak of memory the kernel keeps. */
    async function build({ host }: Distribution, name: string, limit: string) {
      await pushBaseImage(openWorkshop(hub.url).repository(host, 'base/runtime'), {
        tag: 'v1',
        platforms: ['linux/amd64'],
      });
      const catalog = join(folder, `${name}.yaml`);
      const defaults = {
        base_image: `${host}/base/runtime:v1`,
        registries: { local: `${host}/acme` },
        publish: { local: true },
        limits: { layer_max_bytes: limit },
      };
      await writeFile(catalog, JSON.stringify({ defaults, models: [{ id: 'acme/tiny', short: 'tiny' }] }));
      const main = new URL('../../src/cli/main.ts', import.meta.url).pathname;
      const startedAt = Date.now();
      const child = spawn(
        process.execPath,
        [main, 'build', 'tiny', '--variant', 'fat', '--json', '--catalog', catalog],
        {
          env: { PATH: process.env.PATH, HOME: folder, HF_ENDPOINT: hub.url, DATA_DIR: join(folder, name) },
          stdio: ['ignore', 'pipe', 'ignore'],
        },
      );
      let peak = 0;
      const watch = setInterval(async () => {
        const status = await readFile(`/proc/${child.pid}/status`, 'utf8').catch(() => '');
        peak = Math.max(peak, Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? 0));
      }, 50);
      let out = '';
      child.stdout.on('data', (chunk) => {
        out += String(chunk);
      });
      const [code] = await once(child, 'close');
      clearInterval(watch);
      expect([code, out]).toEqual([0, expect.any(String)]);
      const images = z.object({ images: z.array(z.object({ digest: z.string() })) }).parse(JSON.parse(out)).images;
      return {
        digest: images[0]?.digest ?? '',
        peakMiB: Math.round(peak / 1024),
        seconds: Math.round((Date.now() - startedAt) / 1000),
      };
    }

    /** Unpacks the layers of the model with the system's tar; gives the paths of its safetensors files. */
    async function extract({ host }: Distribution, digest: string): Promise<string[]> {
      const repository = openWorkshop(hub.url).repository(host, 'acme/hf-tiny');
      const index = parseManifestContent(await repository.manifest(digest));
      const image = index.kind === 'index' ? index.index.manifests[0]?.digest : undefined;
      const content = parseManifestContent(await repository.manifest(image ?? ''));
      const into = join(folder, 'split-files');
      await mkdir(into);
      for (const layer of content.kind === 'manifest' ? content.manifest.layers : []) {
        if (layer.mediaType.endsWith('gzip')) continue;
        expect(layer.size).toBeLessThanOrEqual(10 * GB);
        const tar = spawn('tar', ['-x', '-C', into], { stdio: ['pipe', 'ignore', 'inherit'] });
        const ended = once(tar, 'close');
        await pipeline(Readable.from(repository.blob(layer)), tar.stdin);
        expect((await ended)[0]).toBe(0);
      }
      const names = await readdir(join(into, 'models/tiny'));
      return names
        .filter((name) => name.endsWith('.safetensors'))
        .sort()
        .map((name) => join(into, 'models/tiny', name));
    }

    async function read(paths: string[]) {
      const tensors = new Map<string, { dtype: string; shape: number[]; sha256: string }>();
      for (const path of paths) {
        const shard = await readSafetensors(createReadStream(path, { highWaterMark: MiB }));
        for (const [name, tensor] of shard.tensors) tensors.set(name, tensor);
      }
      return { tensors, shards: paths.map((path) => path.slice(path.lastIndexOf('/') + 1)) };
    }

    function python(paths: string[]) {
      const { stdout, stderr } = spawnSync(PYTHON, ['-c', READER, ...paths], { encoding: 'utf8', maxBuffer: 64 * MiB });
      expect(stderr).toBe('');
      return new Map(Object.entries(z.record(z.string(), z.array(z.unknown())).parse(JSON.parse(stdout))));
    }
  },
);
