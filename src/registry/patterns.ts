import { isRepository, normaliseRegistry } from './reference.ts';
import type { Reference } from './types.ts';

/** One entry of an allow-list. `segments` is the path under the registry: literals, `*` (one) and `**` (any number). */
export interface Pattern {
  /** Lower-cased account the entry is bound to; null binds to nobody. */
  owner: string | null;
  registry: string;
  segments: string[];
}

export interface ParsedPatterns {
  patterns: Pattern[];
  /** One sentence for each entry that cannot be used; a list with problems must not be relied upon. */
  problems: string[];
}

/** Registries base images may come from unless the operator says otherwise. */
export const DEFAULT_SOURCES: readonly string[] = [
  'docker.io',
  'ghcr.io',
  'quay.io',
  'nvcr.io',
  'gcr.io',
  'registry.k8s.io',
  'public.ecr.aws',
  'mcr.microsoft.com',
];

/** Parses `PUBLISH_ALLOW`: comma-separated `registry/path` patterns, each optionally bound by `owner=`. */
export function parsePublishAllow(setting: string): ParsedPatterns {
  return parseList(setting, (registry, segments, text) =>
    segments.length === 0 ? `"${text}" names no repository: write ${registry}/** for all of them` : segments,
  );
}

/** What an owner may publish to when `PUBLISH_ALLOW` is not set: repositories directly under its own name on GHCR. */
export function defaultPublishAllow(owner: string): Pattern[] {
  const name = owner.toLowerCase();
  return [{ owner: name, registry: 'ghcr.io', segments: [name, '*'] }];
}

/** Whether `owner` may write to the repository of `reference`. */
export function mayPublish(reference: Reference, owner: string, patterns: readonly Pattern[]): boolean {
  return patterns.some((pattern) => binds(pattern, owner) && matches(pattern, reference));
}

/** Whether a pattern names the repository itself, without a wildcard. */
export function namesExactly(reference: Reference, owner: string, patterns: readonly Pattern[]): boolean {
  return patterns.some(
    (pattern) => binds(pattern, owner) && !pattern.segments.some(isWildcard) && matches(pattern, reference),
  );
}

/**
 * Parses `SOURCE_ALLOW`. An entry without wildcard is a prefix (`quay.io`, `ghcr.io/acme`). Entries bound by `owner=` are
 * grants and add to the default registries; as soon as one entry is unbound, the unbound ones replace the defaults.
 */
export function parseSourceAllow(setting: string): ParsedPatterns {
  const parsed = parseList(setting, (_registry, segments) =>
    segments.some(isWildcard) ? segments : [...segments, '**'],
  );
  return parsed.patterns.some((pattern) => pattern.owner === null)
    ? parsed
    : { ...parsed, patterns: [...parsed.patterns, ...defaultSourceAllow()] };
}

export function defaultSourceAllow(): Pattern[] {
  return DEFAULT_SOURCES.map((registry) => ({ owner: null, registry, segments: ['**'] }));
}

/** How `owner` may read `reference`: with the operator's credentials (a grant), anonymously, or not at all. */
export function sourceAccess(
  reference: Reference,
  owner: string,
  patterns: readonly Pattern[],
): 'credentials' | 'anonymous' | 'refused' {
  const matching = patterns.filter((pattern) => binds(pattern, owner) && matches(pattern, reference));
  if (matching.some((pattern) => pattern.owner !== null)) return 'credentials';
  return matching.length > 0 ? 'anonymous' : 'refused';
}

function binds(pattern: Pattern, owner: string): boolean {
  return pattern.owner === null || pattern.owner === owner.toLowerCase();
}

/** Compares a pattern with the registry and repository of a parsed reference, segment by segment. */
export function matches(pattern: Pattern, reference: Pick<Reference, 'registry' | 'repository'>): boolean {
  return pattern.registry === reference.registry && matchesPath(pattern.segments, reference.repository.split('/'));
}

/** `reachable[j]`: the pattern so far can end before path segment `j`. Linear in pattern × path, whatever the stars. */
function matchesPath(pattern: readonly string[], path: readonly string[]): boolean {
  let reachable = [true, ...path.map(() => false)];
  for (const segment of pattern) {
    const next = reachable.map(() => false);
    for (let j = 0; j < reachable.length; j++) {
      if (segment === '**') next[j] = reachable[j] === true || next[j - 1] === true;
      else next[j] = reachable[j - 1] === true && (segment === '*' || segment === path[j - 1]);
    }
    reachable = next;
  }
  return reachable.at(-1) === true;
}

type Finish = (registry: string, segments: string[], text: string) => string[] | string;

function parseList(setting: string, finish: Finish): ParsedPatterns {
  const parsed: ParsedPatterns = { patterns: [], problems: [] };
  for (const entry of setting.split(',').map((text) => text.trim())) {
    if (entry === '') continue;
    const result = parseEntry(entry, finish);
    if (typeof result === 'string') parsed.problems.push(result);
    else parsed.patterns.push(result);
  }
  return parsed;
}

function parseEntry(text: string, finish: Finish): Pattern | string {
  const equals = text.indexOf('=');
  const owner = equals < 0 ? null : text.slice(0, equals).trim().toLowerCase();
  if (owner !== null && !/^[a-z0-9](?:[a-z0-9_-]{0,62}[a-z0-9])?$/.test(owner))
    return `"${text}" names no account before "="`;
  const [host = '', ...path] = text
    .slice(equals + 1)
    .trim()
    .split('/');
  const registry = normaliseRegistry(host);
  if (registry === null || !/[.:]|^localhost$/.test(registry)) {
    return `"${text}" must begin with a registry host such as ghcr.io`;
  }
  const literals = path.filter((segment) => !isWildcard(segment));
  if (!literals.every(isRepository)) {
    return `"${text}" is not a pattern: segments are repository names, "*" (exactly one) or "**" (any number)`;
  }
  const segments = finish(registry, path, text);
  return typeof segments === 'string' ? segments : { owner, registry, segments: underLibrary(registry, segments) };
}

/** A single name on Docker Hub is under `library/`, in patterns as in references. */
function underLibrary(registry: string, segments: string[]): string[] {
  const single = registry === 'docker.io' && segments.length === 1 && segments[0] !== '**';
  return single ? ['library', ...segments] : segments;
}

function isWildcard(segment: string): boolean {
  return segment === '*' || segment === '**';
}
