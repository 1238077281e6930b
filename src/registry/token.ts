import { z } from 'zod';
import type { Clock } from '../clock.ts';
import { PublisherError } from '../errors.ts';
import { readBytes } from '../http/body.ts';
import type { Fetch } from '../http/fetch.ts';
import type { Credentials } from './credentials.ts';
import { failureOf, networkFailure } from './failures.ts';

export interface TokenRequest {
  registry: string;
  /** Already judged by `checkRealm`. */
  realm: URL;
  service: string | null;
  scopes: readonly string[];
  credentials: Credentials | null;
}

export interface Token {
  value: string;
  /** Milliseconds since the epoch from which on it is not used any more: a margin before its real end. */
  renewAt: number;
}

const CLIENT_ID = 'model-image-publisher';
const LARGEST_ANSWER = 1024 * 1024;
const DEFAULT_LIFE_S = 60;
const LARGEST_MARGIN_MS = 10_000;

const tokenSchema = z.looseObject({
  token: z.string().optional(),
  access_token: z.string().optional(),
  expires_in: z.number().nonnegative().nullish(),
});

/**
 * Asks a token service once (distribution's "Token Authentication Specification"; its OAuth2 form for identity tokens).
 *
 * @throws PublisherError `registry-denied`, `registry-unavailable` or `registry-invalid`
 */
export async function requestToken(
  request: TokenRequest,
  { fetch, clock, signal }: { fetch: Fetch; clock: Clock; signal: AbortSignal },
): Promise<Token> {
  const { registry, realm } = request;
  const what = `asking ${realm.host} for a token`;
  const asked = clock.now();
  try {
    const response = await fetch(...tokenCall(request, signal));
    if (response.status !== 200) throw await failureOf(response, { registry, what, clock });
    const limit = {
      maxBytes: LARGEST_ANSWER,
      what: `The token of ${realm.host}`,
      code: 'registry-unavailable',
    } as const;
    return parseToken(await readBytes(response, limit), realm.host, asked);
  } catch (error) {
    throw networkFailure(error, registry, what);
  }
}

function tokenCall(request: TokenRequest, signal: AbortSignal): [URL, RequestInit] {
  const { realm, service, scopes, credentials } = request;
  const url = new URL(realm);
  const common = { redirect: 'manual', signal } as const;
  if (credentials !== null && 'identityToken' in credentials) {
    const body = new URLSearchParams({
      grant_type: 'refresh_token',
      refresh_token: credentials.identityToken,
      client_id: CLIENT_ID,
      scope: scopes.join(' '),
      ...(service === null ? {} : { service }),
    });
    return [url, { ...common, method: 'POST', body }];
  }
  if (service !== null) url.searchParams.set('service', service);
  for (const scope of scopes) url.searchParams.append('scope', scope);
  const headers: Record<string, string> = credentials === null ? {} : { authorization: basic(credentials) };
  return [url, { ...common, method: 'GET', headers }];
}

/** The `Authorization` header of RFC 7617, UTF-8. */
export function basic({ username, password }: { username: string; password: string }): string {
  return `Basic ${Buffer.from(`${username}:${password}`, 'utf8').toString('base64')}`;
}

function parseToken(bytes: Uint8Array, host: string, asked: number): Token {
  let parsed: z.infer<typeof tokenSchema>;
  try {
    parsed = tokenSchema.parse(JSON.parse(new TextDecoder().decode(bytes)));
  } catch {
    // Without the cause: it could quote a token.
    throw new PublisherError('registry-invalid', `${host} gave an answer that is no token`);
  }
  const value = parsed.token || parsed.access_token || '';
  if (!/^[\x21-\x7e]+$/.test(value)) throw new PublisherError('registry-invalid', `${host} gave no usable token`);
  const lifeMs = (parsed.expires_in || DEFAULT_LIFE_S) * 1000;
  return { value, renewAt: asked + lifeMs - Math.min(LARGEST_MARGIN_MS, lifeMs / 4) };
}
