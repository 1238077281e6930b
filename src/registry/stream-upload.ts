import { PublisherError } from '../errors.ts';
import { cancelled } from '../http/retry.ts';
import { blobExists } from './blobs.ts';
import { discard, type Place } from './connection.ts';
import { Feed } from './content.ts';
import { answerOf } from './failures.ts';
import { checkHop } from './hops.ts';
import { SessionLimit } from './session-limit.ts';
import { beginSession, cancelSession, finishSession, pushScope, sessionFailure, untouchedSession } from './sessions.ts';
import { refusesStreaming } from './strategy.ts';
import type { BlobContent, Descriptor, WriteOptions } from './types.ts';

/** One write of a blob, through however many attempts. */
export interface Upload {
  place: Place;
  content: BlobContent;
  options: WriteOptions;
  /** For messages: "uploading a blob of 5 bytes to ghcr.io/acme/x". */
  what: string;
}

/** Either the blob is there, or there is no point in another attempt. */
export type Outcome = { descriptor: Descriptor } | { failure: unknown };

/** Where the content's bytes went: into a session to be ended, all the way, or nowhere because the registry takes no streams. */
type Sent = { session: URL } | { stored: true } | { refused: string };

/** Only these say nothing about the request: they are about who sends it, and when. */
const PASSING: ReadonlySet<number> = new Set([401, 403, 408, 425, 429]);

/**
 * Sends a blob as its content streams, in one session of its own. A token that ended before the first byte was taken is renewed and
 * the session kept; everything else that loses the bytes is thrown, to be tried again by the caller.
 *
 * @returns `spool`, with the reason, when another attempt of this kind would fare no better
 * @throws PublisherError with a registry code, `cancelled`
 */
export async function streamLayer(upload: Upload): Promise<Outcome | { spool: string }> {
  const { place, content, options, what } = upload;
  const { connection } = place;
  let session: URL;
  try {
    session = await connection.retry(() => beginSession(place, what, options.signal), options.signal);
  } catch (error) {
    return { failure: error };
  }
  using limit = new SessionLimit(connection.clock, connection.strategy.maxSessionMs, options.signal);
  const { signal } = limit;
  const send = content.digest === null ? patch : put;
  let feed = new Feed(content, { ...options, signal });
  const giveUp = async () => {
    feed.stop();
    await cancelSession(place, session);
    feed.rewind();
  };
  try {
    const sent = await send(upload, session, feed, signal).catch(async (error: unknown) => {
      const fresh =
        answerOf(error)?.status === 401 ? await untouchedSession(place, session, what, signal).catch(() => null) : null;
      if (fresh === null) throw error;
      feed.stop();
      feed.rewind();
      feed = new Feed(content, { ...options, signal });
      return send(upload, fresh, feed, signal);
    });
    limit.stop();
    if ('stored' in sent) return { descriptor: feed.descriptor };
    if ('session' in sent) {
      const outcome = await finish(upload, sent.session, feed.descriptor);
      if ('failure' in outcome) await giveUp();
      return outcome;
    }
    await giveUp();
    connection.refuseStreams(sent.refused);
    return { spool: sent.refused };
  } catch (error) {
    await giveUp();
    if (options.signal?.aborted) throw cancelled(options.signal);
    if (limit.expired) return { spool: `it does not fit into the time ${connection.registry} gives an upload` };
    if (feed.failure !== null) return { failure: feed.failure.error };
    throw error;
  }
}

/** Streams content of unknown digest; the connection's pace is the content's pace. */
async function patch(upload: Upload, session: URL, feed: Feed, signal: AbortSignal): Promise<Sent> {
  const { place, what } = upload;
  const { connection } = place;
  const response = await connection.send({
    method: 'PATCH',
    url: session,
    scopes: [pushScope(place)],
    what,
    headers: { 'content-type': 'application/octet-stream' },
    stream: { length: null, open: () => feed.chunks(), repeatable: false },
    signal,
    timeoutMs: null,
  });
  if (!response.ok) {
    const failure = await sessionFailure(place, response, what);
    const answer = answerOf(failure);
    if (feed.failure === null && answer !== null && !feed.complete && refusesStreaming(answer)) {
      return { refused: failure.message };
    }
    throw failure;
  }
  await discard(response);
  if (feed.failure !== null) throw feed.failure.error;
  if (!feed.complete) return { refused: `it answered ${response.status} before it had all bytes` };
  const location = response.headers.get('location');
  return { session: location === null ? session : checkHop(location, session, connection.registry) };
}

/** Streams content whose digest is known: one request, its length told beforehand. */
async function put({ place, content, what }: Upload, session: URL, feed: Feed, signal: AbortSignal): Promise<Sent> {
  if (content.digest === null) throw new PublisherError('internal', 'A single PUT needs the digest beforehand');
  const stream = { length: content.size, open: () => feed.chunks(), repeatable: false };
  await finishSession(place, session, content.digest, what, signal, stream);
  if (feed.verified) return { stored: true };
  const { registry } = place.connection;
  throw new PublisherError(
    'registry-invalid',
    `${registry} answered before it had all ${content.size} bytes while ${what}`,
  );
}

/**
 * Ends a session that has all bytes. As long as nothing says that they are gone, it is the PUT that is repeated, not the layer.
 *
 * @throws PublisherError, retryable, when the session is gone
 */
async function finish({ place, options, what }: Upload, session: URL, descriptor: Descriptor): Promise<Outcome> {
  const { signal } = options;
  let refusal: PublisherError | null;
  try {
    refusal = await place.connection.retry(async (attempt) => {
      if (attempt > 1 && (await blobExists(place, descriptor.digest, signal))) return null;
      try {
        await finishSession(place, session, descriptor.digest, what, signal);
        return null;
      } catch (error) {
        const status = answerOf(error)?.status ?? 0;
        if (error instanceof PublisherError && status >= 400 && status < 500 && !PASSING.has(status)) return error;
        throw error;
      }
    }, signal);
    // A session may be gone because it was ended: by a PUT whose answer was lost, or by the registry itself (ECR).
    if (refusal === null || (await blobExists(place, descriptor.digest, signal))) return { descriptor };
  } catch (error) {
    return { failure: error };
  }
  if (refusal.retryable) throw refusal;
  return { failure: refusal };
}
