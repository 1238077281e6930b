import { z } from 'zod';
import { PublisherError } from '../errors.ts';
import { pause } from '../http/retry.ts';
import type { Place } from './connection.ts';
import { digestOf } from './digest.ts';
import { answerOf } from './failures.ts';
import { headManifest, putManifest } from './manifests.ts';
import { OCI_INDEX } from './media-types.ts';
import { entriesOf, fallbackIndex, fallbackTag, listReferrers, type ReferrersIndex } from './referrers.ts';
import { descriptorSchema, parseJson } from './schema.ts';
import type { Descriptor, Digest, ManifestContent } from './types.ts';

/** A manifest or an index, as far as the list of referrers speaks of it ("Listing Referrers"). */
const referrerSchema = z.looseObject({
  artifactType: z.string().nullish(),
  config: z.looseObject({ mediaType: z.string() }).nullish(),
  subject: descriptorSchema,
  annotations: z.record(z.string(), z.string()).nullish(),
});

const ATTEMPTS = 10;
const PAUSE_MS = 200;

/**
 * Puts a manifest that has a subject, and sees to it that it is listed. See `PublishTarget.putReferrer`.
 *
 *     there and listed ──▶ nothing
 *     PUT ─ OCI-Subject ─▶ the registry lists it
 *      └─ without ─▶ read the fallback index ─ lacks it ─▶ PUT index + entry ─▶ read again ─ has it ─▶ done
 *                          ▲                                                        │
 *                          └──────── another writer's index came after ours ────────┘
 *
 * The specification has no way to write only what was not changed meanwhile, hence the second look; a writer elsewhere that is slower
 * than it can still lose ours. Writers that share a client take turns.
 */
export async function putReferrer(
  place: Place,
  content: ManifestContent,
  subject: Digest,
  signal?: AbortSignal,
): Promise<Descriptor> {
  const { digest, mediaType, bytes } = content;
  const entry = entryOf(content, subject);
  if (
    (await headManifest(place, digest, signal)) !== null &&
    (await listReferrers(place, subject, optional(signal))).some((listed) => listed.digest === digest)
  ) {
    return { mediaType, digest, size: bytes.byteLength };
  }
  const kept = await putManifest(place, digest, content, signal);
  if (kept !== subject) {
    const key = `${place.name}@${subject}`;
    await place.connection.turns.run(key, () => extendIndex(place, subject, entry, signal));
  }
  return { mediaType, digest, size: bytes.byteLength };
}

async function extendIndex(place: Place, subject: Digest, entry: Descriptor, signal?: AbortSignal): Promise<void> {
  const read = () => fallbackIndex(place, subject, signal);
  const listed = (index: ReferrersIndex | null) =>
    index !== null && entriesOf(index).some(({ digest }) => digest === entry.digest);
  let index = await read();
  for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
    if (listed(index)) return;
    await putIndex(place, subject, withEntry(index, entry), signal);
    index = await read();
    if (listed(index)) return;
    // Whoever lost should not come back at the same moment as the others.
    await pause(place.connection.clock, Math.random() * PAUSE_MS * attempt, signal);
    index = await read();
  }
  const tag = `${place.name}:${fallbackTag(subject)}`;
  // Which of the two it was nobody can tell from here; neither is a lease that somebody gives back.
  const why = 'other writers kept replacing it, or the registry shows an old one';
  throw new PublisherError('registry-unavailable', `${tag} never had what was written to it: ${why}`);
}

async function putIndex(place: Place, subject: Digest, index: ReferrersIndex, signal?: AbortSignal): Promise<void> {
  try {
    await put(place, subject, index, signal);
  } catch (error) {
    if (answerOf(error)?.status !== 400 && answerOf(error)?.status !== 404) throw error;
    // Registries refuse an index that lists what is not there any more.
    const living = await withoutDead(place, index, signal);
    if (living.manifests.length === index.manifests.length) throw error;
    await put(place, subject, living, signal);
  }
}

async function put(place: Place, subject: Digest, index: ReferrersIndex, signal?: AbortSignal): Promise<void> {
  const bytes = Buffer.from(JSON.stringify(index));
  const content = { bytes, mediaType: OCI_INDEX, digest: digestOf(bytes) };
  await putManifest(place, fallbackTag(subject), content, signal);
}

async function withoutDead(place: Place, index: ReferrersIndex, signal?: AbortSignal): Promise<ReferrersIndex> {
  const manifests: unknown[] = [];
  for (const entry of index.manifests) {
    const { data } = descriptorSchema.safeParse(entry);
    if (data === undefined || (await headManifest(place, data.digest, signal)) !== null) manifests.push(entry);
  }
  return { ...index, manifests };
}

/** The index with one entry more, everything else as it was. */
function withEntry(index: ReferrersIndex | null, entry: Descriptor): ReferrersIndex {
  if (index === null) return { schemaVersion: 2, mediaType: OCI_INDEX, manifests: [entry] };
  const others = index.manifests.filter((other) => descriptorSchema.safeParse(other).data?.digest !== entry.digest);
  return { ...index, mediaType: OCI_INDEX, manifests: [...others, entry] };
}

function entryOf({ bytes, mediaType, digest }: ManifestContent, subject: Digest): Descriptor {
  const manifest = parseJson(referrerSchema, bytes, `Manifest ${digest}`);
  if (manifest.subject.digest !== subject) {
    throw new PublisherError('usage', `Manifest ${digest} refers to ${manifest.subject.digest}, not to ${subject}`);
  }
  const artifactType = manifest.artifactType || manifest.config?.mediaType;
  return {
    mediaType,
    digest,
    size: bytes.byteLength,
    ...(artifactType === undefined ? {} : { artifactType }),
    ...(manifest.annotations == null ? {} : { annotations: manifest.annotations }),
  };
}

const optional = (signal: AbortSignal | undefined) => (signal === undefined ? {} : { signal });
