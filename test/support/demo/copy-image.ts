import { parseManifestContent } from '../../../src/registry/schema.ts';
import type { Descriptor, ImageSource, ImageTarget } from '../../../src/registry/types.ts';

/** Copies an image with all its platforms, blobs first, and gives it a tag. */
export async function copyImage(source: ImageSource, target: ImageTarget, digest: string, tag: string): Promise<void> {
  const top = await source.manifest(digest);
  const content = parseManifestContent(top);
  const manifests = content.kind === 'index' ? content.index.manifests.map((entry) => entry.digest) : [];
  for (const inner of manifests) {
    const manifest = await source.manifest(inner);
    await copyBlobs(source, target, manifest);
    await target.putManifest(manifest.bytes, manifest.mediaType);
  }
  if (content.kind === 'manifest') await copyBlobs(source, target, top);
  await target.putManifest(top.bytes, top.mediaType);
  await target.tag(tag, top);
}

async function copyBlobs(
  source: ImageSource,
  target: ImageTarget,
  manifest: Parameters<typeof parseManifestContent>[0],
) {
  const content = parseManifestContent(manifest);
  if (content.kind === 'index') throw new Error('an index inside an index');
  for (const { mediaType, digest, size } of [content.manifest.config, ...content.manifest.layers]) {
    const blob: Descriptor = { mediaType, digest, size };
    if (!(await target.has(blob))) await target.write({ ...blob, open: () => source.blob(blob) });
  }
}
