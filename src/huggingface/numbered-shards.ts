import type { HubFile } from './types.ts';

const INDEX = /^([^/]+)\.safetensors\.index\.json$/;
const NUMBERED = /-(\d{5,6})-of-(\d{5,6})\.safetensors$/;

/**
 * The shards that an index at the root has to name, told by file names alone: `X-00001-of-0000N` to `X-0000N-of-0000N` beside
 * `X.safetensors.index.json`, every one there and no other `*.safetensors` at the root. Nearly all sharded models are numbered so, and
 * an index of theirs has megabytes and nothing new to say. Wherever one thing is different (a gap, a number 0, a further file, another
 * prefix), the index has to be read: there are models whose numbers mean nothing.
 *
 * @returns paths in order, or null when the names do not tell
 */
export function numberedShards(index: string, files: readonly HubFile[]): string[] | null {
  const prefix = INDEX.exec(index)?.[1];
  const names = files.map(({ path }) => path).filter((path) => /^[^/]+\.safetensors$/.test(path));
  names.sort((a, b) => (a < b ? -1 : 1));
  const [, first = '', total = ''] = NUMBERED.exec(names[0] ?? '') ?? [];
  if (prefix === undefined || Number(total) !== names.length) return null;
  const number = (at: number) => String(at + 1).padStart(first.length, '0');
  const expected = (name: string, at: number) => name === `${prefix}-${number(at)}-of-${total}.safetensors`;
  return names.length > 0 && names.every(expected) ? names : null;
}
