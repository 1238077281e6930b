import { messageOf, PublisherError } from '../errors.ts';
import { stripUrls } from '../http/redact.ts';
import { cancelled, pause } from '../http/retry.ts';
import type { WireResponse } from '../http/wire.ts';
import { discard, type Place } from './connection.ts';
import { Hasher } from './digest.ts';
import type { Descriptor } from './types.ts';

/** Attempts without this much progress count as failures of the same kind. Bytes. */
const PROGRESS = 1024 * 1024;
const ATTEMPTS = 3;

/**
 * GET of a blob, resumed by Range when it is cut ("Pulling blobs"). See `ImageSource.blob`.
 *
 * @throws PublisherError `registry-unavailable` when it is cut again and again, `registry-invalid` for other bytes
 */
export async function* downloadBlob(
  place: Place,
  descriptor: Descriptor,
  signal?: AbortSignal,
): AsyncGenerator<Uint8Array, void, undefined> {
  const { connection, name } = place;
  const what = `reading blob ${descriptor.digest} of ${name}`;
  const hasher = new Hasher();
  let failures = 0;
  let mark = 0;
  while (hasher.size < descriptor.size || hasher.size === 0) {
    const body = await openAt(place, descriptor, hasher.size, what, signal);
    let cut: unknown = null;
    try {
      for await (const chunk of remaining(body, hasher.size)) {
        if (hasher.size + chunk.byteLength > descriptor.size) throw wrongSize(what, name, descriptor);
        hasher.update(chunk);
        yield chunk;
      }
    } catch (error) {
      if (signal?.aborted) throw cancelled(signal);
      if (error instanceof PublisherError) throw error;
      cut = error;
    }
    if (hasher.size === descriptor.size) break;
    failures = hasher.size - mark >= PROGRESS ? 1 : failures + 1;
    mark = hasher.size;
    const where = `after ${hasher.size} of ${descriptor.size} bytes while ${what}`;
    const why = cut === null ? '' : `: ${stripUrls(messageOf(cut))}`;
    if (failures >= ATTEMPTS) {
      throw new PublisherError('registry-unavailable', `${connection.registry} broke off ${where}${why}`, {
        cause: cut,
      });
    }
    connection.logger.warn({ blob: descriptor.digest, offset: hasher.size, failures }, 'download cut, resuming');
    await pause(connection.clock, 250 * failures, signal);
  }
  if (hasher.digest() !== descriptor.digest) {
    throw new PublisherError('registry-invalid', `${name} sent bytes with digest ${hasher.digest()} while ${what}`);
  }
}

interface OpenBody {
  stream: WireResponse['body'];
  /** Bytes to pass over because the server did not honour the Range. */
  startsAt: number;
}

/** A body that begins at `offset` or before it; connecting is retried. */
async function openAt(
  { connection, repository, name }: Place,
  descriptor: Descriptor,
  offset: number,
  what: string,
  signal?: AbortSignal,
): Promise<OpenBody> {
  return connection.retry(async () => {
    const { response, elsewhere } = await connection.follow({
      method: 'GET',
      url: connection.url(`${repository}/blobs/${descriptor.digest}`),
      scopes: [`repository:${repository}:pull`],
      what,
      signal,
      ...(offset === 0 ? {} : { headers: { range: `bytes=${offset}-` } }),
    });
    if (response.status === 200) {
      const length = response.headers.get('content-length');
      if (length !== null && Number(length) !== descriptor.size) {
        await discard(response);
        throw wrongSize(what, name, descriptor);
      }
      return { stream: response.body, startsAt: 0 };
    }
    if (response.status !== 206 || offset === 0) throw await connection.failure(response, what, elsewhere);
    const start = /^bytes (\d+)-/.exec(response.headers.get('content-range') ?? '')?.[1];
    if (Number(start) !== offset) {
      await discard(response);
      throw new PublisherError('registry-invalid', `${name} answered another range than asked while ${what}`);
    }
    return { stream: response.body, startsAt: offset };
  }, signal);
}

async function* remaining({ stream, startsAt }: OpenBody, offset: number): AsyncGenerator<Uint8Array> {
  let skip = offset - startsAt;
  for await (const chunk of stream ?? []) {
    const rest = skip === 0 ? chunk : chunk.subarray(Math.min(skip, chunk.byteLength));
    skip -= chunk.byteLength - rest.byteLength;
    if (rest.byteLength > 0) yield rest;
  }
}

function wrongSize(what: string, name: string, { size }: Descriptor): PublisherError {
  return new PublisherError(
    'registry-invalid',
    `${name} sent another size than the ${size} bytes declared while ${what}`,
  );
}
