import { describe, expect, it } from 'vitest';
import { digestOf } from '../../../src/registry/digest.ts';
import { OCI_MANIFEST } from '../../../src/registry/media-types.ts';
import { parseManifestContent } from '../../../src/registry/schema.ts';
import type { Digest, PublishTarget } from '../../../src/registry/types.ts';
import { artifactFor, attach } from './artifact.ts';
import { pushBaseImage } from './base-image.ts';

const SBOM = 'application/spdx+json';

/**
 * What every repository that images are published to does, whatever its registry can do itself.
 *
 * @param open a repository by its name, always through the same client
 */
export function describePublishTarget(name: string, open: (repository: string) => PublishTarget): void {
  describe(name, () => {
    it('tells what a tag or digest names without its content, and null for nothing', async () => {
      const target = open('head/x');
      expect(await target.head('v1')).toBeNull();
      const { digest, mediaType } = await pushBaseImage(target, { tag: 'v1' });
      const { bytes } = await target.manifest('v1');
      const named = { digest, mediaType, size: bytes.byteLength };
      expect([await target.head('v1'), await target.head(digest)]).toEqual([named, named]);
      expect(await target.head(digestOf(Buffer.from('nothing')))).toBeNull();
    });

    it('lists what refers to an image, by artifact type too, and reads it back', async () => {
      const target = open('referrers/x');
      const { digest } = await pushBaseImage(target);
      expect(await target.referrers(digest)).toEqual([]);
      const statement = await attach(target, digest);
      const sbom = await attach(target, digest, { type: SBOM, text: '{}' });
      const found = await target.referrers(digest);
      expect(digestsOf(found)).toEqual([statement.digest, sbom.digest].sort());
      expect(await target.referrers(digest, { artifactType: SBOM })).toMatchObject([
        { ...sbom, artifactType: SBOM, annotations: { 'org.example.note': '{}' } },
      ]);
      const read = parseManifestContent(await target.manifest(sbom.digest));
      expect(read).toMatchObject({ kind: 'manifest', manifest: { subject: { digest }, artifactType: SBOM } });
    });

    it('changes nothing when the same referrer is put twice', async () => {
      const target = open('twice/x');
      const { digest } = await pushBaseImage(target);
      await attach(target, digest);
      const before = [await target.tags(), await target.referrers(digest)];
      await attach(open('twice/x'), digest);
      expect([await target.tags(), await target.referrers(digest)]).toEqual(before);
    });

    it('keeps what several writers of one process attach at the same time', async () => {
      const { digest } = await pushBaseImage(open('many/x'));
      const texts = ['one', 'two', 'three', 'four', 'five'];
      const put = await Promise.all(texts.map((text) => attach(open('many/x'), digest, { text })));
      expect(digestsOf(await open('many/x').referrers(digest))).toEqual(digestsOf(put));
    });

    it('refuses a referrer of another image than was said', async () => {
      const target = open('other/x');
      const { digest, manifests } = await pushBaseImage(target);
      const bytes = await artifactFor(target, { digest, mediaType: OCI_MANIFEST, size: 1 });
      const other = manifests[0]?.descriptor.digest ?? digest;
      await expect(target.putReferrer(bytes, OCI_MANIFEST, other)).rejects.toMatchObject({ code: 'usage' });
    });

    it('removes one of many tags of a digest; the others pull bit for bit', async () => {
      const target = open('tags/x');
      const { digest } = await pushBaseImage(target, { tag: 'v0' });
      const content = await target.manifest(digest);
      const tags = ['v1', 'v2', 'v3', 'v4'];
      for (const tag of tags) await target.tag(tag, content);
      const statement = await attach(target, digest);
      for (const [at, tag] of tags.entries()) {
        expect(await target.removeTag(tag)).toEqual({ state: 'removed' });
        expect(await target.head(tag)).toBeNull();
        for (const left of ['v0', ...tags.slice(at + 1), digest]) expect(await pull(target, left)).toBe(digest);
      }
      expect(await target.removeTag('v1')).toEqual({ state: 'absent' });
      expect(await target.removeTag('v0')).toEqual({ state: 'removed' });
      expect(await pull(target, digest)).toBe(digest);
      expect(digestsOf(await target.referrers(digest))).toEqual([statement.digest]);
      expect((await target.tags()).filter((tag) => tag.startsWith('v'))).toEqual([]);
    });

    it('deletes a manifest with its tags, and calls one that is not there deleted', async () => {
      const target = open('delete/x');
      const { digest } = await pushBaseImage(target, { tag: 'v1' });
      expect(await target.deleteManifest(digest)).toBe(true);
      expect([await target.head('v1'), await target.head(digest)]).toEqual([null, null]);
      expect(await target.deleteManifest(digest)).toBe(true);
    });
  });
}

/** Reads everything under a reference, verified; its digest. */
export async function pull(target: PublishTarget, reference: string): Promise<Digest> {
  const content = await target.manifest(reference);
  const parsed = parseManifestContent(content);
  if (parsed.kind === 'index') {
    for (const { digest } of parsed.index.manifests) await pull(target, digest);
  } else {
    for (const blob of [parsed.manifest.config, ...parsed.manifest.layers]) {
      for await (const _chunk of target.blob(blob));
    }
  }
  return content.digest;
}

const digestsOf = (descriptors: readonly { digest: Digest }[]): Digest[] =>
  descriptors.map(({ digest }) => digest).sort();
