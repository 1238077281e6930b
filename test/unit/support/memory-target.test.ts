import { describe, expect, it } from 'vitest';
import { blobOf } from '../../../src/registry/content.ts';
import { digestOf } from '../../../src/registry/digest.ts';
import { OCI_CONFIG, OCI_LAYER, OCI_MANIFEST } from '../../../src/registry/media-types.ts';
import { parseReference } from '../../../src/registry/reference.ts';
import { MemoryTarget } from '../../support/image/memory-target.ts';
import { pushBaseImage } from '../../support/registry/index.ts';

describe('a repository in memory', () => {
  it('takes an image and gives it back', async () => {
    const target = new MemoryTarget('one.example/a');
    const { digest } = await pushBaseImage(target, { tag: 'v1' });
    expect((await target.manifest('v1')).digest).toBe(digest);
    expect(await target.tags()).toEqual(['v1']);
  });

  it('refuses a manifest of which a blob is missing, and a tag without manifest', async () => {
    const target = new MemoryTarget('one.example/a');
    const config = { mediaType: OCI_CONFIG, digest: digestOf(Buffer.from('{}')), size: 2 };
    const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, config, layers: [] }));
    await expect(target.putManifest(bytes, OCI_MANIFEST)).rejects.toMatchObject({ code: 'registry-invalid' });
    const manifest = { bytes, mediaType: OCI_MANIFEST, digest: digestOf(bytes) };
    await expect(target.tag('v1', manifest)).rejects.toMatchObject({ code: 'registry-invalid' });
  });

  it('mounts within its registry only, and only what is there', async () => {
    const from = new MemoryTarget('one.example/a');
    const blob = await from.write(blobOf(Buffer.from('x'), OCI_LAYER));
    const near = new MemoryTarget('one.example/b', from.storage);
    expect(await near.has(blob)).toBe(false);
    expect(await near.mount(blob, parseReference('one.example/a'))).toBe(true);
    expect(await near.has(blob)).toBe(true);
    expect(await near.mount(blob, parseReference('two.example/a'))).toBe(false);
    expect(await near.mount({ ...blob, digest: digestOf(Buffer.from('y')) }, parseReference('one.example/a'))).toBe(
      false,
    );
  });

  it('refuses content that is not as declared', async () => {
    const target = new MemoryTarget('one.example/a');
    const content = { ...blobOf(Buffer.from('x'), OCI_LAYER), size: 2 };
    await expect(target.write(content)).rejects.toMatchObject({ code: 'download-truncated' });
    await expect(
      Array.fromAsync(target.blob({ ...content, digest: digestOf(Buffer.from('x')) })),
    ).rejects.toMatchObject({
      code: 'registry-not-found',
    });
  });
});
