import { cancelled } from '../http/retry.ts';
import { blobExists } from './blobs.ts';
import type { Place } from './connection.ts';
import { Feed } from './content.ts';
import { beginSession, cancelSession, finishSession } from './sessions.ts';
import { spoolLayer } from './spool-upload.ts';
import { type Outcome, streamLayer, type Upload } from './stream-upload.ts';
import type { BlobContent, Descriptor, Digest, WriteOptions } from './types.ts';

/** Content up to this many bytes is held in memory and sent in one request, which every registry understands. */
const BUFFERED = 4 * 1024 * 1024;
/** Attempts of a layer before it is stored on disk, where sending it again costs no download. */
const STREAMS = 2;

/**
 * Uploads a blob ("Pushing blobs"). See `ImageTarget.write`.
 *
 *     POST ─▶ PUT ?digest= with the bytes                     up to 4 MiB
 *     POST ─▶ PUT ?digest= with the bytes as they stream      larger, digest known
 *     POST ─▶ one chunked PATCH ─▶ PUT ?digest=               larger, digest unknown
 *      │          │
 *      │          ├─ lost ──▶ once more from the layer's start, in a new session
 *      │          └─ lost again, no time left, or the registry takes no streams
 *      ▼                │
 *     spool: content ─▶ file ─▶ POST ─▶ PUT ?digest= from the file, as often as it takes
 *
 * @throws the content's own error; PublisherError with a registry code after the last attempt, `environment` when the disk is too
 *   small for a layer that has to be spooled, `too-large` when the registry's time does not do for it
 */
export async function uploadBlob(place: Place, content: BlobContent, options: WriteOptions): Promise<Descriptor> {
  const what = `uploading ${content.digest ?? 'a blob'} of ${content.size} bytes to ${place.name}`;
  const upload = { place, content, options, what };
  const outcome = content.size <= BUFFERED ? await uploadSmall(upload) : await uploadLarge(upload);
  if ('failure' in outcome) throw outcome.failure;
  return outcome.descriptor;
}

async function uploadSmall({ place, content, options, what }: Upload): Promise<Outcome> {
  const feed = new Feed(content, options);
  const chunks: Uint8Array[] = [];
  try {
    for await (const chunk of feed.chunks()) chunks.push(chunk);
  } catch (error) {
    feed.rewind();
    if (options.signal?.aborted) throw cancelled(options.signal);
    return { failure: error };
  }
  const bytes = Buffer.concat(chunks);
  const { connection } = place;
  try {
    await connection.retry(async () => {
      const session = await beginSession(place, what, options.signal);
      try {
        await finishSession(place, session, feed.digest, what, options.signal, bytes);
      } catch (error) {
        await cancelSession(place, session);
        throw error;
      }
    }, options.signal);
  } catch (error) {
    feed.rewind();
    throw error;
  }
  return { descriptor: feed.descriptor };
}

async function uploadLarge({ place, content, options, what }: Upload): Promise<Outcome> {
  const { connection } = place;
  const { mediaType, size } = content;
  let sent: Digest | null = null;
  /** An attempt that is repeated tells nothing new. */
  const onDigest = async (descriptor: Descriptor) => {
    if (sent === descriptor.digest) return;
    sent = descriptor.digest;
    await options.onDigest?.(descriptor);
  };
  const upload: Upload = { place, content, options: { ...options, onDigest }, what };
  return connection.retry(async (attempt) => {
    const digest = content.digest ?? sent;
    // The answer to the last PUT may be all that was lost.
    if (attempt > 1 && digest !== null && (await blobExists(place, digest, options.signal))) {
      await onDigest({ mediaType, digest, size });
      options.onBytes?.(size);
      return { descriptor: { mediaType, digest, size } };
    }
    if (content.digest === null && !connection.streams) return spoolLayer(upload, 'the registry takes no streams');
    if (attempt > STREAMS) return spoolLayer(upload, 'it was lost again and again');
    const outcome = await streamLayer(upload).catch((error: unknown) => {
      if (!options.signal?.aborted) connection.logger.warn({ err: error, attempt }, 'upload lost');
      throw error;
    });
    return 'spool' in outcome ? spoolLayer(upload, outcome.spool) : outcome;
  }, options.signal);
}
