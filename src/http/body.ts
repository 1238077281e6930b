import { type ErrorCode, messageOf, PublisherError } from '../errors.ts';
import type { WireResponse } from './wire.ts';

export interface BodyOptions {
  /** Bytes; one more is an error, never a shorter answer. */
  maxBytes: number;
  /** What is being read, for messages, e.g. `the file list of acme/tiny`. */
  what: string;
  /** Code when the body breaks off or is not what it should be. */
  code: ErrorCode;
}

/**
 * The whole body of a response.
 * @throws PublisherError `too-large` over `maxBytes`; `options.code` when it breaks off
 */
export async function readBytes(
  response: Pick<WireResponse, 'headers' | 'body'>,
  options: BodyOptions,
): Promise<Uint8Array> {
  const { maxBytes, what, code } = options;
  if (Number(response.headers.get('content-length') ?? 0) > maxBytes) {
    await response.body?.cancel();
    throw tooLarge(options);
  }
  const chunks: Uint8Array[] = [];
  let size = 0;
  try {
    // Leaving the loop early cancels the body.
    for await (const chunk of response.body ?? []) {
      size += chunk.byteLength;
      if (size > maxBytes) throw tooLarge(options);
      chunks.push(chunk);
    }
  } catch (error) {
    if (error instanceof PublisherError) throw error;
    throw new PublisherError(code, `${what} broke off after ${size} bytes: ${messageOf(error)}`, { cause: error });
  }
  return Buffer.concat(chunks);
}

/** The body as UTF-8 text; see {@link readBytes}. */
export async function readText(
  response: Pick<WireResponse, 'headers' | 'body'>,
  options: BodyOptions,
): Promise<string> {
  return new TextDecoder().decode(await readBytes(response, options));
}

/**
 * The body parsed as JSON, still to be validated; see {@link readBytes}.
 * @throws PublisherError `options.code`, not retryable, when it is not JSON
 */
export async function readJson(
  response: Pick<WireResponse, 'headers' | 'body'>,
  options: BodyOptions,
): Promise<unknown> {
  const text = await readText(response, options);
  try {
    return JSON.parse(text);
  } catch (error) {
    const type = response.headers.get('content-type') ?? 'no content type';
    throw new PublisherError(options.code, `${options.what} is not JSON but ${type}`, {
      cause: error,
      retryable: false,
    });
  }
}

function tooLarge({ maxBytes, what }: BodyOptions): PublisherError {
  return new PublisherError('too-large', `${what} is over the limit of ${maxBytes} bytes`);
}
