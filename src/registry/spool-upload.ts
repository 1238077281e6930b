import { PublisherError } from '../errors.ts';
import { cancelled } from '../http/retry.ts';
import { blobExists } from './blobs.ts';
import { Feed, Tally } from './content.ts';
import { usableMs } from './session-limit.ts';
import { beginSession, cancelSession, finishSession } from './sessions.ts';
import type { SpoolFile } from './spool-file.ts';
import type { Outcome, Upload } from './stream-upload.ts';
import type { Digest } from './types.ts';

/**
 * Stores a layer on disk first and sends it in one PUT with its length, which is repeated from there. Bytes count as sent while the
 * content is read, and again, from nothing, while the registry takes them.
 *
 * @param why in the log
 */
export async function spoolLayer(upload: Upload, why: string): Promise<Outcome> {
  const { place, content, options } = upload;
  const { connection } = place;
  const { signal } = options;
  const { registry } = connection;
  connection.logger.info({ registry, size: content.size, why }, 'storing a layer on disk before it is sent');
  const feed = new Feed(content, options);
  try {
    await using file = await connection.spool.open(content.size, signal);
    for await (const chunk of feed.chunks()) await file.write(chunk);
    feed.rewind();
    await connection.retry((attempt) => sendFile(upload, file, feed.digest, attempt), signal);
    return { descriptor: feed.descriptor };
  } catch (error) {
    feed.stop();
    feed.rewind();
    if (signal?.aborted) return { failure: cancelled(signal) };
    return { failure: feed.failure === null ? error : feed.failure.error };
  }
}

async function sendFile(upload: Upload, file: SpoolFile, digest: Digest, attempt: number): Promise<void> {
  const { place, content, options, what } = upload;
  const { connection } = place;
  const tally = new Tally(options.onBytes);
  // The answer to the last PUT may be all that was lost.
  if (attempt > 1 && (await blobExists(place, digest, options.signal))) return tally.add(content.size);
  const began = connection.clock.now();
  const session = await beginSession(place, what, options.signal);
  let pass = 0;
  async function* open() {
    const mine = ++pass;
    tally.rewind();
    for await (const chunk of file.read()) {
      // A request that failed may ask for one more chunk.
      if (mine !== pass) return;
      tally.add(chunk.byteLength);
      yield chunk;
    }
  }
  try {
    const body = { length: content.size, open, repeatable: true };
    await finishSession(place, session, digest, what, options.signal, body);
  } catch (error) {
    pass++;
    tally.rewind();
    await cancelSession(place, session);
    throw tooSlow(error, upload, connection.clock.now() - began) ?? error;
  }
}

/** A failure at about the time the registry gives an upload is about that time, whatever the registry calls it. */
function tooSlow(error: unknown, { place, options, what }: Upload, tookMs: number): PublisherError | null {
  const { registry, strategy } = place.connection;
  const { maxSessionMs } = strategy;
  if (maxSessionMs === null || tookMs < usableMs(maxSessionMs) || options.signal?.aborted) return null;
  const seconds = (ms: number) => `${Math.round(ms / 1000)} s`;
  return new PublisherError(
    'too-large',
    `${registry} gives an upload ${seconds(maxSessionMs)}, which did not do while ${what} (${seconds(tookMs)}): lower limits.layer_max_bytes, or use a faster connection`,
    { cause: error },
  );
}
