import { randomUUID } from 'node:crypto';
import { messageOf, PublisherError } from '../errors.ts';
import type { Place } from './connection.ts';
import { digestOf } from './digest.ts';
import { answerOf } from './failures.ts';
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
 *     PUT and DELETE a throw-away without tag ─ refused ─▶ kept
 *        └─ deleted ─▶ PUT another under <tag> ─▶ DELETE its digest ─ still there ─▶ DELETE <tag>
 *                                                    └─ gone ─▶ removed        └─ still there, or failed ─▶ the old manifest back, kept
 *
 * DELETE of a digest removes every tag on it, and some registries take DELETE of a tag for one of its digest: neither is sent while the tag
 * names what others may share. A throw-away has only this tag.
 */
export async function removeTag(place: Place, tag: string, signal?: AbortSignal): Promise<TagRemoval> {
  const { connection, name } = place;
  if ((await headManifest(place, tag, signal)) === null) return { state: 'absent' };
  const ownApi = OWN_API.get(connection.registry);
  if (ownApi !== undefined) return kept(`${ownApi}; ${name}:${tag} is where it was`);
  const named = await getManifest(place, tag, signal);
  const impossible = await whyNoDeletes(place, signal);
  if (impossible !== null) return kept(`${impossible}; ${name}:${tag} is where it was`);
  const now = await headManifest(place, tag, signal);
  if (now === null) return { state: 'absent' };
  if (now.digest !== named.digest) return kept(`${name}:${tag} was moved meanwhile`);
  return isolate(place, tag, named, signal);
}

/** Whether a registry deletes at all is found out without touching the tag. */
async function whyNoDeletes(place: Place, signal?: AbortSignal): Promise<string | null> {
  const probe = throwAway();
  try {
    await putManifest(place, probe.digest, probe, signal);
    const answer = await deleteManifest(place, probe.digest, signal);
    return typeof answer === 'string' ? null : answer.refused;
  } catch (error) {
    return refusalOf(error);
  }
}

async function isolate(place: Place, tag: string, named: ManifestContent, signal?: AbortSignal): Promise<TagRemoval> {
  const alone = throwAway();
  let why: string | null;
  try {
    await putManifest(place, tag, alone, signal);
    why = await deleteAlone(place, tag, alone, signal);
    if (why !== null) await putBack(place, tag, named, alone);
  } catch (error) {
    await putBack(place, tag, named, alone);
    why = refusalOf(error);
  }
  // A registry may drop a manifest with the last tag on it; it holds nothing that is not there still.
  if ((await headManifest(place, named.digest, signal)) === null) {
    await putManifest(place, named.digest, named, signal).catch((error: unknown) => {
      throw new PublisherError(
        'registry-invalid',
        `${place.name} lost ${named.digest} with its tag ${tag}: ${messageOf(error)}`,
        { cause: error },
      );
    });
  }
  return why === null ? { state: 'removed' } : kept(why);
}

/** Why a tag is on its throw-away still; null when it is not. By digest first: that hits no tag that somebody moved meanwhile. */
async function deleteAlone(
  place: Place,
  tag: string,
  alone: ManifestContent,
  signal?: AbortSignal,
): Promise<string | null> {
  let why = '';
  for (const reference of [alone.digest, tag]) {
    const answer = await deleteManifest(place, reference, signal);
    if ((await headManifest(place, tag, signal))?.digest !== alone.digest) return null;
    const said = `${place.connection.registry} said that it deleted ${tag} of ${place.name}, but did not`;
    why = typeof answer === 'string' ? said : answer.refused;
  }
  return why;
}

/** Also when nobody waits any more: a tag must not be left on a throw-away. */
async function putBack(place: Place, tag: string, named: ManifestContent, alone: ManifestContent): Promise<void> {
  if ((await headManifest(place, tag))?.digest === alone.digest) await putManifest(place, tag, named);
}

/** What a registry said that does not let a tag be written or removed, e.g. because its tags are immutable. @throws any other error */
function refusalOf(error: unknown): string {
  const isAnswer = error instanceof PublisherError && error.code === 'registry-invalid' && answerOf(error) !== null;
  if (isAnswer || (error instanceof PublisherError && error.code === 'registry-denied')) return error.message;
  throw error;
}

/** An index of nothing: a manifest that no other tag is on, and that needs no blobs. */
function throwAway(): ManifestContent {
  const annotations = { 'io.model-image-publisher.throw-away': randomUUID() };
  const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: OCI_INDEX, manifests: [], annotations }));
  return { bytes, mediaType: OCI_INDEX, digest: digestOf(bytes) };
}

const kept = (why: string): TagRemoval => ({ state: 'kept', why });
