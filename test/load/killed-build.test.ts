import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { pull } from '../support/build/pull.ts';
import { startCli } from '../support/cli/cli.ts';
import { type Stage, startStage } from '../support/cli/stage.ts';
import { tinyModel } from '../support/hub/tiny.ts';

const MiB = 1024 * 1024;
/** How often; KILLS=100 is for a long evening. */
const KILLS = Number(process.env.KILLS ?? 10);
/** Each request of an upload takes this long, so that there is something to interrupt. Milliseconds. */
const SLOW_MS = 80;
const SHARDS = 5;
const SHARD_BYTES = 5 * MiB;
const UPLOADS = /\/uploads\//;
const TAG = 'built';
const answer = z.object({
  images: z.array(z.object({ digest: z.string(), bytes: z.object({ uploaded: z.number(), reused: z.number() }) })),
});

/** The same model, base and nothing else: another Hub, registry and folder each time. */
function stage(): Promise<Stage> {
  return startStage([tinyModel({ id: 'acme/tiny', shards: SHARDS, shardBytes: SHARD_BYTES })]);
}

async function start({ catalog, registry, variables }: Stage) {
  const path = await catalog('models', '  - {id: acme/tiny, short: tiny}');
  registry.faults.length = 0;
  registry.faults.push({ kind: 'slow', ms: SLOW_MS, path: UPLOADS, times: 1e6 });
  const argv = ['build', 'tiny', '--variant', 'fat', '--tag', TAG, '--json', '--catalog', path];
  return startCli(argv, variables);
}

async function finish(at: Stage) {
  const { code, json, stderr } = await (await start(at)).ended;
  expect(code, stderr).toBe(0);
  const [image] = answer.parse(json()).images;
  if (image === undefined) throw new Error('no image');
  return image;
}

test(`killed at ${KILLS} moments and started again, a build uploads no layer twice and gives the undisturbed image`, async () => {
  const calm = await stage();
  const startedAt = performance.now();
  const undisturbed = await finish(calm);
  const span = performance.now() - startedAt;
  await calm.close();

  const reused: number[] = [];
  for (let kill = 0; kill < KILLS; kill += 1) {
    const here = await stage();
    // Nothing is uploaded in the first third, while it starts and plans.
    const moment = (1 / 3 + (2 / 3) * ((kill + Math.random()) / KILLS)) * span;
    const told = `killed after ${moment.toFixed(0)} of ${span.toFixed(0)} ms`;
    const running = await start(here);
    await delay(moment);
    running.kill('SIGKILL');
    const { code } = await running.ended;

    const { storage, requests } = here.registry;
    const { tags, manifests, blobs } = storage.repository('acme/hf-tiny');
    for (const { mediaType, bytes } of manifests.values()) {
      expect(storage.problemOf('acme/hf-tiny', mediaType, bytes), told).toBeNull();
    }
    expect(
      [...tags.values()].every((digest) => digest === undisturbed.digest),
      told,
    ).toBe(true);
    if (code === 0) expect(tags.has(TAG)).toBe(true);
    const there = new Set(blobs);
    const before = requests.length;

    const image = await finish(here);
    expect(image.digest, told).toBe(undisturbed.digest);
    await pull(here.repository('acme/hf-tiny'), TAG);
    expect(tags.get(TAG), told).toBe(undisturbed.digest);
    const again = requests
      .slice(before)
      .filter(({ method, path }) => method === 'PUT' && UPLOADS.test(path))
      .map(({ query }) => new URLSearchParams(query).get('digest') ?? '');
    expect(
      again.filter((digest) => there.has(digest)),
      told,
    ).toEqual([]);
    reused.push(Math.round(image.bytes.reused / MiB));
    await here.close();
  }
  process.stdout.write(`reused after the kills, MiB of ${(SHARDS * SHARD_BYTES) / MiB}: ${reused.join(', ')}\n`);
});
