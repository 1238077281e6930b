import { PublisherError } from '../errors.ts';
import { printable } from './failures.ts';
import { apiOrigin, isLoopback, isLoopbackHost } from './reference.ts';

/**
 * Where a `Location` of a registry leads, relative to the URL that answered: the registry's own origin, https anywhere,
 * or loopback when the registry itself is there. Whether the address is public is the connection's own business.
 *
 * @throws PublisherError `registry-invalid` without a usable location, `refused` for a forbidden one
 */
export function checkHop(location: string | null, base: URL, registry: string): URL {
  const url = location === null || location === '' ? null : URL.parse(location, base);
  if (url === null) throw new PublisherError('registry-invalid', `${registry} answered without a usable Location`);
  const where = printable(`${url.protocol}//${url.host}`);
  if (url.username !== '' || url.password !== '') {
    throw new PublisherError('refused', `${registry} points to ${where} with a user name inside the address`);
  }
  url.hash = '';
  if (url.protocol === 'https:' || url.origin === new URL(apiOrigin(registry)).origin) return url;
  if (url.protocol === 'http:' && isLoopback(registry) && isLoopbackHost(url.hostname)) return url;
  throw new PublisherError('refused', `${registry} points to ${where}, which is not https`);
}
