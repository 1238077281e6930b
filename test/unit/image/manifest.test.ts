import { describe, expect, it } from 'vitest';
import { imageIndex, imageManifest } from '../../../src/image/manifest.ts';
import { OCI_CONFIG, OCI_INDEX, OCI_LAYER, OCI_MANIFEST } from '../../../src/registry/media-types.ts';
import { parseManifestContent } from '../../../src/registry/schema.ts';
import type { Descriptor } from '../../../src/registry/types.ts';
import { digest } from '../../support/image/inputs.ts';

const config: Descriptor = { mediaType: OCI_CONFIG, digest: digest('1'), size: 10 };
const layer: Descriptor = { mediaType: OCI_LAYER, digest: digest('2'), size: 20 };
const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
/** The same descriptor with its members in another order, and one that is none of a descriptor's. */
const otherwise = ({ size, digest, mediaType }: Descriptor) => ({ extra: 'x', size, digest, mediaType });

describe('imageManifest', () => {
  it('has these bytes', () => {
    expect(text(imageManifest(config, [layer], { a: 'b' }))).toBe(
      `{"schemaVersion":2,"mediaType":"${OCI_MANIFEST}",` +
        `"config":{"mediaType":"${OCI_CONFIG}","digest":"${digest('1')}","size":10},` +
        `"layers":[{"mediaType":"${OCI_LAYER}","digest":"${digest('2')}","size":20}],"annotations":{"a":"b"}}`,
    );
  });

  it('has the same bytes for equal descriptors, however they were made', () => {
    expect(imageManifest(otherwise(config), [otherwise(layer)], {})).toEqual(imageManifest(config, [layer], {}));
  });

  it('is a manifest that parses', () => {
    const bytes = imageManifest(config, [layer, layer], {});
    const parsed = parseManifestContent({ bytes, mediaType: OCI_MANIFEST, digest: digest('3') });
    expect(parsed).toMatchObject({ kind: 'manifest', manifest: { config, layers: [layer, layer] } });
  });
});

describe('imageIndex', () => {
  const manifest = (architecture: string): Descriptor => ({
    mediaType: OCI_MANIFEST,
    digest: digest('3'),
    size: 30,
    platform: { os: 'linux', architecture },
  });

  it('names a manifest for each platform, in the order given', () => {
    const bytes = imageIndex([manifest('amd64'), manifest('arm64')], { a: 'b' });
    expect(parseManifestContent({ bytes, mediaType: OCI_INDEX, digest: digest('4') })).toMatchObject({
      kind: 'index',
      index: { manifests: [manifest('amd64'), manifest('arm64')], annotations: { a: 'b' } },
    });
    expect(text(bytes)).not.toBe(text(imageIndex([manifest('arm64'), manifest('amd64')], { a: 'b' })));
  });
});
