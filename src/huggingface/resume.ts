import { type ErrorCode, PublisherError } from '../errors.ts';
import { pause } from '../http/retry.ts';
import { type StreamOptions, streamInto } from './download.ts';
import { streamRange } from './range.ts';
import type { Connection } from './request.ts';
import type { HubFile, ModelAt } from './types.ts';
import { createVerifier, truncated } from './verify.ts';

/** A body that broke off, a Hub that fell silent or out of reach: the next request may well go on. */
const PASSING: ReadonlySet<ErrorCode> = new Set(['download-truncated', 'hub-unavailable']);
/** Interruptions in a row without this much progress between them, until the download counts as failed. Bytes. */
const PROGRESS = 1024 * 1024;
const ATTEMPTS = 5;
const PAUSE_MS = 250;

/**
 * One file of a pinned revision in chunks, verified: ends normally only when size and hash are the Hub's. Where the body breaks off or stalls,
 * the rest is asked for by a range request to the Hub's own address, which leads to a newly signed one; that it is the same file is told by
 * the hash of the whole.
 *
 * @throws PublisherError `download-truncated` or `hub-unavailable` when it is interrupted again and again, `download-corrupt`, `cancelled`
 */
export async function* resumedFile(
  connection: Connection,
  model: ModelAt,
  file: HubFile,
  options: StreamOptions,
): AsyncGenerator<Uint8Array, void, void> {
  const verifier = createVerifier(model.id, file);
  let interruptions = 0;
  let mark = 0;
  for (;;) {
    let why: PublisherError;
    try {
      if (verifier.size === 0) yield* streamInto(verifier, connection, model, file, options);
      else {
        for await (const chunk of streamRange(connection, model, file, verifier.size, file.size, options)) {
          verifier.update(chunk);
          yield chunk;
        }
      }
      if (verifier.size >= file.size) break;
      why = truncated(model.id, file, verifier.size);
    } catch (error) {
      const passing = error instanceof PublisherError && PASSING.has(error.code) && error.retryable;
      // Before the first byte the request has been repeated already.
      if (!passing || options.signal?.aborted || verifier.size === 0) throw error;
      why = error;
    }
    interruptions = verifier.size - mark >= PROGRESS ? 1 : interruptions + 1;
    mark = verifier.size;
    if (interruptions >= ATTEMPTS) throw why;
    await pause(connection.clock, PAUSE_MS * interruptions, options.signal);
  }
  verifier.finish();
}
