import { z } from 'zod';
import { descriptorSchema, type ImageIndex, parseJson } from './schema.ts';
import type { Descriptor, Digest } from './types.ts';

/** The annotation by which a layout names its images (image specification, "index.json file"). */
export const REF_NAME = 'org.opencontainers.image.ref.name';

/** As {@link ImageIndex}, without the bound on platforms: a layout holds any number of images. */
const layoutIndexSchema = z.looseObject({ schemaVersion: z.literal(2), manifests: z.array(descriptorSchema) });

export type LayoutIndex = z.infer<typeof layoutIndexSchema>;
type Entry = LayoutIndex['manifests'][number];

export const EMPTY_INDEX: LayoutIndex = {
  schemaVersion: 2,
  mediaType: 'application/vnd.oci.image.index.v1+json',
  manifests: [],
};

export function parseLayoutIndex(bytes: Uint8Array, path: string): LayoutIndex {
  return parseJson(layoutIndexSchema, bytes, path);
}

export function formatLayoutIndex(index: LayoutIndex): string {
  return `${JSON.stringify(index, null, 2)}\n`;
}

export function findTag(index: LayoutIndex, tag: string): Entry | null {
  return index.manifests.find((entry) => nameOf(entry) === tag) ?? null;
}

export function tagsIn(index: LayoutIndex): string[] {
  return index.manifests.flatMap((entry) => nameOf(entry) ?? []);
}

export function findDigest(index: LayoutIndex, digest: Digest): Entry | null {
  return index.manifests.find((entry) => entry.digest === digest) ?? null;
}

/**
 * The index with a manifest that has no tag: reachable by digest until a tag or another index names it. `children` are what
 * the manifest itself lists, which need no entry of their own any more.
 */
export function withManifest(index: LayoutIndex, manifest: Descriptor, children: readonly Digest[]): LayoutIndex {
  const kept = index.manifests.filter((entry) => nameOf(entry) !== null || !children.includes(entry.digest));
  const manifests = kept.some((entry) => entry.digest === manifest.digest) ? kept : [...kept, plain(manifest)];
  return { ...index, manifests };
}

/** The index with `tag` at a manifest; whatever had the tag stays reachable by digest. */
export function withTag(index: LayoutIndex, tag: string, manifest: Descriptor): LayoutIndex {
  const untagged = index.manifests.map((entry) => (nameOf(entry) === tag ? withoutName(entry) : entry));
  const named = { ...plain(manifest), annotations: { [REF_NAME]: tag } };
  const others = untagged.filter((entry, at) => {
    if (nameOf(entry) !== null) return true;
    if (entry.digest === manifest.digest) return false;
    return !untagged.some((other, place) => other.digest === entry.digest && (nameOf(other) !== null || place < at));
  });
  return { ...index, manifests: [...others, named] };
}

function nameOf(entry: Entry): string | null {
  return entry.annotations?.[REF_NAME] ?? null;
}

function withoutName(entry: Entry): Entry {
  const { [REF_NAME]: _name, ...annotations } = entry.annotations ?? {};
  return { ...entry, annotations: Object.keys(annotations).length === 0 ? undefined : annotations };
}

function plain({ mediaType, digest, size }: Descriptor): Entry {
  return { mediaType, digest, size };
}
