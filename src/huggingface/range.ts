import { PublisherError } from '../errors.ts';
import type { WireResponse } from '../http/wire.ts';
import { bodyOf, type StreamOptions } from './download.ts';
import type { Connection } from './request.ts';
import type { HubFile, ModelAt } from './types.ts';
import { truncated } from './verify.ts';

/**
 * Bytes `begin` (included) to `end` (excluded) of one file of a pinned revision, by a range request (RFC 9110, section 14). **Nothing
 * verifies them**: the Hub knows hashes of whole files only, so whoever reads a part has to hold the whole against one in the end. A
 * server that does not know ranges sends the whole file, of which the rest is skipped.
 *
 * @throws PublisherError `download-truncated` for fewer bytes, `download-corrupt` for another range or file than asked for
 */
export async function* streamRange(
  connection: Connection,
  model: ModelAt,
  file: HubFile,
  begin: number,
  end: number,
  options: StreamOptions,
): AsyncGenerator<Uint8Array, void, void> {
  if (!(begin >= 0 && begin <= end && end <= file.size)) {
    throw new PublisherError('internal', `${file.path} of ${model.id} has no bytes ${begin} to ${end}`);
  }
  if (begin === end) return;
  const what = `bytes ${begin}-${end - 1} of ${file.path} of ${model.id}`;
  let at = begin;
  let position = 0;
  const body = bodyOf(connection, model, file, options, {
    what,
    headers: { range: `bytes=${begin}-${end - 1}` },
    received: () => at,
    onAnswer: (response) => {
      position = positionOf(response, { begin, end, size: file.size, what });
    },
  });
  for await (const chunk of body) {
    const wanted = chunk.subarray(Math.max(0, at - position), Math.max(0, end - position));
    position += chunk.byteLength;
    if (wanted.byteLength === 0) continue;
    at += wanted.byteLength;
    options.onBytes?.(wanted.byteLength);
    yield wanted;
    if (at >= end) return;
  }
  throw truncated(model.id, file, position);
}

interface Wanted {
  begin: number;
  end: number;
  /** Bytes of the whole file. */
  size: number;
  what: string;
}

/** Where in the file the answer's first byte is. */
function positionOf(response: WireResponse, { begin, end, size, what }: Wanted): number {
  if (response.status !== 206) return 0;
  const told = response.headers.get('content-range') ?? '';
  const [, first, last, total] = /^bytes (\d+)-(\d+)\/(\d+|\*)$/.exec(told) ?? [];
  if (Number(first) === begin && Number(last) === end - 1 && (total === '*' || Number(total) === size)) return begin;
  throw new PublisherError('download-corrupt', `Asked for ${what}, the Hub answered with "${told}"`);
}
