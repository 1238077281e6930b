import type { Clock } from '../clock.ts';
import { PublisherError } from '../errors.ts';
import type { Fetch } from '../http/fetch.ts';
import { cancelled, withRetry } from '../http/retry.ts';
import { unlessAborted } from '../http/unless-aborted.ts';
import { type Challenge, parseChallenges } from './challenge.ts';
import type { CredentialStore } from './credentials.ts';
import { retryAfterMs } from './failures.ts';
import { checkRealm } from './realm.ts';
import { basic, requestToken, type Token } from './token.ts';

export interface AuthOptions {
  registry: string;
  fetch: Fetch;
  clock: Clock;
  credentials: CredentialStore;
  /** Milliseconds a token service may take for one answer. */
  timeoutMs: number;
  attempts?: number | undefined;
  random?: (() => number) | undefined;
}

/**
 * The `Authorization` header for one registry.
 *
 *     unknown ──401──▶ basic                       the same header for everything
 *        │
 *        └────401──▶ bearer ──▶ token per scope    fetched once for all who wait, renewed before it ends
 *                       ▲            │
 *                       └────401─────┘             a refused token is dropped; another lane's newer one is used
 */
export class Authenticator {
  readonly #options: AuthOptions;
  readonly #tokens = new Map<string, Token>();
  readonly #pending = new Map<string, Promise<Token>>();
  #challenge: Challenge | null = null;

  constructor(options: AuthOptions) {
    this.#options = options;
  }

  /** The header as far as the registry's wishes are known by now; null while they are not. */
  async header(scopes: readonly string[], signal?: AbortSignal): Promise<string | null> {
    if (this.#challenge === null) return null;
    return this.#headerFor(this.#challenge, scopes, signal);
  }

  /**
   * A new header after a 401 to a request that carried `used`.
   *
   * @throws PublisherError `registry-denied` when there is nothing (new) to try; `refused` for a token realm elsewhere
   */
  async renew(
    wwwAuthenticate: string | null,
    scopes: readonly string[],
    used: string | null,
    signal?: AbortSignal,
  ): Promise<string> {
    const challenge = choose(parseChallenges(wwwAuthenticate ?? ''));
    if (challenge === null) throw this.#denied('it did not say how to log in');
    if (challenge.scheme === 'basic' && used?.startsWith('Basic '))
      throw this.#denied('it refused the user and password');
    this.#challenge = challenge;
    const wanted = union(scopes, challenge);
    const cached = this.#tokens.get(keyOf(wanted));
    if (cached !== undefined && `Bearer ${cached.value}` === used) this.#tokens.delete(keyOf(wanted));
    return this.#headerFor(challenge, scopes, signal);
  }

  async #headerFor(challenge: Challenge, scopes: readonly string[], signal?: AbortSignal): Promise<string> {
    if (challenge.scheme === 'basic') {
      const credentials = await this.#options.credentials(this.#options.registry);
      if (credentials === null || 'identityToken' in credentials) throw this.#denied('it wants a user and password');
      return basic(credentials);
    }
    const token = await this.#token(challenge, union(scopes, challenge), signal);
    return `Bearer ${token.value}`;
  }

  async #token(challenge: Challenge, scopes: readonly string[], signal?: AbortSignal): Promise<Token> {
    if (signal?.aborted) throw cancelled(signal);
    const key = keyOf(scopes);
    const cached = this.#tokens.get(key);
    if (cached !== undefined && this.#options.clock.now() < cached.renewAt) return cached;
    let pending = this.#pending.get(key);
    if (pending === undefined) {
      pending = this.#fetchToken(challenge, scopes)
        .then((token) => {
          this.#tokens.set(key, token);
          return token;
        })
        .finally(() => this.#pending.delete(key));
      this.#pending.set(key, pending);
    }
    return unlessAborted(pending, signal);
  }

  /** Not bound to any one caller's signal: others may be waiting for the same token. */
  async #fetchToken(challenge: Challenge, scopes: readonly string[]): Promise<Token> {
    const { registry, fetch, clock, credentials, timeoutMs, attempts, random } = this.#options;
    const realm = checkRealm(challenge.params.realm ?? '', registry);
    const request = {
      registry,
      realm,
      service: challenge.params.service ?? null,
      scopes,
      credentials: await credentials(registry),
    };
    return withRetry(() => requestToken(request, { fetch, clock, signal: AbortSignal.timeout(timeoutMs) }), {
      clock,
      retryAfterMs,
      ...(attempts === undefined ? {} : { attempts }),
      ...(random === undefined ? {} : { random }),
    });
  }

  #denied(why: string): PublisherError {
    const { registry } = this.#options;
    return new PublisherError(
      'registry-denied',
      `${registry} wants a login and ${why}: run "docker login ${registry}"`,
    );
  }
}

/** Bearer before Basic: it does not send the password with every request. */
function choose(challenges: readonly Challenge[]): Challenge | null {
  return (
    challenges.find(({ scheme }) => scheme === 'bearer') ?? challenges.find(({ scheme }) => scheme === 'basic') ?? null
  );
}

/** Our own scopes, and what the registry asks that names no repository (ECR Public's `aws`). */
function union(scopes: readonly string[], challenge: Challenge): string[] {
  const asked = (challenge.params.scope ?? '').split(' ').filter((scope) => scope !== '' && !scope.includes(':'));
  return [...new Set([...scopes, ...asked])];
}

function keyOf(scopes: readonly string[]): string {
  return [...scopes].sort().join(' ');
}
