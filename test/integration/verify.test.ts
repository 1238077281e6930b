import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { parseCatalog } from '../../src/catalog/parse.ts';
import { tarArchive } from '../../src/image/tar.ts';
import { PREDICATE_TYPES, PROVENANCE, STATEMENT_NAMES } from '../../src/publish/attest/predicate-types.ts';
import type { Verification } from '../../src/publish/verify/types.ts';
import { type VerifyContext, verifyImage } from '../../src/publish/verify/verify.ts';
import type { RegistryRepository } from '../../src/registry/client.ts';
import { blobOf } from '../../src/registry/content.ts';
import { digestOf } from '../../src/registry/digest.ts';
import { OCI_INDEX, OCI_LAYER, OCI_MANIFEST } from '../../src/registry/media-types.ts';
import { indexSchema, manifestSchema, parseJson } from '../../src/registry/schema.ts';
import { attesterWith, type PublishedImage, publishImage } from '../support/attest/attestations.ts';
import { openWorkshop, type Workshop } from '../support/build/workshop.ts';
import { type HubModel, headOf } from '../support/hub/model.ts';
import { type HubStandIn, startHub } from '../support/hub/server.ts';
import { tinyModel } from '../support/hub/tiny.ts';
import { pushBaseImage, type RegistryStandIn, startRegistry } from '../support/registry/index.ts';
import { layerTensors, safetensorsFile } from '../support/safetensors/make.ts';

const signal = AbortSignal.timeout(120_000);
const ATTESTATIONS = PREDICATE_TYPES.map((type) => `attestation:${STATEMENT_NAMES[type]}`);

/** One file of 3 MB, in tensors that fit into shards of 1 MB. */
const LARGE = safetensorsFile({ seed: 'large', tensors: layerTensors(18, 128) }).content;
const split = { shards: 0, files: { 'model.safetensors.index.json': null, 'model.safetensors': LARGE } };
const LIMITS = 'limits: {layer_max_bytes: 1MB}';
const large = tinyModel({ id: 'acme/large', ...split });
const spoilt = tinyModel({ id: 'acme/spoilt', ...split });

let hub: HubStandIn;
let model: HubModel;
let registry: RegistryStandIn;
let workshop: Workshop;
let count = 0;
let repository: RegistryRepository;
let name: string;

beforeAll(async () => {
  model = tinyModel({ id: 'acme/tiny', shardBytes: 64 * 1024 });
  hub = await startHub({
    models: [model, large, spoilt],
    signedUrlMs: 60_000,
  });
  registry = await startRegistry();
  workshop = openWorkshop(hub.url);
  await pushBaseImage(workshop.repository(registry.host, 'base/runtime'), { tag: 'v1' });
});
afterAll(async () => {
  await registry.close();
  await hub.close();
});
beforeEach(() => {
  count += 1;
  name = `acme${count}/hf-tiny`;
  repository = workshop.repository(registry.host, name);
});

async function published(
  variant: 'slim' | 'fat',
  more: { id?: string; defaults?: string } = {},
): Promise<PublishedImage> {
  const image = await publishImage(workshop, `${registry.host}/base/runtime:v1`, variant, [repository], more);
  await attesterWith().attest(image.digest, [repository], image.facts, signal);
  return image;
}

function verified(more: Partial<VerifyContext> = {}): Promise<Verification> {
  return verifyImage(`${name}:v1`, 'v1', {
    source: repository,
    hub: workshop.hub,
    trust: { kind: 'nobody' },
    allowUnsigned: true,
    shallow: false,
    catalog: null,
    catalogNamed: true,
    signal,
    ...more,
  });
}

/** The checks that did not pass, with what they say. */
const wrong = ({ checks }: Verification) =>
  Object.fromEntries(checks.flatMap(({ check, status, detail }) => (status === 'passed' ? [] : [[check, detail]])));

async function platformOf(digest: string) {
  const { manifests } = parseJson(indexSchema, (await repository.manifest(digest)).bytes, 'index');
  const [first] = manifests;
  if (first === undefined) throw new Error('no platform');
  const manifest = parseJson(manifestSchema, (await repository.manifest(first.digest)).bytes, 'manifest');
  return { manifests, first, manifest };
}

describe('an image as it was published', () => {
  it.each(['slim', 'fat'] as const)('passes every check (%s)', async (variant) => {
    const { digest } = await published(variant);
    const done = await verified();
    expect(wrong(done)).toEqual({ signature: 'it is not signed (--allow-unsigned)' });
    expect(done).toMatchObject({ ok: true, digest });
    expect(done.checks.map(({ check }) => check)).toEqual(
      expect.arrayContaining(['index', 'manifests', 'provenance', 'layers', 'weights', 'licenses', ...ATTESTATIONS]),
    );
  });

  it('passes with a weight file that was split, whose shards are put together again', async () => {
    await published('fat', { id: 'acme/large', defaults: LIMITS });
    expect(wrong(await verified())).toEqual({ signature: 'it is not signed (--allow-unsigned)' });
  });

  it('fails unsigned unless that is allowed', async () => {
    await published('slim');
    const done = await verified({ allowUnsigned: false });
    expect(done.ok).toBe(false);
    expect(wrong(done)).toMatchObject({ signature: 'it is not signed', 'attestation:scan': 'it is not signed' });
  });

  it('says so when layers were only asked for', async () => {
    await published('fat');
    const before = registry.requests.length;
    const done = await verified({ shallow: true });
    expect(done.ok).toBe(true);
    expect(wrong(done).layers).toMatch(/bytes were not read/);
    const { manifest } = await platformOf('v1');
    const read = registry.requests.slice(before).filter(({ method }) => method === 'GET');
    for (const { digest } of manifest.layers) expect(read.some(({ path }) => path.endsWith(digest))).toBe(false);
  });

  it('is held against a catalog', async () => {
    await published('slim');
    const against = async (models: string) => {
      const parsed = parseCatalog(`defaults: {base_image: "${registry.host}/base/runtime:v1"}\nmodels: [${models}]\n`);
      if (!parsed.valid) throw new Error(JSON.stringify(parsed.problems));
      return (await verified({ catalog: parsed.catalog })).checks.find(({ check }) => check === 'catalog');
    };
    expect(await against('{id: acme/tiny, short: tiny}')).toMatchObject({ status: 'passed' });
    expect(await against('{id: acme/tiny, short: other}')).toMatchObject({ status: 'failed' });
    expect(await against('{id: acme/other, short: tiny}')).toMatchObject({ status: 'failed' });
    expect(await against('{id: acme/else, short: else}')).toMatchObject({ status: 'not-checked' });
  });
});

describe('what is caught', () => {
  it('a changed layer', async () => {
    await published('fat');
    const { manifest } = await platformOf('v1');
    const weights = manifest.layers.at(-1);
    if (weights === undefined) throw new Error('no layer');
    const bytes = registry.storage.blobs.get(weights.digest);
    if (bytes === undefined) throw new Error('no blob');
    const changed = Buffer.from(bytes);
    changed[2048] = (changed[2048] ?? 0) ^ 1;
    registry.storage.blobs.set(weights.digest, changed);
    const done = await verified();
    registry.storage.blobs.set(weights.digest, bytes);
    expect(done.ok).toBe(false);
    expect(wrong(done)).toMatchObject({
      layers: expect.stringContaining(digestOf(changed)),
      weights: expect.anything(),
    });
  });

  it('shards of a split file that together are another file than the Hub has', async () => {
    await published('fat', { id: 'acme/spoilt', defaults: LIMITS });
    const stored = [...headOf(spoilt).files.values()].find(({ path }) => path === 'model.safetensors');
    if (!stored?.lfs) throw new Error('no weights');
    stored.lfs.oid = 'e'.repeat(64);
    const done = await verified();
    expect(done.ok).toBe(false);
    expect(wrong(done).weights).toMatch(/the shards of model\.safetensors together have other bytes/);
  });

  it("a platform's manifest that was swapped for another", async () => {
    const { digest } = await published('slim');
    const { first } = await platformOf(digest);
    const others = await repository.manifest(digest);
    registry.storage.repository(name).manifests.set(first.digest, {
      mediaType: OCI_MANIFEST,
      bytes: Buffer.from(await manifestWith(first.digest)),
    });
    const done = await verified();
    expect(others.digest).toBe(digest);
    expect(done.ok).toBe(false);
    expect(Object.keys(wrong(done))).toContain('manifests');
  });

  it('a tag that was moved to an image of somebody else', async () => {
    const { digest } = await published('slim');
    const { manifests, first } = await platformOf(digest);
    const evil = Buffer.from(await manifestWith(first.digest));
    const put = await repository.putManifest(evil, OCI_MANIFEST);
    const index = Buffer.from(
      JSON.stringify({
        schemaVersion: 2,
        mediaType: OCI_INDEX,
        manifests: manifests.map((each) => (each.digest === first.digest ? { ...each, ...put } : each)),
      }),
    );
    const moved = await repository.putManifest(index, OCI_INDEX);
    await repository.tag('v1', { bytes: index, mediaType: OCI_INDEX, digest: moved.digest });
    const done = await verified();
    expect(done).toMatchObject({ ok: false, digest: moved.digest });
    expect(wrong(done)).toMatchObject({
      'attestation:provenance': 'there is none about this digest',
      provenance: expect.anything(),
    });
  });

  it('weights that a layer on top replaces, whatever the provenance says', async () => {
    const image = await publishImage(workshop, `${registry.host}/base/runtime:v1`, 'fat', [repository]);
    const { manifests, first } = await platformOf(image.digest);
    const put = await repository.putManifest(Buffer.from(await manifestWith(first.digest)), OCI_MANIFEST);
    const index = Buffer.from(
      JSON.stringify({
        schemaVersion: 2,
        mediaType: OCI_INDEX,
        manifests: manifests.map((each) => (each.digest === first.digest ? { ...each, ...put } : each)),
      }),
    );
    const moved = await repository.putManifest(index, OCI_INDEX);
    await repository.tag('v1', { bytes: index, mediaType: OCI_INDEX, digest: moved.digest });
    await attesterWith().attest(moved.digest, [repository], image.facts, signal);
    const done = await verified();
    expect(done.ok).toBe(false);
    expect(wrong(done).weights).toMatch(/config\.json in the layers has other bytes/);
    expect(wrong(done).licenses).toMatch(/\/licenses\/CC0 has other bytes/);
  });

  it('a missing attestation', async () => {
    const { digest } = await published('slim');
    const referrers = await repository.referrers(digest);
    const provenance = referrers.find(({ annotations }) => Object.values(annotations ?? {}).includes(PROVENANCE));
    if (provenance === undefined) throw new Error('no provenance');
    registry.storage.repository(name).manifests.delete(provenance.digest);
    const done = await verified();
    expect(done.ok).toBe(false);
    expect(wrong(done)).toMatchObject({ 'attestation:provenance': 'there is none about this digest' });
  });

  it.each(['slim', 'fat'] as const)('a weight whose hash on the Hub is another (%s)', async (variant) => {
    await published(variant);
    const stored = [...headOf(model).files.values()].find(({ path }) => path.endsWith('.safetensors'));
    if (!stored?.lfs) throw new Error('no weights');
    const { oid } = stored.lfs;
    stored.lfs.oid = 'f'.repeat(64);
    const done = await verified();
    stored.lfs.oid = oid;
    expect(done.ok).toBe(false);
    expect(wrong(done)).toMatchObject({ weights: `${stored.path} has another hash or size on the Hub` });
  });
});

/** The manifest of a platform with one more layer, which replaces a file of the model and a legal one; its configuration knows of it. */
async function manifestWith(digest: string): Promise<string> {
  const manifest = parseJson(manifestSchema, (await repository.manifest(digest)).bytes, 'manifest');
  const files = ['models/tiny/config.json', 'licenses/CC0'];
  const content = Buffer.from('{"evil": true}\n');
  const tar = tarArchive(files.map((path) => ({ entry: { path, size: content.length, mode: 0o644 }, content })));
  const layer = await repository.write(blobOf(tar, OCI_LAYER));
  const chunks = await Array.fromAsync(repository.blob(manifest.config));
  const config = JSON.parse(Buffer.concat(chunks).toString());
  config.rootfs.diff_ids.push(layer.digest);
  const written = await repository.write(blobOf(Buffer.from(JSON.stringify(config)), manifest.config.mediaType));
  return JSON.stringify({ ...manifest, config: written, layers: [...manifest.layers, layer] });
}
