import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { BuildRequest } from '../../src/build/types.ts';
import { PublisherError } from '../../src/errors.ts';
import type { ImageTarget } from '../../src/registry/types.ts';
import { LayersInMemory } from '../support/build/layers-in-memory.ts';
import { pull } from '../support/build/pull.ts';
import { openWorkshop, type Workshop } from '../support/build/workshop.ts';
import type { Fault as HubFault } from '../support/hub/faults.ts';
import { type HubStandIn, startHub } from '../support/hub/server.ts';
import { tinyModel } from '../support/hub/tiny.ts';
import { type Fault, pushBaseImage, type RegistryStandIn, startRegistry } from '../support/registry/index.ts';

const MiB = 1024 * 1024;
/** Disturbed builds of each kind; FAULTS=1000 is for a long evening. */
const COUNT = Number(process.env.FAULTS ?? 50);
const SHARDS = 2;
const SHARD_BYTES = 5 * MiB;
const STALL_MS = 250;
const UPLOADS = /\/blobs\/uploads\//;

let hub: HubStandIn;
let registry: RegistryStandIn;
/** One more, that nothing goes wrong in. */
let sound: RegistryStandIn;
let workshop: Workshop;
let request: BuildRequest;
/** Of the image as it comes out when nothing goes wrong. */
let undisturbed: string;
/** A file → its bytes. */
let files: { path: string; size: number }[];

beforeAll(async () => {
  hub = await startHub({ models: [tinyModel({ id: 'acme/tiny', shards: SHARDS, shardBytes: SHARD_BYTES })] });
  registry = await startRegistry();
  sound = await startRegistry();
  workshop = openWorkshop(hub.url, { stallMs: STALL_MS });
  await pushBaseImage(workshop.repository(registry.host, 'base/runtime'), { tag: 'v1' });
  request = await workshop.request({ base: `${registry.host}/base/runtime:v1`, variant: 'fat' });
  files = request.files.filter(({ size }) => size > 0).map(({ path, size }) => ({ path, size }));
  undisturbed = (await workshop.build(request, [workshop.repository(registry.host, 'acme/undisturbed')])).digest;
});
afterAll(() => Promise.all([hub.close(), registry.close(), sound.close()]));
beforeEach(calm);

function calm(): void {
  hub.clearFaults();
  registry.faults.length = 0;
}

let repositories = 0;
function fresh(from = registry): ImageTarget {
  repositories += 1;
  return workshop.repository(from.host, `acme/hf-${repositories}`);
}

const below = (end: number) => Math.floor(Math.random() * end);
const oneOf = <T>(choices: readonly [T, ...T[]]): T => choices[below(choices.length)] ?? choices[0];

/** Builds until it comes to an end, as whoever asked for it would; an attempt that fails leaves nothing to be mistaken for an image. */
async function buildAtLast(targets: [ImageTarget, ...ImageTarget[]], told: string, attempts = 5): Promise<number> {
  const memory = new LayersInMemory();
  for (let attempt = 1; ; attempt += 1) {
    try {
      const { digest } = await workshop.build(request, targets, { memory });
      expect(digest, told).toBe(undisturbed);
      return attempt;
    } catch (error) {
      if (!(error instanceof PublisherError) || attempt === attempts) throw new Error(told, { cause: error });
      expect(error.retryable, `${told}: ${error.message}`).toBe(true);
      for (const target of targets) expectNoWrongImage(target);
    }
  }
}

/** Nothing is tagged, and whatever manifest there is refers only to what is there. */
function expectNoWrongImage({ name }: ImageTarget): void {
  const [host, repository] = [name.slice(0, name.indexOf('/')), name.slice(name.indexOf('/') + 1)];
  const { storage } = host === registry.host ? registry : sound;
  const { tags, manifests } = storage.repository(repository);
  expect([...tags.keys()]).toEqual([]);
  for (const { mediaType, bytes } of manifests.values()) {
    expect(storage.problemOf(repository, mediaType, bytes)).toBeNull();
  }
}

test(`${COUNT} downloads cut, silenced or dropped anywhere give the undisturbed image`, async () => {
  for (let run = 0; run < COUNT; run += 1) {
    calm();
    const disturbed = files[below(files.length)];
    if (disturbed === undefined) throw new Error('no files');
    const bytes = below(disturbed.size);
    const cuts = 1 + below(3);
    const fault = oneOf<HubFault>([
      { kind: 'truncate', bytes },
      { kind: 'truncate', bytes, silent: true },
      { kind: 'stall', bytes },
      { kind: 'drop' },
    ]);
    const match = new RegExp(RegExp.escape(disturbed.path));
    hub.fail({ fault, match, times: cuts });
    const before = hub.requests.length;
    const target = fresh();
    const told = `${cuts} × ${JSON.stringify(fault)} of ${disturbed.path}`;
    await buildAtLast([target], told);
    await pull(target, undisturbed);
    // Undisturbed it takes two: to the Hub, and where that leads to.
    expect(hub.requests.slice(before).filter(({ path }) => match.test(path)).length, told).toBeGreaterThan(2);
  }
});

test(`${COUNT} uploads cut or forgotten anywhere give the undisturbed image, in one registry and beside a sound one`, async () => {
  for (let run = 0; run < COUNT; run += 1) {
    calm();
    const afterBytes = below(SHARD_BYTES);
    const fault: Fault = {
      ...oneOf<Fault>([
        { kind: 'die', afterBytes },
        { kind: 'die', afterBytes, method: 'PATCH' },
        { kind: 'die', afterBytes: 0, method: 'PUT' },
        { kind: 'lose-session' },
        { kind: 'lose-session', afterBytes },
        { kind: 'expire-in-body', afterBytes },
      ]),
      path: UPLOADS,
      times: 1 + below(4),
    };
    registry.faults.push(fault);
    const targets: [ImageTarget, ...ImageTarget[]] = run % 2 === 0 ? [fresh()] : [fresh(), fresh(sound)];
    await buildAtLast(targets, JSON.stringify(fault));
    expect(registry.faults, 'what is left of the faults').not.toEqual([fault]);
    for (const target of targets) await pull(target, undisturbed);
  }
});

test('5xx and 429 at random, from Hub and registry alike, never give another image', async () => {
  let attempts = 0;
  for (let run = 0; run < COUNT; run += 1) {
    calm();
    for (const status of [500, 502, 503]) {
      hub.fail({ fault: { kind: 'status', status }, chance: 0.05, times: 1e6 });
      hub.fail({ fault: { kind: 'status', status }, server: 'cdn', chance: 0.05, times: 1e6 });
      registry.faults.push({ kind: 'status', status, chance: 0.05, times: 1e6 });
    }
    hub.fail({ fault: { kind: 'rate-limit', seconds: 0 }, chance: 0.05, times: 1e6 });
    registry.faults.push({ kind: 'status', status: 429, retryAfter: '0', chance: 0.05, times: 1e6 });
    const target = fresh();
    attempts += await buildAtLast([target], '5xx and 429', 50);
    calm();
    await pull(target, undisturbed);
  }
  process.stdout.write(`${COUNT} builds among 5xx and 429: ${attempts} attempts\n`);
});

test('other bytes of the right length fail each time, naming the file', async () => {
  for (let run = 0; run < COUNT; run += 1) {
    calm();
    const altered = files[run % files.length];
    if (altered === undefined) throw new Error('no files');
    const at = below(altered.size);
    hub.fail({ fault: { kind: 'corrupt', at }, match: new RegExp(RegExp.escape(altered.path)), times: 1e6 });
    const target = fresh();
    const told = `${altered.path}, byte ${at}`;
    await expect(workshop.build(request, [target]), told).rejects.toMatchObject({
      code: 'download-corrupt',
      message: expect.stringContaining(altered.path),
    });
    expectNoWrongImage(target);
  }
});

test('addresses and tokens of two seconds are renewed as often as a long build needs', async () => {
  const slow = openWorkshop(hub.url, { stallMs: 2_300 });
  const shard = /model-00002-of-00002/;
  // Silent for longer than an address or a token is good for, three times in the same file.
  for (const bytes of [MiB, MiB + 7, MiB + 11]) {
    hub.fail({ fault: { kind: 'stall', bytes }, match: shard, server: 'cdn' });
  }
  const before = { requests: hub.requests.length, tokens: registry.tokens.count };
  const startedAt = performance.now();
  const target = fresh();
  expect((await slow.build(request, [target])).digest).toBe(undisturbed);
  expect(performance.now() - startedAt).toBeGreaterThan(6_500);
  const asked = hub.requests.slice(before.requests).filter(({ path }) => shard.test(path));
  const addresses = new Set(asked.filter(({ server }) => server === 'cdn').map(({ path }) => path));
  expect(addresses.size).toBe(4);
  expect(asked.filter(({ server }) => server === 'hub')).toHaveLength(4);
  expect(registry.tokens.count - before.tokens).toBeGreaterThan(1);
  await pull(target, undisturbed);
});
