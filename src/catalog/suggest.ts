/** What people write for a key when they have not read the documentation: told apart from typing mistakes by meaning. */
const MEANT: ReadonlyMap<string, readonly string[]> = new Map([
  ['licence', ['permissive']],
  ['license', ['permissive']],
  ['licenses', ['spdx_permissive_whitelist', 'permissive']],
  ['spdx', ['override_spdx']],
  ['whitelist', ['spdx_permissive_whitelist']],
  ['allowlist', ['spdx_permissive_whitelist']],
  ['name', ['short', 'template']],
  ['model', ['id', 'models']],
  ['repo', ['id']],
  ['repository', ['id']],
  ['repo_id', ['id']],
  ['commit', ['revision']],
  ['branch', ['revision']],
  ['sha', ['revision']],
  ['args', ['serve_args']],
  ['arguments', ['serve_args']],
  ['command', ['serve_args']],
  ['base', ['base_image', 'image']],
  ['image', ['base_image']],
  ['base_image', ['image']],
  ['architecture', ['arch', 'platforms']],
  ['platform', ['platforms']],
  ['registry', ['registries']],
  ['expires', ['until']],
  ['expiry', ['until']],
  ['cve', ['id']],
  ['default', ['defaults']],
]);

const LONGEST_WORD = 48;

/** The candidate most probably meant by `word`, or null when none is near. */
export function suggest(word: string, candidates: readonly string[]): string | null {
  if (word.length > LONGEST_WORD) return null;
  const meant = MEANT.get(word.toLowerCase())?.find((candidate) => candidates.includes(candidate));
  if (meant !== undefined) return meant;
  const plain = simplify(word);
  let best: string | null = null;
  let least = Number.POSITIVE_INFINITY;
  for (const candidate of candidates) {
    const other = simplify(candidate);
    const distance = editDistance(plain, other);
    if (distance < least && distance <= Math.max(1, Math.floor(other.length / 3)))
      [best, least] = [candidate, distance];
  }
  return best;
}

/** `serveArgs`, `serve-args` and `Serve_Args` are one word. */
function simplify(word: string): string {
  return word
    .replace(/([a-z0-9])([A-Z])/g, '$1_$2')
    .replace(/[-\s.]/g, '_')
    .toLowerCase();
}

/** Damerau's distance, restricted to adjacent transpositions: insertions, deletions, substitutions and swaps each cost 1. */
export function editDistance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row++) {
    const current = [row];
    for (let column = 1; column <= b.length; column++) {
      const same = a[row - 1] === b[column - 1];
      const swapped = row > 1 && column > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1];
      current.push(
        Math.min(
          (last[column] ?? 0) + 1,
          (current[column - 1] ?? 0) + 1,
          (last[column - 1] ?? 0) + (same ? 0 : 1),
          swapped ? (beforeLast[column - 2] ?? 0) + 1 : Number.POSITIVE_INFINITY,
        ),
      );
    }
    [beforeLast, last] = [last, current];
  }
  return last[b.length] ?? 0;
}
