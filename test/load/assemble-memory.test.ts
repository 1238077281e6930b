import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openWorkshop } from '../support/build/workshop.ts';
import { type HubStandIn, startHub } from '../support/hub/server.ts';
import { safetensors, tinyModel } from '../support/hub/tiny.ts';
import { type Distribution, findProgram, pushBaseImage, startDistribution } from '../support/registry/index.ts';

const MiB = 1024 * 1024;
const SHARD = 256 * MiB;

describe.skipIf(findProgram('docker-registry') === null)('a large shard (needs docker-registry)', () => {
  let hub: HubStandIn;
  let distribution: Distribution;
  beforeAll(async () => {
    const large = { 'model.safetensors': safetensors('large', 'weight', SHARD), 'model.safetensors.index.json': null };
    hub = await startHub({ models: [tinyModel({ id: 'acme/tiny', shards: 0, files: large })], signedUrlMs: 60_000 });
    distribution = await startDistribution();
  });
  afterAll(async () => {
    await hub.close();
    await distribution.close();
  });

  it('streams through a process that holds only a small part of it', async () => {
    const workshop = openWorkshop(hub.url);
    await pushBaseImage(workshop.repository(distribution.host, 'base/runtime'), { tag: 'v1' });
    const request = await workshop.request({ base: `${distribution.host}/base/runtime:v1`, variant: 'fat' });
    const before = process.memoryUsage.rss();
    let most = before;
    const onProgress = () => {
      most = Math.max(most, process.memoryUsage.rss());
    };
    const built = await workshop.build(request, [workshop.repository(distribution.host, 'acme/hf-tiny')], {
      onProgress,
    });
    expect(built.bytes.weights).toBeGreaterThan(SHARD);
    expect((most - before) / MiB).toBeLessThan(SHARD / MiB / 2);
  });
});
