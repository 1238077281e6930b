import { ensureBlob } from '../../../src/registry/content.ts';
import { digestOf } from '../../../src/registry/digest.ts';
import { OCI_MANIFEST } from '../../../src/registry/media-types.ts';
import type { Descriptor, Digest, ImageTarget, PublishTarget } from '../../../src/registry/types.ts';

const EMPTY = 'application/vnd.oci.empty.v1+json';

/** An artifact manifest (image specification, "Guidelines for Artifact Usage") whose blobs are in the target, not yet put itself. */
export async function artifactFor(
  target: ImageTarget,
  subject: Descriptor,
  { type = 'application/vnd.in-toto+json', text = 'a statement' }: { type?: string; text?: string } = {},
): Promise<Buffer> {
  const config = await ensureBlob(target, Buffer.from('{}'), EMPTY);
  const layer = await ensureBlob(target, Buffer.from(text), type);
  const manifest = { schemaVersion: 2, mediaType: OCI_MANIFEST, artifactType: type, config, layers: [layer], subject };
  return Buffer.from(JSON.stringify({ ...manifest, annotations: { 'org.example.note': text } }));
}

/** Lays an artifact beside an image. */
export async function attach(
  target: PublishTarget,
  subject: Digest,
  options: { type?: string; text?: string } = {},
): Promise<Descriptor> {
  const named = await target.head(subject);
  if (named === null) throw new Error(`there is no ${subject}`);
  return target.putReferrer(await artifactFor(target, named, options), OCI_MANIFEST, subject);
}

/** What cosign writes: a manifest without subject, found by its tag alone. */
export async function attachByTag(target: PublishTarget, subject: Digest, suffix: string, text: string) {
  const config = await ensureBlob(target, Buffer.from('{}'), EMPTY);
  const layer = await ensureBlob(target, Buffer.from(text), 'application/vnd.dev.cosign.simplesigning.v1+json');
  const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: OCI_MANIFEST, config, layers: [layer] }));
  const content = { bytes, mediaType: OCI_MANIFEST, digest: digestOf(bytes) };
  await target.tag(`${subject.replace(':', '-')}${suffix}`, content);
  return content.digest;
}
