import { z } from 'zod';
import type { HubFile, ModelAt } from './types.ts';
import { createVerifier } from './verify.ts';

/**
 * Where public answers of the Hub are kept from one run to the next. Nothing that comes out of it is believed as such: metadata
 * holds only once the Hub has said so again (304), a file only if its hash is the one the Hub lists.
 */
export interface HubCache {
  /** What was kept under this key; null when there is nothing, or not what was kept. Never rejects. */
  get(key: string): Promise<Uint8Array | null>;
  /** Keeps it, or not: a cache that cannot is only slow. Never rejects. */
  set(key: string, bytes: Uint8Array): Promise<void>;
}

const answerSchema = z.object({ etag: z.string().min(1), link: z.string().nullable(), json: z.unknown() });

/** A JSON answer with what is needed to ask whether it still holds. `link` is the address of the next page. */
export type KnownAnswer = z.infer<typeof answerSchema>;

/** The last answer to this very question. */
export async function recallAnswer(cache: HubCache | null, url: URL): Promise<KnownAnswer | null> {
  const bytes = await cache?.get(answerKey(url));
  if (bytes === null || bytes === undefined) return null;
  try {
    return answerSchema.safeParse(JSON.parse(new TextDecoder().decode(bytes))).data ?? null;
  } catch {
    return null;
  }
}

/** Without an ETag there would be no asking again, so nothing is kept. */
export async function keepAnswer(
  cache: HubCache | null,
  url: URL,
  answer: Omit<KnownAnswer, 'etag'> & { etag: string | null },
): Promise<void> {
  if (cache !== null && answer.etag) await cache.set(answerKey(url), Buffer.from(JSON.stringify(answer)));
}

/**
 * The content of a small public file: kept content where its size and hash are the listed ones, else what `read` gives, which is
 * verified too. Only for files of a model the Hub has just called public and not gated, read without a token.
 */
export async function throughCache(
  cache: HubCache | null,
  model: ModelAt,
  file: HubFile,
  read: () => Promise<Uint8Array>,
): Promise<Uint8Array> {
  if (cache === null) return read();
  // With the model's name: SHA-1 collides for who wants it to, and nobody should choose what another's file says.
  const key = `file ${model.id} ${file.sha256 ?? file.oid}`;
  const kept = await cache.get(key);
  if (kept !== null && isFile(model, file, kept)) return kept;
  const bytes = await read();
  await cache.set(key, bytes);
  return bytes;
}

function isFile(model: ModelAt, file: HubFile, bytes: Uint8Array): boolean {
  const verifier = createVerifier(model.id, file);
  try {
    verifier.update(bytes);
    verifier.finish();
    return true;
  } catch {
    return false;
  }
}

/** The URL names the Hub, too. */
function answerKey(url: URL): string {
  return `answer ${url.href}`;
}
