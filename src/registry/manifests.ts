import { z } from 'zod';
import { PublisherError } from '../errors.ts';
import { readBytes } from '../http/body.ts';
import { discard, type Place, type RegistryRequest } from './connection.ts';
import { digestOf, isDigest } from './digest.ts';
import { ACCEPTED_MANIFESTS } from './media-types.ts';
import { isTag } from './reference.ts';
import { MANIFEST_LIMIT } from './schema.ts';
import type { Descriptor, ManifestContent } from './types.ts';

const typeSchema = z.looseObject({ mediaType: z.string().optional(), schemaVersion: z.number() });

/** GET of a manifest, verified (distribution specification, "Pulling manifests"). See `ImageSource.manifest`. */
export async function getManifest(place: Place, reference: string, signal?: AbortSignal): Promise<ManifestContent> {
  const { connection, name } = place;
  checkReference(reference);
  const what = `reading manifest ${reference} of ${name}`;
  const request = { ...base(place, reference, ['pull'], signal), method: 'GET', what } as const;
  return connection.retry(async () => {
    const { response, elsewhere } = await connection.follow({
      ...request,
      headers: { accept: ACCEPTED_MANIFESTS.join(', ') },
    });
    if (response.status !== 200) throw await connection.failure(response, what, elsewhere);
    const limits = {
      maxBytes: MANIFEST_LIMIT,
      what: `Manifest ${reference} of ${name}`,
      code: 'registry-unavailable',
    } as const;
    const bytes = await readBytes(response, limits);
    const digest = digestOf(bytes);
    const expected = isDigest(reference) ? reference : response.headers.get('docker-content-digest');
    if (expected !== null && expected !== digest) {
      throw invalid(`${name} sent a manifest with digest ${digest} where ${expected.slice(0, 80)} was due`);
    }
    return { bytes, digest, mediaType: mediaTypeOf(bytes, response.headers.get('content-type'), limits.what) };
  }, signal);
}

/** HEAD of a manifest ("Checking if content exists in the registry"); null for 404. Where the answer does not tell all, a GET does. */
export async function headManifest(place: Place, reference: string, signal?: AbortSignal): Promise<Descriptor | null> {
  const { connection, name } = place;
  checkReference(reference);
  const what = `looking for manifest ${reference} in ${name}`;
  const seen = await connection.retry(async () => {
    const { response, elsewhere } = await connection.follow({
      ...base(place, reference, ['pull'], signal),
      method: 'HEAD',
      what,
      headers: { accept: ACCEPTED_MANIFESTS.join(', ') },
    });
    if (response.status === 404) return null;
    if (!response.ok) throw await connection.failure(response, what, elsewhere);
    await discard(response);
    return described(response.headers);
  }, signal);
  if (seen === null) return null;
  if (seen !== 'untold') {
    if (!isDigest(reference) || seen.digest === reference) return seen;
    throw invalid(`${name} has a manifest with digest ${seen.digest} where ${reference} was asked for`);
  }
  try {
    const { mediaType, digest, bytes } = await getManifest(place, reference, signal);
    return { mediaType, digest, size: bytes.byteLength };
  } catch (error) {
    if (error instanceof PublisherError && error.code === 'registry-not-found') return null;
    throw error;
  }
}

/**
 * PUT of a manifest under a digest or a tag ("Pushing Manifests").
 *
 * @returns the subject whose referrers the registry will list it under (`OCI-Subject`); null when it said nothing of that
 */
export async function putManifest(
  place: Place,
  reference: string,
  content: ManifestContent,
  signal?: AbortSignal,
): Promise<string | null> {
  const { connection, name } = place;
  const what = isDigest(reference) ? `writing manifest ${reference} to ${name}` : `tagging ${name}:${reference}`;
  checkReference(reference);
  return connection.retry(async () => {
    const response = await connection.send({
      ...base(place, reference, ['pull', 'push'], signal),
      method: 'PUT',
      what,
      headers: { 'content-type': content.mediaType },
      body: new Uint8Array(content.bytes),
    });
    if (!response.ok) throw await connection.failure(response, what);
    await discard(response);
    const stored = response.headers.get('docker-content-digest');
    if (stored !== null && stored !== content.digest) {
      throw invalid(`${name} stored ${stored.slice(0, 80)} instead of manifest ${content.digest}`);
    }
    return response.headers.get('oci-subject');
  }, signal);
}

/** Whether a failed DELETE means that the registry deletes no such thing, rather than that it failed. */
const CANNOT_DELETE: ReadonlySet<number> = new Set([400, 405, 501]);

/**
 * DELETE of a tag, or of a manifest with every tag on it ("Deleting tags", "Deleting Manifests").
 *
 * @returns `refused` where the registry deletes no tags, or nothing at all
 */
export async function deleteManifest(
  place: Place,
  reference: string,
  signal?: AbortSignal,
): Promise<'deleted' | 'absent' | { refused: string }> {
  const { connection, name } = place;
  checkReference(reference);
  const what = `deleting ${reference} from ${name}`;
  return connection.retry(async () => {
    const request = base(place, reference, ['delete', 'pull', 'push'], signal);
    const response = await connection.send({ ...request, method: 'DELETE', what });
    if (response.status === 404) {
      await discard(response);
      return 'absent';
    }
    if (response.ok) {
      await discard(response);
      return 'deleted';
    }
    const failure = await connection.failure(response, what);
    if (CANNOT_DELETE.has(response.status)) return { refused: failure.message };
    throw failure;
  }, signal);
}

/** What the headers tell of a manifest. */
function described(headers: Headers): Descriptor | 'untold' {
  const digest = headers.get('docker-content-digest') ?? '';
  const size = headers.get('content-length') ?? '';
  const mediaType = headers.get('content-type')?.split(';')[0]?.trim() ?? '';
  if (!isDigest(digest) || !/^\d{1,9}$/.test(size) || !ACCEPTED_MANIFESTS.includes(mediaType)) return 'untold';
  return { mediaType, digest, size: Number(size) };
}

function checkReference(reference: string): void {
  if (isTag(reference) || isDigest(reference)) return;
  throw new PublisherError('usage', `${JSON.stringify(reference.slice(0, 120))} is neither a tag nor a sha256 digest`);
}

function base(
  { connection, repository }: Place,
  reference: string,
  actions: readonly string[],
  signal: AbortSignal | undefined,
): Pick<RegistryRequest, 'url' | 'scopes' | 'signal'> {
  const url = connection.url(`${repository}/manifests/${reference}`);
  return { url, scopes: [`repository:${repository}:${actions.join(',')}`], signal };
}

/** The document's own type and the header's must agree (image specification, "mediaType"); either may be missing. */
function mediaTypeOf(bytes: Uint8Array, header: string | null, what: string): string {
  let own: string | undefined;
  try {
    own = typeSchema.parse(JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))).mediaType;
  } catch (error) {
    throw new PublisherError('registry-invalid', `${what} is not a JSON manifest`, { cause: error });
  }
  const sent = header?.split(';')[0]?.trim().toLowerCase() ?? '';
  const generic = sent === '' || !sent.startsWith('application/vnd.');
  if (own !== undefined && !generic && own !== sent) throw invalid(`${what} says it is ${own} but was sent as ${sent}`);
  if (own === undefined && generic) throw invalid(`${what} does not say what type it has`);
  return own ?? sent;
}

function invalid(message: string): PublisherError {
  return new PublisherError('registry-invalid', message);
}
