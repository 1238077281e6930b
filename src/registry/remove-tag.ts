import { randomUUID } from 'node:crypto';
import { messageOf, PublisherError } from '../errors.ts';
import type { Place } from './connection.ts';
import { digestOf } from './digest.ts';
import { deleteManifest, getManifest, headManifest, putManifest } from './manifests.ts';
import { OCI_INDEX } from './media-types.ts';
import type { ManifestContent, TagRemoval } from './types.ts';

/** Registries where deleting takes an API of their own, with credentials of its own. */
const OWN_API: ReadonlyMap<string, string> = new Map([
  ['ghcr.io', 'GHCR removes tags through the Packages API only'],
  ['docker.io', 'Docker Hub removes tags through its own API only'],
]);

/**
 * Removes one tag and nothing else. See `PublishTarget.removeTag`.
 *
 *     DELETE <tag> ─ 202 ─▶ look
 *        └─ refused, or still there ─▶ PUT and DELETE a throw-away without tag ─ refused ─▶ kept
 *                                            └─ deleted ─▶ PUT another under <tag> ─▶ DELETE its digest ─▶ look
 *                                                            └─ failed ─▶ the old manifest back under <tag>, kept
 *
 * DELETE of a digest removes every tag on it; a throw-away has only this one. The look: the tag is gone, what it named is there.
 */
export async function removeTag(place: Place, tag: string, signal?: AbortSignal): Promise<TagRemoval> {
  const { connection, name } = place;
  if ((await headManifest(place, tag, signal)) === null) return { state: 'absent' };
  const ownApi = OWN_API.get(connection.registry);
  if (ownApi !== undefined) return kept(`${ownApi}; ${name}:${tag} is where it was`);
  const named = await getManifest(place, tag, signal);
  try {
    const direct = await deleteManifest(place, tag, signal);
    if (typeof direct === 'string') {
      const looked = await look(place, tag, named, named.digest, signal);
      if (looked.state !== 'kept') return looked;
    }
    const probe = throwAway();
    await putManifest(place, probe.digest, probe, signal);
    const possible = await deleteManifest(place, probe.digest, signal);
    if (typeof possible !== 'string') return kept(`${possible.refused}; ${name}:${tag} is where it was`);
  } catch (error) {
    if (error instanceof PublisherError && error.code === 'registry-denied') return kept(error.message);
    throw error;
  }
  return isolate(place, tag, named, signal);
}

async function isolate(place: Place, tag: string, named: ManifestContent, signal?: AbortSignal): Promise<TagRemoval> {
  const alone = throwAway();
  try {
    await putManifest(place, tag, alone, signal);
    const answer = await deleteManifest(place, alone.digest, signal);
    if (typeof answer !== 'string') throw new PublisherError('registry-denied', answer.refused);
  } catch (error) {
    // Also when nobody waits any more: a tag must not be left on a throw-away.
    if ((await headManifest(place, tag))?.digest === alone.digest) await putManifest(place, tag, named);
    if (error instanceof PublisherError && error.code === 'registry-denied') return kept(error.message);
    throw error;
  }
  return look(place, tag, named, alone.digest, signal);
}

/** @param deleted what the tag was at when it was deleted */
async function look(
  place: Place,
  tag: string,
  named: ManifestContent,
  deleted: string,
  signal?: AbortSignal,
): Promise<TagRemoval> {
  // Some registries take a DELETE by tag for one of the manifest; it holds nothing that is not there still.
  if ((await headManifest(place, named.digest, signal)) === null) {
    await putManifest(place, named.digest, named, signal).catch((error: unknown) => {
      throw new PublisherError(
        'registry-invalid',
        `${place.name} lost ${named.digest} with its tag ${tag}: ${messageOf(error)}`,
        { cause: error },
      );
    });
  }
  const still = await headManifest(place, tag, signal);
  if (still?.digest !== deleted) return { state: 'removed' };
  return kept(`${place.connection.registry} said that it deleted ${tag} of ${place.name}, but did not`);
}

/** An index of nothing: a manifest that no other tag is on, and that needs no blobs. */
function throwAway(): ManifestContent {
  const annotations = { 'io.model-image-publisher.throw-away': randomUUID() };
  const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: OCI_INDEX, manifests: [], annotations }));
  return { bytes, mediaType: OCI_INDEX, digest: digestOf(bytes) };
}

const kept = (why: string): TagRemoval => ({ state: 'kept', why });
