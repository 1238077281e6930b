import { getDomain } from 'tldts';
import { PublisherError } from '../errors.ts';
import { apiHost, isLoopback, isLoopbackHost } from './reference.ts';

/** Token services on another registrable domain than their registry, by registry. Those on the same need no entry. */
const REALM_HOSTS: Readonly<Record<string, readonly string[]>> = {
  'docker.io': ['auth.docker.io'],
  'nvcr.io': ['authn.nvidia.com'],
};

/**
 * The URL of a token service that credentials for `registry` may be sent to: https on the registry's own registrable
 * domain or in the shipped table; for a registry on loopback, anything on loopback.
 *
 * @throws PublisherError `refused` before anything is sent
 */
export function checkRealm(realm: string, registry: string): URL {
  const url = URL.parse(realm);
  if (url === null || url.username !== '' || url.password !== '') throw refused(registry, 'which is not a plain URL');
  if (isLoopback(registry)) {
    if (/^https?:$/.test(url.protocol) && isLoopbackHost(url.hostname)) return url;
    throw refused(registry, `at ${url.host}, which is not on this machine as the registry is`);
  }
  if (url.protocol !== 'https:') throw refused(registry, `at ${url.host} without https`);
  const host = apiHost(registry).replace(/:\d+$/, '');
  if (url.hostname === host || REALM_HOSTS[registry]?.includes(url.hostname)) return url;
  const own = registrable(host);
  if (own !== null && own === registrable(url.hostname)) return url;
  throw refused(registry, `at ${url.host}, which is not under ${own ?? host}`);
}

/** Private suffixes count (`a.azurecr.io` and `b.azurecr.io` are strangers); addresses and bare names have no domain. */
function registrable(host: string): string | null {
  return getDomain(host, { allowPrivateDomains: true });
}

function refused(registry: string, why: string): PublisherError {
  return new PublisherError('refused', `${registry} asks for a token ${why}: no credentials were sent`);
}
