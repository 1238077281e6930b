import { createHash } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { tagImage } from '../../src/build/assemble.ts';
import type { BuildRequest } from '../../src/build/types.ts';
import { LAYER_KEY } from '../../src/image/layer-annotations.ts';
import { blobOf } from '../../src/registry/content.ts';
import { OCI_CONFIG, OCI_LAYER, OCI_MANIFEST } from '../../src/registry/media-types.ts';
import { parseManifestContent } from '../../src/registry/schema.ts';
import type { Descriptor, ImageTarget } from '../../src/registry/types.ts';
import { LayersInMemory } from '../support/build/layers-in-memory.ts';
import { openWorkshop, type Workshop } from '../support/build/workshop.ts';
import { type HubStandIn, startHub } from '../support/hub/server.ts';
import { tinyModel } from '../support/hub/tiny.ts';
import { pushBaseImage, type RegistryStandIn, startRegistry } from '../support/registry/index.ts';

let hub: HubStandIn;
let registry: RegistryStandIn;
let workshop: Workshop;
let request: BuildRequest;
beforeAll(async () => {
  hub = await startHub({ models: [tinyModel({ id: 'acme/tiny', shardBytes: 5 * 1024 * 1024 })], signedUrlMs: 30_000 });
  registry = await startRegistry();
  workshop = openWorkshop(hub.url);
  await pushBaseImage(workshop.repository(registry.host, 'base/runtime'), { tag: 'v1' });
  await pushBaseImage(workshop.repository(registry.host, 'base/runtime'), { tag: 'v2', env: ['PATH=/bin', 'NEW=1'] });
  request = await workshop.request({ base: `${registry.host}/base/runtime:v1`, variant: 'fat' });
});
afterAll(async () => {
  await hub.close();
  await registry.close();
});
beforeEach(() => {
  hub.requests.length = 0;
});

let count = 0;
const fresh = (host: string = registry.host) => {
  count += 1;
  return workshop.repository(host, `acme/hf-${count}`);
};
const weightDownloads = () =>
  hub.requests.filter(({ server, path }) => server === 'hub' && path.endsWith('.safetensors'));

describe('weights move once', () => {
  it('whatever base, runtime or arguments change around them', async () => {
    const memory = new LayersInMemory();
    const target = fresh();
    await workshop.build(request, [target], { memory });
    hub.requests.length = 0;
    const changed = [
      { base: `${registry.host}/base/runtime:v2` },
      { model: 'serve_args: ["--port", "9"]' },
      { defaults: 'arch: "linux/amd64,linux/arm64"' },
    ];
    for (const change of changed) {
      const next = await workshop.request({ base: `${registry.host}/base/runtime:v1`, variant: 'fat', ...change });
      const built = await workshop.build(next, [target], { memory });
      expect(built.bytes.uploaded).toBeLessThan(200_000);
      expect(built.bytes.reused).toBeGreaterThan(10 * 1024 * 1024);
    }
    expect(weightDownloads()).toEqual([]);
  });

  it('into another repository of the registry by a mount, into another registry by a copy', async () => {
    const memory = new LayersInMemory();
    await workshop.build(request, [fresh()], { memory });
    hub.requests.length = 0;
    const mounted = await workshop.build(request, [fresh()], { memory });
    expect(mounted.bytes.uploaded).toBeLessThan(200_000);
    const other = await startRegistry();
    const copied = await workshop.build(request, [fresh(other.host)], { memory });
    expect(copied.bytes.uploaded).toBeGreaterThan(10 * 1024 * 1024);
    expect(copied.digest).toBe(mounted.digest);
    await other.close();
    expect(weightDownloads()).toEqual([]);
  });

  it('even with an empty ledger, while the registry holds the image under a tag', async () => {
    const target = fresh();
    const first = await workshop.build(request, [target]);
    await tagImage(target, first.digest, ['v1-fat']);
    hub.requests.length = 0;
    const next = await workshop.request({ base: `${registry.host}/base/runtime:v2`, variant: 'fat' });
    const built = await workshop.build(next, [target]);
    expect(weightDownloads()).toEqual([]);
    expect(built.bytes.uploaded).toBeLessThan(200_000);
    expect(built.notes).toEqual([]);
    expect(built.digest).not.toBe(first.digest);
  });
});

describe('a foreign image that names our layers', () => {
  /** A manifest whose layers carry the annotations of the real ones and bytes of somebody else. */
  async function plant(target: ImageTarget, real: ImageTarget, digest: string, spoil: (bytes: Buffer) => Buffer) {
    const top = parseManifestContent(await real.manifest(digest));
    const child = top.kind === 'index' ? top.index.manifests[0] : undefined;
    if (child === undefined) throw new Error('no index');
    const content = parseManifestContent(await real.manifest(child.digest));
    if (content.kind !== 'manifest') throw new Error('no manifest');
    const layers: Descriptor[] = [];
    for (const { annotations, ...layer } of content.manifest.layers) {
      if (annotations?.[LAYER_KEY] === undefined) continue;
      const bytes = spoil(Buffer.concat(await Array.fromAsync(real.blob(layer))));
      layers.push({ ...(await target.write(blobOf(bytes, OCI_LAYER))), annotations });
    }
    expect(layers.length).toBeGreaterThan(1);
    const config = await target.write(blobOf(Buffer.from('{}'), OCI_CONFIG));
    const manifest = { schemaVersion: 2, mediaType: OCI_MANIFEST, config, layers };
    const bytes = Buffer.from(JSON.stringify(manifest));
    const put = await target.putManifest(bytes, OCI_MANIFEST);
    await target.tag('trap', { ...put, bytes });
  }

  it.each<[string, (bytes: Buffer) => Buffer, RegExp]>([
    ['other bytes in a shard', (bytes) => withByte(bytes, 2000), /has other bytes than the Hub's file/],
    ['another header', (bytes) => withByte(bytes, 110), /the header of .* is another/],
    ['another size', (bytes) => Buffer.concat([bytes, Buffer.alloc(512)]), /bytes, not/],
  ])('is never reused: %s', async (_, spoil, why) => {
    const real = fresh();
    const undisturbed = await workshop.build(request, [real]);
    const target = fresh();
    await plant(target, real, undisturbed.digest, spoil);
    hub.requests.length = 0;
    const memory = new LayersInMemory();
    const built = await workshop.build(request, [target], { memory });
    expect(built.digest).toBe(undisturbed.digest);
    expect(weightDownloads()).toHaveLength(2);
    const notes = built.notes.filter((note) => note.includes('.safetensors'));
    expect(notes).toHaveLength(2);
    for (const note of notes) {
      expect(note).toMatch(/is not taken from .*:trap, whose annotation names it/);
      expect(note).toMatch(why);
    }
  });
});

function withByte(bytes: Buffer, at: number): Buffer {
  const other = Buffer.from(bytes);
  other[at] = (other[at] ?? 0) ^ 0xff;
  return other;
}

describe('several registries', () => {
  it('get one download, and one that fails on the way is filled from the other', async () => {
    const other = await startRegistry();
    other.faults.push({ kind: 'die', afterBytes: 300_000, path: /blobs\/uploads\/./, times: 2 });
    const targets = [fresh(), fresh(other.host)] as const;
    const built = await workshop.build(request, [...targets]);
    expect(weightDownloads()).toHaveLength(2);
    for (const target of targets) {
      const { bytes } = await target.manifest(built.digest);
      expect(`sha256:${createHash('sha256').update(bytes).digest('hex')}`).toBe(built.digest);
    }
    await other.close();
  });
});
