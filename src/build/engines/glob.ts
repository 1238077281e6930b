/**
 * Whether a path matches a pattern of `files.include` or `files.exclude`: `*` is any run of characters within a segment, `?` one
 * character, `**` as a whole segment any number of segments. As in .gitignore, a pattern without `/` is held against the last
 * segment at any depth, a leading `/` pins it to the root, and one that ends in `/` means everything below. All other characters
 * stand for themselves; case counts.
 *
 * No regular expressions and no recursion: time is bounded by the product of the two lengths, whatever the pattern.
 */
export function globMatches(pattern: string, path: string): boolean {
  const below = pattern.endsWith('/') ? `${pattern}**` : pattern;
  const pinned = below.startsWith('/') ? below.slice(1) : below;
  const anywhere = !below.includes('/');
  const wanted = anywhere ? ['**', pinned] : pinned.split('/');
  // At the end it means what lies below, so at least one segment.
  if (wanted.at(-1) === '**') wanted.push('*');
  return matchRun(wanted, path.split('/'), (segment) => segment === '**', segmentMatches);
}

export function matchesAny(patterns: readonly string[], path: string): boolean {
  return patterns.some((pattern) => globMatches(pattern, path));
}

function segmentMatches(pattern: string, segment: string): boolean {
  return matchRun(
    [...pattern],
    [...segment],
    (character) => character === '*',
    (wanted, found) => wanted === '?' || wanted === found,
  );
}

/**
 * Matches a whole sequence against a pattern in which some items are stars. On a mismatch only the latest star needs to take one
 * item more: what earlier stars could take, the latest can take too.
 */
function matchRun(
  pattern: readonly string[],
  items: readonly string[],
  isStar: (item: string) => boolean,
  matches: (wanted: string, found: string) => boolean,
): boolean {
  let at = 0;
  let star = -1;
  let resume = 0;
  for (let i = 0; i < items.length; ) {
    const wanted = pattern[at];
    const found = items[i] ?? '';
    if (wanted !== undefined && isStar(wanted)) {
      star = at;
      resume = i;
      at += 1;
    } else if (wanted !== undefined && matches(wanted, found)) {
      at += 1;
      i += 1;
    } else if (star >= 0) {
      at = star + 1;
      resume += 1;
      i = resume;
    } else {
      return false;
    }
  }
  return pattern.slice(at).every(isStar);
}
