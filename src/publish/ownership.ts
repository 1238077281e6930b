import { PublisherError } from '../errors.ts';
import { LABEL_PREFIX } from '../image/labels.ts';
import { blobOf } from '../registry/content.ts';
import { digestOf } from '../registry/digest.ts';
import { OCI_MANIFEST } from '../registry/media-types.ts';
import { parseManifestContent } from '../registry/schema.ts';
import type { PublishTarget } from '../registry/types.ts';

/** Tag of the manifest that says which catalog a repository belongs to. Never in an image: it would change the digest. */
export const OWNER_TAG = 'publisher-owner';
const CATALOG = `${LABEL_PREFIX}.catalog`;
const MARKER_TYPE = 'application/vnd.model-image-publisher.owner.v1';
/** OCI image-spec 1.1, "Guidance for an Empty Descriptor". */
const EMPTY_TYPE = 'application/vnd.oci.empty.v1+json';
const EMPTY = new TextEncoder().encode('{}');

/**
 * Whose a registry repository is, as far as it says so itself:
 *
 *   unclaimed-empty ──marker written──▶ ours
 *   unclaimed-with-content ──adopted──▶ ours ◀──adopted── other
 */
export type Ownership =
  | { state: 'ours' }
  | { state: 'unclaimed-empty' }
  /** Something was published there by somebody who left no marker. */
  | { state: 'unclaimed-with-content'; tags: string[] }
  /** `who`: the `catalogId` in the marker; null where the marker cannot be read. */
  | { state: 'other'; who: string | null };

/** Reads marker and, where there is none, tags; nothing else. @throws PublisherError with the registry codes */
export async function readOwnership(
  target: Pick<PublishTarget, 'manifest' | 'tags'>,
  catalog: string,
  signal: AbortSignal,
): Promise<Ownership> {
  const who = await readMarker(target, signal);
  if (who === 'none') {
    const tags = (await target.tags({ signal })).filter(isContent);
    return tags.length === 0 ? { state: 'unclaimed-empty' } : { state: 'unclaimed-with-content', tags };
  }
  return who.catalog === catalog ? { state: 'ours' } : { state: 'other', who: who.catalog };
}

/** Writes the marker of this catalog, whatever was there before. Written again, it is the same bytes. */
export async function writeMarker(target: PublishTarget, catalog: string, signal: AbortSignal): Promise<void> {
  const empty = { mediaType: EMPTY_TYPE, digest: digestOf(EMPTY), size: EMPTY.byteLength };
  if (!(await target.has(empty, { signal }))) await target.write(blobOf(EMPTY, EMPTY_TYPE), { signal });
  const bytes = new TextEncoder().encode(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: OCI_MANIFEST,
      artifactType: MARKER_TYPE,
      config: empty,
      layers: [empty],
      annotations: { [CATALOG]: catalog },
    }),
  );
  const { digest } = await target.putManifest(bytes, OCI_MANIFEST, { signal });
  await target.tag(OWNER_TAG, { bytes, digest, mediaType: OCI_MANIFEST }, { signal });
}

/** Why a catalog may not publish to a repository, with what to do about it; null when it may. */
export function ownershipRefusal(repository: string, ownership: Ownership): string | null {
  const adopt =
    'A maintainer takes it over with `/adopt` on a pull request, or with `publish --catalog-id ID --force`.';
  switch (ownership.state) {
    case 'ours':
    case 'unclaimed-empty':
      return null;
    case 'unclaimed-with-content':
      return `${repository} already holds images (${shown(ownership.tags)}) and belongs to no catalog. ${adopt}`;
    case 'other':
      return `${repository} belongs to ${ownership.who === null ? 'somebody else' : `catalog ${printable(ownership.who)}`}. ${adopt}`;
  }
}

/** Which catalog a repository's marker names: null where it cannot be read, `none` where there is no marker. */
export async function readMarker(
  target: Pick<PublishTarget, 'manifest'>,
  signal: AbortSignal,
): Promise<{ catalog: string | null } | 'none'> {
  try {
    const content = parseManifestContent(await target.manifest(OWNER_TAG, { signal }));
    return { catalog: (content.kind === 'manifest' ? content.manifest.annotations?.[CATALOG] : undefined) ?? null };
  } catch (error) {
    if (!(error instanceof PublisherError)) throw error;
    if (error.code === 'registry-not-found') return 'none';
    if (error.code === 'image-invalid') return { catalog: null };
    throw error;
  }
}

/** Previews come and go, and what lies beside a digest is no image. */
function isContent(tag: string): boolean {
  return tag !== OWNER_TAG && !/^pr-\d+-/.test(tag) && !/^sha256-[0-9a-f]{64}/.test(tag);
}

function shown(tags: readonly string[]): string {
  const more = tags.length > 3 ? ` and ${tags.length - 3} more` : '';
  return `${tags.slice(0, 3).map(printable).join(', ')}${more}`;
}

const printable = (text: string) => text.slice(0, 120).replace(/[^\x20-\x7e]/g, '?');
