import { describe, expect, it } from 'vitest';
import { readBasePlatform, resolveBase } from '../../../src/build/base.ts';
import { blobOf } from '../../../src/registry/content.ts';
import { digestOf } from '../../../src/registry/digest.ts';
import * as types from '../../../src/registry/media-types.ts';
import type { Descriptor, ManifestContent } from '../../../src/registry/types.ts';
import { MemoryTarget } from '../../support/image/memory-target.ts';
import { type BaseImageOptions, pushBaseImage } from '../../support/registry/index.ts';

const NAME = 'registry.example/base:v1';

async function base(options: BaseImageOptions = {}) {
  const source = new MemoryTarget('registry.example/base');
  return { source, image: await pushBaseImage(source, { tag: 'v1', ...options }) };
}

/** Puts a changed copy of an image's manifest under the tag `v1`. */
async function changed(change: (manifest: Record<string, unknown>) => object) {
  const { source } = await base({ platforms: ['linux/amd64'], noIndex: true });
  const before = await source.manifest('v1');
  const bytes = Buffer.from(JSON.stringify(change(JSON.parse(Buffer.from(before.bytes).toString()))));
  const { digest } = await source.putManifest(bytes, before.mediaType);
  await source.tag('v1', { ...before, bytes, digest });
  return { source, digest };
}

const resolve = (source: MemoryTarget, platforms = ['linux/amd64']) => resolveBase(source, NAME, 'v1', platforms);

describe('resolving a base', () => {
  it('finds the manifest of each platform, by the name asked for', async () => {
    const { source, image } = await base({ platforms: ['linux/amd64', 'linux/arm64/v8'] });
    expect(await resolve(source, ['linux/arm64', 'linux/amd64'])).toEqual({
      reference: NAME,
      digest: image.digest,
      platforms: {
        'linux/arm64': image.manifests[1]?.descriptor.digest,
        'linux/amd64': image.manifests[0]?.descriptor.digest,
      },
      layers: 2,
      version: null,
    });
  });

  it('counts the layers and reads the version label', async () => {
    const { source } = await base({
      files: { a: '1', b: '2', c: '3' },
      labels: { 'org.opencontainers.image.version': 'v7' },
    });
    expect(await resolve(source)).toMatchObject({ layers: 4, version: 'v7' });
  });

  it('names what a base offers instead', async () => {
    const { source } = await base();
    await expect(resolve(source, ['linux/s390x'])).rejects.toMatchObject({
      code: 'image-invalid',
      message: expect.stringContaining('has no linux/s390x; it offers linux/amd64, linux/arm64'),
    });
  });

  it('passes over the attestations in an index', async () => {
    const { source, image } = await base({ platforms: ['linux/amd64'] });
    const [only] = image.manifests;
    if (only === undefined) throw new Error('no manifest');
    const index = {
      schemaVersion: 2,
      mediaType: types.OCI_INDEX,
      manifests: [
        { ...only.descriptor, platform: { os: 'unknown', architecture: 'unknown' } },
        { ...only.descriptor, platform: only.platform },
      ],
    };
    const bytes = Buffer.from(JSON.stringify(index));
    const { digest } = await source.putManifest(bytes, types.OCI_INDEX);
    await source.tag('v1', { bytes, digest, mediaType: types.OCI_INDEX });
    expect(await resolve(source)).toMatchObject({ platforms: { 'linux/amd64': only.descriptor.digest } });
    await expect(resolve(source, ['linux/arm64'])).rejects.toMatchObject({
      message: expect.stringMatching(/it offers linux\/amd64\.$/),
    });
  });

  it('refuses layers that live at other addresses', async () => {
    const { source } = await changed(({ layers, ...rest }) => ({
      ...rest,
      layers: [layers].flat().map((layer) => Object.assign({}, layer, { urls: ['https://evil.example/x'] })),
    }));
    await expect(resolve(source)).rejects.toMatchObject({
      code: 'image-invalid',
      message: expect.stringContaining('other addresses'),
    });
  });

  it('refuses a configuration that does not belong to the layers', async () => {
    const { source } = await changed(({ layers, ...rest }) => ({ ...rest, layers: [layers].flat().slice(1) }));
    await expect(resolve(source)).rejects.toMatchObject({
      message: expect.stringContaining('1 layers but 2 diff ids'),
    });
  });

  it('refuses a configuration of megabytes before reading it', async () => {
    const { source } = await changed((manifest) => manifest);
    const large = await source.write(blobOf(Buffer.alloc(5 * 1024 * 1024), types.OCI_CONFIG));
    const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, config: large, layers: [] }));
    const manifest: ManifestContent = { bytes, mediaType: types.OCI_MANIFEST, digest: digestOf(bytes) };
    await source.putManifest(bytes, types.OCI_MANIFEST);
    await source.tag('v1', manifest);
    source.calls.length = 0;
    await expect(resolve(source)).rejects.toMatchObject({ code: 'image-invalid' });
    expect(source.calls.filter((call) => call.startsWith('blob'))).toEqual([]);
  });

  it('refuses an index inside an index', async () => {
    const { source, image } = await base();
    const inner: Descriptor = { mediaType: types.OCI_INDEX, digest: image.digest, size: 1 };
    const index = {
      schemaVersion: 2,
      mediaType: types.OCI_INDEX,
      manifests: [{ ...inner, platform: { os: 'linux', architecture: 'amd64' } }],
    };
    const bytes = Buffer.from(JSON.stringify(index));
    const { digest } = await source.putManifest(bytes, types.OCI_INDEX);
    await source.tag('v1', { bytes, digest, mediaType: types.OCI_INDEX });
    await expect(resolve(source)).rejects.toMatchObject({ message: expect.stringContaining('nests an index') });
  });
});

describe('reading a platform', () => {
  it.each(['gzip', 'zstd', 'none'] as const)("gives Docker's %s layers OCI's media types", async (compression) => {
    const { source, image } = await base({ dockerSchema2: true, compression });
    const manifest = image.manifests[0]?.descriptor.digest;
    if (manifest === undefined) throw new Error('no manifest');
    const { layers } = await readBasePlatform(source, NAME, manifest);
    const suffix = compression === 'none' ? '' : `+${compression}`;
    expect(new Set(layers.map(({ mediaType }) => mediaType))).toEqual(new Set([types.OCI_LAYER + suffix]));
    expect(layers.map(({ digest }) => digest)).toEqual(image.manifests[0]?.layers.map(({ digest }) => digest));
  });
});
