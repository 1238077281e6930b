import { expect, it } from 'vitest';
import { imageIndex, imageManifest } from '../../../../src/image/manifest.ts';
import { readPlatforms } from '../../../../src/publish/verify/read-manifests.ts';
import { digestOf } from '../../../../src/registry/digest.ts';
import { OCI_CONFIG, OCI_INDEX, OCI_MANIFEST } from '../../../../src/registry/media-types.ts';
import { digest } from '../../../support/image/inputs.ts';

it('does not read a configuration that no image needs, and says how large it is', async () => {
  const config = { mediaType: OCI_CONFIG, digest: digest('c'), size: 2 ** 34 };
  const manifest = imageManifest(config, [], {});
  const child = { mediaType: OCI_MANIFEST, digest: digestOf(manifest), size: manifest.byteLength };
  const bytes = imageIndex([{ ...child, platform: { os: 'linux', architecture: 'amd64' } }], {});
  const source = {
    manifest: async () => ({ mediaType: OCI_MANIFEST, digest: child.digest, bytes: manifest }),
    blob: () => {
      throw new Error('it was read');
    },
  };
  const top = { mediaType: OCI_INDEX, digest: digestOf(bytes), bytes };
  const { platforms, problems } = await readPlatforms(source, top, new AbortController().signal);
  expect(platforms).toEqual([]);
  expect(problems).toEqual([`the configuration of ${child.digest} has ${2 ** 34} bytes`]);
});
