import { PublisherError } from '../errors.ts';
import { cancelled } from '../http/retry.ts';
import { discard, type Place } from './connection.ts';
import { Feed } from './content.ts';
import { checkHop } from './hops.ts';
import { beginSession, cancelSession, finishSession, pushScope, sessionFailure } from './sessions.ts';
import type { BlobContent, Descriptor, Digest, Reference, WriteOptions } from './types.ts';

/** Content up to this many bytes is held in memory and sent in one request, which every registry understands. */
const BUFFERED = 4 * 1024 * 1024;

/** Either the blob is there, or its content failed: the latter is no reason to ask the registry again. */
type Outcome = { descriptor: Descriptor } | { contentFailure: unknown };

/**
 * Uploads a blob ("Pushing blobs"). See `ImageTarget.write`.
 *
 *     POST ──▶ session ──▶ PUT with the bytes                  up to 4 MiB
 *                 │
 *                 └──────▶ one chunked PATCH ──▶ PUT ?digest=   anything larger, as it streams
 *                             │
 *            content failed ──┴── registry failed ──▶ DELETE the session, start over with a new one
 *
 * @throws the content's own error; PublisherError with a registry code after the last attempt
 */
export async function uploadBlob(place: Place, content: BlobContent, options: WriteOptions): Promise<Descriptor> {
  const outcome =
    content.size <= BUFFERED ? await uploadSmall(place, content, options) : await uploadLarge(place, content, options);
  if ('contentFailure' in outcome) throw outcome.contentFailure;
  return outcome.descriptor;
}

/** Cross-repository mount ("Mounting a blob from another repository"): true for 201; a session offered instead is cancelled. */
export async function mountBlob(
  place: Place,
  descriptor: Descriptor,
  from: Reference,
  signal?: AbortSignal,
): Promise<boolean> {
  const { connection, repository, name } = place;
  const what = `mounting ${descriptor.digest} from ${from.repository} into ${name}`;
  return connection.retry(async () => {
    const response = await connection.send({
      method: 'POST',
      url: connection.url(`${repository}/blobs/uploads/`, { mount: descriptor.digest, from: from.repository }),
      scopes: [pushScope(place), `repository:${from.repository}:pull`],
      what,
      signal,
    });
    if (response.status === 201) {
      await discard(response);
      return true;
    }
    if (response.status !== 202) throw await connection.failure(response, what);
    await discard(response);
    await cancelSession(place, checkHop(response.headers.get('location'), connection.url(''), connection.registry));
    return false;
  }, signal);
}

async function uploadSmall(place: Place, content: BlobContent, options: WriteOptions): Promise<Outcome> {
  const feed = new Feed(content, options);
  const chunks: Uint8Array[] = [];
  try {
    for await (const chunk of feed.chunks()) chunks.push(Uint8Array.from(chunk));
  } catch (error) {
    if (options.signal?.aborted) throw cancelled(options.signal);
    return { contentFailure: error };
  }
  const bytes = Buffer.concat(chunks);
  await options.onDigest?.(feed.descriptor);
  const { connection } = place;
  const what = describe(place, content);
  await connection.retry(async () => {
    const session = await beginSession(place, what, options.signal);
    try {
      await finishSession(place, session, feed.digest, what, options.signal, bytes);
    } catch (error) {
      await cancelSession(place, session);
      throw error;
    }
  }, options.signal);
  return { descriptor: feed.descriptor };
}

async function uploadLarge(place: Place, content: BlobContent, options: WriteOptions): Promise<Outcome> {
  const what = describe(place, content);
  let sent: Digest | null = null;
  return place.connection.retry(async (attempt) => {
    // The answer to the last PUT may be all that was lost.
    if (attempt > 1 && sent !== null && (await blobExists(place, sent, options.signal))) {
      options.onBytes?.(content.size);
      return { descriptor: { mediaType: content.mediaType, digest: sent, size: content.size } };
    }
    const first = await beginSession(place, what, options.signal);
    const feed = new Feed(content, options);
    try {
      const session = await patch(place, first, feed, content, what, options.signal);
      sent = feed.digest;
      await options.onDigest?.(feed.descriptor);
      await finishSession(place, session, feed.digest, what, options.signal);
      return { descriptor: feed.descriptor };
    } catch (error) {
      const failure = feed.failure;
      feed.stop();
      await cancelSession(place, first);
      if (options.signal?.aborted) throw cancelled(options.signal);
      if (failure !== null) return { contentFailure: failure.error };
      feed.rewind();
      throw error;
    }
  }, options.signal);
}

/** Streams the whole content into a session; the connection's pace is the content's pace. */
async function patch(
  place: Place,
  session: URL,
  feed: Feed,
  content: BlobContent,
  what: string,
  signal?: AbortSignal,
): Promise<URL> {
  const { connection } = place;
  const response = await connection.send({
    method: 'PATCH',
    url: session,
    scopes: [pushScope(place)],
    what,
    headers: { 'content-type': 'application/octet-stream' },
    stream: ReadableStream.from(feed.chunks()),
    signal,
    timeoutMs: null,
  });
  if (!response.ok) throw await sessionFailure(place, response, what);
  await discard(response);
  if (!feed.complete) {
    throw new PublisherError(
      'registry-invalid',
      `${connection.registry} answered before it had all ${content.size} bytes while ${what}`,
    );
  }
  const location = response.headers.get('location');
  return location === null ? session : checkHop(location, session, connection.registry);
}

/** HEAD of a blob ("Checking if content exists in the registry"). */
export async function blobExists(place: Place, digest: Digest, signal?: AbortSignal): Promise<boolean> {
  const { connection, repository, name } = place;
  const what = `looking for blob ${digest} in ${name}`;
  return connection.retry(async () => {
    const { response, elsewhere } = await connection.follow({
      method: 'HEAD',
      url: connection.url(`${repository}/blobs/${digest}`),
      scopes: [`repository:${repository}:pull`],
      what,
      signal,
    });
    if (response.status === 404) return false;
    if (!response.ok) throw await connection.failure(response, what, elsewhere);
    await discard(response);
    return true;
  }, signal);
}

function describe({ name }: Place, { size, digest }: BlobContent): string {
  return `uploading ${digest ?? 'a blob'} of ${size} bytes to ${name}`;
}
