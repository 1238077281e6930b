import { sha256Hex } from '../image/hash.ts';
import type { Splits } from '../image/safetensors/reshard.ts';
import type { BuildRequest, ListedInput, Resharded } from './types.ts';

/**
 * What the model's folder in the image holds: the request's files, but shards in the place of those that were split and the indexes made
 * for them.
 *
 * @param shards path → hex sha256
 */
export function embeddedFiles(
  { files }: Pick<BuildRequest, 'files'>,
  { splits, made }: Splits,
  shards: ReadonlyMap<string, string>,
): ListedInput[] {
  const replaced = new Set([...splits.map(({ file }) => file.path), ...made.map(({ path }) => path)]);
  return [
    ...files.filter(({ path }) => !replaced.has(path)),
    ...splits.flatMap(({ parts }) =>
      parts.map(({ path, size }) => ({ path, size, sha256: shards.get(path) ?? '', oid: '' })),
    ),
    ...made.map(({ path, content }) => ({ path, size: content.length, sha256: sha256Hex(content), oid: '' })),
  ];
}

/** What was split, as the image's licence manifest records it. */
export function reshardedFiles({ splits }: Splits): Resharded[] {
  return splits.map(({ file, parts }) => ({
    path: file.path,
    sha256: file.sha256,
    parts: parts.map(({ path }) => path),
  }));
}
