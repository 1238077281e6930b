import { PublisherError } from '../errors.ts';
import { isDigest } from './digest.ts';
import type { Digest, Reference } from './types.ts';

const LONGEST_TEXT = 1_024;
/** distribution/reference: the whole name, host included. */
const LONGEST_NAME = 255;
const COMPONENT = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*$/;
const TAG = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$/;
const HOST_LABEL = /^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?$/;
const IPV6 = /^\[[0-9a-f:.]+\]$/;
const PORT = /^[1-9][0-9]{0,4}$/;

/** Other names of Docker Hub: one name each, so that a pattern on `docker.io` cannot be walked around. */
const HUB_ALIASES: ReadonlySet<string> = new Set(['index.docker.io', 'registry-1.docker.io']);

/**
 * Parses an image reference with Docker's rules (distribution/reference): a missing registry is `docker.io`, a single name
 * there is under `library/`, hosts are lower-cased. Neither tag nor digest is invented.
 *
 * @throws PublisherError `usage` for anything outside the grammar
 */
export function parseReference(text: string): Reference {
  if (text.length > LONGEST_TEXT) throw bad(text, `it is longer than ${LONGEST_TEXT} characters`);
  const { rest, digest } = splitDigest(text);
  const { name, tag } = splitTag(rest, text);
  const { registry, path } = splitRegistry(name, text);
  const repository = registry === 'docker.io' && !path.includes('/') ? `library/${path}` : path;
  if (!isRepository(repository)) {
    const hint = repository !== repository.toLowerCase() ? ': repository names are lower case' : '';
    throw bad(text, `"${shown(repository)}" is not a repository name${hint}`);
  }
  if (/^[0-9a-f]{64}$/.test(path)) throw bad(text, 'a name of 64 hexadecimal digits would look like an image id');
  if (registry.length + 1 + repository.length > LONGEST_NAME) {
    throw bad(text, `its name is longer than ${LONGEST_NAME} characters`);
  }
  return { registry, repository, tag, digest };
}

/** The full text of a reference; parsing it again gives the same reference. */
export function formatReference(reference: Reference): string {
  const tag = reference.tag === null ? '' : `:${reference.tag}`;
  const digest = reference.digest === null ? '' : `@${reference.digest}`;
  return `${reference.registry}/${reference.repository}${tag}${digest}`;
}

/** Whether `text` follows the tag grammar of the OCI distribution specification ("Pulling manifests"). */
export function isTag(text: string): boolean {
  return TAG.test(text);
}

/** Whether `text` follows the `<name>` grammar of the OCI distribution specification. */
export function isRepository(text: string): boolean {
  return text.split('/').every((component) => COMPONENT.test(component));
}

/**
 * A registry's host in its one spelling (lower case, Docker Hub as `docker.io`), or null when it is no host with optional
 * port. Numbers that a URL parser would read as another address (`0x7f.1`, `127.1`) are no hosts.
 */
export function normaliseRegistry(text: string): string | null {
  const lower = text.toLowerCase();
  const match = /^(\[[^\]]*\]|[^:]*)(?::(.*))?$/.exec(lower);
  const host = match?.[1];
  const port = match?.[2];
  if (host === undefined || (port !== undefined && (!PORT.test(port) || Number(port) > 65_535))) return null;
  const wellFormed = IPV6.test(host) || host.split('.').every((label) => HOST_LABEL.test(label));
  if (!wellFormed || URL.parse(`http://${host}/`)?.hostname !== host) return null;
  if (HUB_ALIASES.has(host)) return port === undefined || port === '443' ? 'docker.io' : null;
  return lower;
}

/** The host whose API serves a registry. */
export function apiHost(registry: string): string {
  return registry === 'docker.io' ? 'registry-1.docker.io' : registry;
}

/** Whether a registry (host with optional port) is this machine, by its name alone. */
export function isLoopback(registry: string): boolean {
  return isLoopbackHost(registry.replace(/:\d+$/, ''));
}

/** The same for a bare host name, as in `URL.hostname`. */
export function isLoopbackHost(host: string): boolean {
  return host === 'localhost' || host === '[::1]' || /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(host);
}

/** Where a registry's API is: http on loopback, https anywhere else. No trailing slash. */
export function apiOrigin(registry: string): string {
  return `${isLoopback(registry) ? 'http' : 'https'}://${apiHost(registry)}`;
}

function splitDigest(text: string): { rest: string; digest: Digest | null } {
  const at = text.indexOf('@');
  if (at < 0) return { rest: text, digest: null };
  const digest = text.slice(at + 1);
  if (!isDigest(digest)) throw bad(text, 'what follows "@" must be sha256: and 64 lower-case hexadecimal digits');
  return { rest: text.slice(0, at), digest };
}

function splitTag(rest: string, text: string): { name: string; tag: string | null } {
  const colon = rest.lastIndexOf(':');
  if (colon < 0 || rest.includes('/', colon)) return { name: rest, tag: null };
  const tag = rest.slice(colon + 1);
  if (!isTag(tag)) throw bad(text, `"${shown(tag)}" is not a tag`);
  return { name: rest.slice(0, colon), tag };
}

function splitRegistry(name: string, text: string): { registry: string; path: string } {
  const slash = name.indexOf('/');
  const first = name.slice(0, Math.max(slash, 0));
  const isHost = /[.:]/.test(first) || first.toLowerCase() === 'localhost';
  if (!isHost) return { registry: 'docker.io', path: name };
  const registry = normaliseRegistry(first);
  if (registry === null) throw bad(text, `"${shown(first)}" is not a registry host`);
  return { registry, path: name.slice(slash + 1) };
}

function bad(text: string, why: string): PublisherError {
  return new PublisherError('usage', `"${shown(text)}" is not an image reference: ${why}`);
}

/** Untrusted text for a message: printable ASCII, short. */
function shown(text: string): string {
  const short = text.length > 120 ? `${text.slice(0, 120)}…` : text;
  return short.replace(/[^\x20-\x7e…]/g, '?');
}
