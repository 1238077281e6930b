import { PublisherError } from '../errors.ts';
import type { WireResponse } from '../http/wire.ts';
import { discard, type Place, type StreamBody } from './connection.ts';
import { answerOf } from './failures.ts';
import { checkHop } from './hops.ts';
import type { Digest } from './types.ts';

const CANCEL_TIMEOUT_MS = 5_000;
const LOST_CODES: ReadonlySet<string> = new Set(['BLOB_UPLOAD_UNKNOWN', 'BLOB_UPLOAD_INVALID']);

/** Opens an upload session; its URL holds state that is the registry's own business. */
export async function beginSession(place: Place, what: string, signal?: AbortSignal): Promise<URL> {
  const { connection, repository } = place;
  const url = connection.url(`${repository}/blobs/uploads/`);
  const response = await connection.send({ method: 'POST', url, scopes: [pushScope(place)], what, signal });
  if (response.status !== 202) throw await connection.failure(response, what);
  await discard(response);
  return checkHop(response.headers.get('location'), url, connection.registry);
}

/**
 * Where a session goes on that has taken nothing so far; null when it has taken something, is gone, or does not tell ("GET" of the
 * upload's location).
 */
export async function untouchedSession(
  place: Place,
  session: URL,
  what: string,
  signal?: AbortSignal,
): Promise<URL | null> {
  const { connection } = place;
  const response = await connection.send({ method: 'GET', url: session, scopes: [pushScope(place)], what, signal });
  await discard(response);
  // Distribution has no other words for "nothing" than for "one byte"; a digest would tell them apart.
  if (!response.ok || !/^(?:bytes=)?0-(?:0|-1)$/.test(response.headers.get('range') ?? '0-0')) return null;
  const location = response.headers.get('location');
  return location === null ? session : checkHop(location, session, connection.registry);
}

/** Ends a session with its digest, and with the bytes when they were not sent before. */
export async function finishSession(
  place: Place,
  session: URL,
  digest: Digest,
  what: string,
  signal?: AbortSignal,
  content: Uint8Array<ArrayBuffer> | StreamBody = new Uint8Array(),
): Promise<void> {
  const { connection, name } = place;
  const url = new URL(session);
  // Appended as text: what is there may be signed, and must not be encoded anew.
  url.search = `${url.search === '' ? '?' : `${url.search}&`}digest=${encodeURIComponent(digest)}`;
  const response = await connection.send({
    method: 'PUT',
    url,
    scopes: [pushScope(place)],
    what,
    headers: { 'content-type': 'application/octet-stream' },
    ...(content instanceof Uint8Array ? { body: content } : { stream: content }),
    signal,
    timeoutMs: null,
  });
  if (!response.ok) throw await sessionFailure(place, response, what);
  await discard(response);
  const stored = response.headers.get('docker-content-digest');
  if (stored !== null && stored !== digest) {
    throw new PublisherError('registry-invalid', `${name} stored ${stored.slice(0, 80)} instead of ${digest}`);
  }
}

/** Best effort: a registry forgets sessions by itself after a while. */
export async function cancelSession(place: Place, session: URL): Promise<void> {
  const { connection, repository } = place;
  try {
    const response = await connection.send({
      method: 'DELETE',
      url: session,
      scopes: [`repository:${repository}:delete,pull,push`],
      what: 'cancelling an upload',
      timeoutMs: CANCEL_TIMEOUT_MS,
    });
    await discard(response);
  } catch (error) {
    connection.logger.debug({ err: error }, 'upload session left behind');
  }
}

/** A session the registry does not know (any more), or a token that ran out under a stream, is a reason to start over. */
export async function sessionFailure(
  { connection }: Place,
  response: WireResponse,
  what: string,
): Promise<PublisherError> {
  const failure = await connection.failure(response, what);
  const answer = answerOf(failure);
  if (answer === null) return failure;
  if (answer.status === 404 || answer.status === 416 || answer.codes.some((code) => LOST_CODES.has(code))) {
    return new PublisherError('registry-unavailable', `${failure.message} (the upload session was lost)`, {
      cause: answer,
    });
  }
  if (answer.status === 413) {
    return new PublisherError(failure.code, `${failure.message}: lower limits.layer_max_bytes`, { cause: answer });
  }
  const again = answer.status === 401 || answer.codes.includes('DIGEST_INVALID');
  return again ? new PublisherError(failure.code, failure.message, { cause: answer, retryable: true }) : failure;
}

/** What a token must allow to upload. */
export function pushScope({ repository }: Place): string {
  return `repository:${repository}:pull,push`;
}
