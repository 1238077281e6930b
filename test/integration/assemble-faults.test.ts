import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { BuildRequest } from '../../src/build/types.ts';
import { PublisherError } from '../../src/errors.ts';
import type { ImageTarget } from '../../src/registry/types.ts';
import { pull } from '../support/build/pull.ts';
import { openWorkshop, type Workshop } from '../support/build/workshop.ts';
import type { Fault as HubFault } from '../support/hub/faults.ts';
import { type HubStandIn, startHub } from '../support/hub/server.ts';
import { tinyModel } from '../support/hub/tiny.ts';
import {
  type Distribution,
  type Fault,
  findProgram,
  pushBaseImage,
  type RegistryStandIn,
  startDistribution,
  startRegistry,
} from '../support/registry/index.ts';

const MiB = 1024 * 1024;
const SHARD = /\/resolve\/.*model-00002-of-00002\.safetensors/;

let hub: HubStandIn;
let registry: RegistryStandIn;
let workshop: Workshop;
let request: BuildRequest;
/** Of the image as it comes out when nothing goes wrong. */
let undisturbed: string;
let time = 0;

beforeAll(async () => {
  // Shards above what is sent in one piece, so that they stream.
  hub = await startHub({ models: [tinyModel({ id: 'acme/tiny', shardBytes: 6 * MiB })], signedUrlMs: 30_000 });
  registry = await startRegistry({ now: () => Date.now() + time });
  workshop = openWorkshop(hub.url);
  await pushBaseImage(workshop.repository(registry.host, 'base/runtime'), { tag: 'v1' });
  request = await workshop.request({ base: `${registry.host}/base/runtime:v1`, variant: 'fat' });
  undisturbed = (await workshop.build(request, [workshop.repository(registry.host, 'acme/undisturbed')])).digest;
});
afterAll(async () => {
  await hub.close();
  await registry.close();
});
beforeEach(() => {
  hub.clearFaults();
  registry.faults.length = 0;
});

let count = 0;
function fresh() {
  count += 1;
  return workshop.repository(registry.host, `acme/hf-${count}`);
}

/** Nothing is tagged, and whatever manifest there is refers only to what is there. */
function expectNothingTagged({ name }: ImageTarget, { storage }: RegistryStandIn = registry): void {
  const repository = name.slice(name.indexOf('/') + 1);
  const { tags, manifests } = storage.repository(repository);
  expect([...tags.keys()]).toEqual([]);
  for (const { mediaType, bytes } of manifests.values()) {
    expect(storage.problemOf(repository, mediaType, bytes)).toBeNull();
  }
}

async function expectUndisturbed(target: ImageTarget, again: BuildRequest = request): Promise<void> {
  hub.clearFaults();
  registry.faults.length = 0;
  expect((await workshop.build(again, [target])).digest).toBe(undisturbed);
  expect((await pull(target, undisturbed)).platforms).toHaveLength(1);
}

describe('a download', () => {
  const FAULTS: [string, HubFault, string, RegExp][] = [
    [
      'cut short again and again',
      { kind: 'truncate', bytes: 100_000 },
      'download-truncated',
      /model-00002-of-00002\.safetensors/,
    ],
    [
      'cut short, but ended properly',
      { kind: 'truncate', bytes: 100_000, silent: true },
      'download-truncated',
      /model-00002-of-00002\.safetensors/,
    ],
    [
      'with one byte changed',
      { kind: 'corrupt', at: 5 * MiB },
      'download-corrupt',
      /model-00002-of-00002\.safetensors/,
    ],
    [
      'with bytes behind its end',
      { kind: 'append', bytes: 10 },
      'download-corrupt',
      /model-00002-of-00002\.safetensors/,
    ],
    ['answered with 500', { kind: 'status', status: 500 }, 'hub-unavailable', /500/],
    ['answered with 429', { kind: 'rate-limit', seconds: 1 }, 'hub-unavailable', /429|rate/i],
    ['answered with 404', { kind: 'status', status: 404 }, 'hub-', /model-00002-of-00002\.safetensors/],
    ['without an answer', { kind: 'drop' }, 'hub-unavailable', /model-00002-of-00002\.safetensors/],
  ];

  it.each(FAULTS)(
    '%s fails the build, names the cause and leaves no tag; the next build succeeds',
    async (_what, fault, code, message) => {
      const target = fresh();
      hub.fail({ fault, match: SHARD, times: 100 });
      if (['truncate', 'corrupt', 'append'].includes(fault.kind)) {
        hub.fail({ fault, match: /model-00002-of-00002/, server: 'cdn', times: 100 });
      }
      const failure: unknown = await workshop.build(request, [target]).catch((error: unknown) => error);
      if (!(failure instanceof PublisherError)) throw new Error(`not one of ours: ${String(failure)}`);
      expect(failure.code).toContain(code);
      expect(failure.message).toMatch(message);
      expectNothingTagged(target);
      await expectUndisturbed(target);
    },
  );

  it.each([
    ['cut short', { kind: 'truncate', bytes: MiB }],
    ['altered', { kind: 'corrupt', at: 100 }],
  ] as const)('%s once succeeds by itself', async (_what, fault) => {
    const target = fresh();
    hub.fail({ fault, match: /model-00002-of-00002/, server: 'cdn' });
    expect((await workshop.build(request, [target])).digest).toBe(undisturbed);
    await pull(target, undisturbed);
  });

  it('of a licence file with other bytes fails the build', async () => {
    const target = fresh();
    hub.fail({ fault: { kind: 'corrupt', at: 3 }, match: /\/LICENSE$/, times: 100 });
    await expect(workshop.build(request, [target])).rejects.toMatchObject({
      code: 'download-corrupt',
      message: expect.stringContaining('LICENSE'),
    });
    expectNothingTagged(target);
  });
});

describe('a registry', () => {
  const UPLOADS = /\/blobs\/uploads\//;
  const FAULTS: [string, Fault, string][] = [
    ['dying under every upload', { kind: 'die', afterBytes: MiB, path: UPLOADS, times: 100 }, 'registry-unavailable'],
    ['answering uploads with 503', { kind: 'status', status: 503, path: UPLOADS, times: 100 }, 'registry-unavailable'],
    ['denying uploads', { kind: 'status', status: 403, path: UPLOADS, times: 100 }, 'registry-denied'],
    ['losing every session', { kind: 'lose-session', path: UPLOADS, times: 100 }, 'registry-unavailable'],
    [
      'refusing manifests',
      { kind: 'status', status: 500, method: 'PUT', path: /\/manifests\//, times: 100 },
      'registry-unavailable',
    ],
  ];

  it.each(FAULTS)(
    '%s fails the build, is named and has no tag; the next build succeeds',
    async (_what, fault, code) => {
      const target = fresh();
      registry.faults.push(fault);
      await expect(workshop.build(request, [target])).rejects.toMatchObject({
        code,
        message: expect.stringContaining(registry.host),
      });
      expectNothingTagged(target);
      await expectUndisturbed(target);
    },
  );

  it('dying once under a stream, or losing a session once, is no failure', async () => {
    const target = fresh();
    registry.faults.push({ kind: 'die', afterBytes: MiB, method: 'PATCH' });
    registry.faults.push({ kind: 'lose-session', method: 'PUT', path: UPLOADS });
    expect((await workshop.build(request, [target])).digest).toBe(undisturbed);
  });

  it('dying under every stream gets its layers in one piece each', async () => {
    const target = fresh();
    registry.faults.push({ kind: 'die', afterBytes: MiB, method: 'PATCH', times: 100 });
    expect((await workshop.build(request, [target])).digest).toBe(undisturbed);
    await pull(target, undisturbed);
  });

  it('gone for good in mid-upload is named; come back, it gets the same image', async () => {
    const dying = await startRegistry();
    await pushBaseImage(workshop.repository(dying.host, 'base/runtime'), { tag: 'v1' });
    const own = await workshop.request({ base: `${dying.host}/base/runtime:v1`, variant: 'fat' });
    const target = workshop.repository(dying.host, 'acme/hf-tiny');
    let closed: Promise<void> | null = null;
    const work = workshop.build(own, [target], {
      onProgress: ({ bytesDone }) => {
        if (bytesDone > 3 * MiB) closed ??= dying.close();
      },
    });
    await expect(work).rejects.toMatchObject({
      code: 'registry-unavailable',
      message: expect.stringContaining(dying.host),
    });
    await closed;
    expectNothingTagged(target, dying);
    const back = await startRegistry({ storage: dying.storage, port: dying.port });
    await expectUndisturbed(target, own);
    await back.close();
  });

  it('whose tokens end during an upload is asked for new ones', async () => {
    const target = fresh();
    const before = registry.tokens.count;
    // Two seconds are what a token is good for; they pass three times while the shards stream.
    let passed = 0;
    const onProgress = ({ bytesDone }: { bytesDone: number }) => {
      if (bytesDone < (passed + 1) * 4 * MiB - MiB) return;
      passed += 1;
      time += 2_000;
    };
    expect((await workshop.build(request, [target], { onProgress })).digest).toBe(undisturbed);
    expect(passed).toBe(3);
    expect(registry.tokens.count - before).toBeGreaterThan(2);
  });

  it('that lost a layer of the base fails the build', async () => {
    const base = workshop.repository(registry.host, 'base/broken');
    const { manifests } = await pushBaseImage(base, { tag: 'v1', files: { lost: 'a layer of its own' } });
    const own = await workshop.request({ base: `${registry.host}/base/broken:v1`, variant: 'slim' });
    const lost = manifests[0]?.layers[1]?.digest ?? '';
    registry.storage.repository('base/broken').blobs.delete(lost);
    const target = fresh();
    await expect(workshop.build(own, [target])).rejects.toMatchObject({
      code: 'registry-not-found',
      message: expect.stringContaining(lost),
    });
    expectNothingTagged(target);
  });

  it('that sends other bytes for a layer of the base fails the build', async () => {
    const other = await startRegistry();
    await pushBaseImage(workshop.repository(other.host, 'base/runtime'), { tag: 'v1' });
    const own = await workshop.request({ base: `${other.host}/base/runtime:v1`, variant: 'slim' });
    other.faults.push({ kind: 'corrupt', method: 'GET', path: /base\/runtime\/blobs\//, times: 100 });
    const target = fresh();
    await expect(workshop.build(own, [target])).rejects.toMatchObject({ message: expect.stringContaining('sha256:') });
    expectNothingTagged(target);
    await other.close();
  });
});

describe('a cancelled build', () => {
  it('ends at once in mid-stream, as cancelled and without a tag; the next one succeeds', async () => {
    const target = fresh();
    const stop = new AbortController();
    hub.fail({ fault: { kind: 'stall', bytes: 2 * MiB }, match: /model-00002-of-00002/, server: 'cdn' });
    let stoppedAt = 0;
    const onProgress = ({ bytesDone }: { bytesDone: number }) => {
      if (bytesDone < 5 * MiB || stoppedAt > 0) return;
      stoppedAt = performance.now();
      stop.abort(new PublisherError('cancelled', 'Nobody waits for it.'));
    };
    const work = workshop.build(request, [target], { signal: stop.signal, onProgress });
    await expect(work).rejects.toMatchObject({ code: 'cancelled', message: 'Nobody waits for it.' });
    expect(performance.now() - stoppedAt).toBeLessThan(1000);
    expectNothingTagged(target);
    await expectUndisturbed(target);
  });

  it('is cancelled whatever the reason was, and before it began', async () => {
    const target = fresh();
    const signal = AbortSignal.abort(new Error('a foreign reason'));
    await expect(workshop.build(request, [target], { signal })).rejects.toMatchObject({ code: 'cancelled' });
    expectNothingTagged(target);
  });
});

describe.skipIf(findProgram('docker-registry') === null)('a real Distribution registry (needs docker-registry)', () => {
  it('killed in mid-upload is named as the cause', async () => {
    const distribution: Distribution = await startDistribution();
    const target = workshop.repository(distribution.host, 'acme/hf-tiny');
    let killed: Promise<void> | null = null;
    const work = workshop.build(request, [target], {
      onProgress: ({ bytesDone }) => {
        if (bytesDone > 3 * MiB) killed ??= distribution.kill();
      },
    });
    await expect(work).rejects.toMatchObject({
      code: 'registry-unavailable',
      message: expect.stringContaining(distribution.host),
    });
    await killed;
    await distribution.close();
  });

  it('has nothing of a corrupted download, and everything after the next build', async () => {
    const distribution = await startDistribution();
    const target = workshop.repository(distribution.host, 'acme/hf-tiny');
    hub.fail({ fault: { kind: 'corrupt', at: 5 * MiB }, match: /model-00002-of-00002/, server: 'cdn', times: 100 });
    await expect(workshop.build(request, [target])).rejects.toMatchObject({ code: 'download-corrupt' });
    expect(await target.tags()).toEqual([]);
    await expectUndisturbed(target);
    await distribution.close();
  });
});
