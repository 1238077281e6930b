import type { HubFile } from '../../huggingface/types.ts';
import { quote } from '../../policy/quote.ts';
import { parseHeader } from './header.ts';
import { newIndex, parseIndex, rewriteIndex, type WeightIndex } from './index-file.ts';
import { layerSizeAlone, splitFile } from './split.ts';
import type { MadeFile, SplitFile } from './types.ts';

/** What becomes of the files above the layer limit: all of them are split, or none, for the reasons given by path. */
export type Resharding = Splits | { ok: false; refused: ReadonlyMap<string, string> };

export interface Splits {
  ok: true;
  splits: SplitFile[];
  made: MadeFile[];
}

export const NOTHING_TO_SPLIT: Splits = { ok: true, splits: [], made: [] };

export interface ReshardInput {
  /** All files of the image. */
  files: readonly HubFile[];
  /** Those to be split. */
  over: readonly HubFile[];
  /** Bytes up to the data of each file in `over`, and of those that {@link indexMates} names. */
  heads: ReadonlyMap<string, Uint8Array>;
  indexes: readonly IndexFile[];
  /** Folder of the model in the image, relative to the root, without a slash at the end. */
  folder: string;
  layerMaxBytes: number;
}

export interface IndexFile {
  path: string;
  content: Uint8Array;
}

/** Files that would not fit into a layer of their own, tar framing included. */
export function oversized<T extends { path: string; size: number }>(
  files: readonly T[],
  folder: string,
  layerMaxBytes: number,
): T[] {
  return files.filter(({ path, size }) => !(layerSizeAlone(folder, path, size) <= layerMaxBytes));
}

export function isSafetensors({ path }: { path: string }): boolean {
  return /\.safetensors$/i.test(path);
}

export function isIndexFile({ path }: { path: string }): boolean {
  return /\.safetensors\.index\.json$/i.test(path);
}

/** Files beside those to be split that a new index has to name too: with an index, loaders go by it alone. */
export function indexMates(
  files: readonly HubFile[],
  over: readonly HubFile[],
  indexes: readonly IndexFile[],
): HubFile[] {
  const named = new Set(
    indexes.flatMap(({ path, content }) => {
      const parsed = parseIndex(content);
      return parsed.ok ? [...shardsOf(path, parsed.value)] : [];
    }),
  );
  const wanted = new Set(over.filter(({ path }) => !named.has(path)).map(({ path }) => indexFor(path)));
  const split = new Set(over);
  return files.filter((file) => isSafetensors(file) && !split.has(file) && wanted.has(indexFor(file.path)));
}

/** Splits and the indexes that go with them. Pure, so that planner and builder come to the same shards. */
export function planResharding(input: ReshardInput): Resharding {
  const { files, over, heads, folder, layerMaxBytes } = input;
  const paths = files.map(({ path }) => path);
  const refused = new Map<string, string>();
  const splits: SplitFile[] = [];
  for (const file of over) {
    const split = splitFile({ file, head: heads.get(file.path) ?? new Uint8Array(), folder, layerMaxBytes, paths });
    if (split.ok) splits.push(split.value);
    else refused.set(file.path, split.problem);
  }
  if (refused.size > 0) return { ok: false, refused };
  const made: MadeFile[] = [];
  const covered = new Set<string>();
  const refuseAll = (why: string): Resharding => ({
    ok: false,
    refused: new Map(over.map(({ path }) => [path, why])),
  });
  for (const { path, content } of input.indexes) {
    const parsed = parseIndex(content);
    if (!parsed.ok) return refuseAll(parsed.problem);
    const shards = shardsOf(path, parsed.value);
    const own = splits.filter(({ file }) => shards.has(file.path));
    if (own.length === 0) continue;
    for (const { file } of own) covered.add(file.path);
    const rewritten = rewriteIndex(parsed.value, folderOf(path), own);
    if (!rewritten.ok) return refuseAll(rewritten.problem);
    made.push({ path, content: rewritten.value });
  }
  const bare = splits.filter(({ file }) => !covered.has(file.path));
  for (const path of new Set(bare.map(({ file }) => indexFor(file.path)))) {
    const own = bare.filter(({ file }) => indexFor(file.path) === path);
    const why = path === null ? 'lies in a folder where no index names it' : noRoomFor(path, paths);
    if (path === null || why !== null) return refuseAll(why ?? '');
    const written = indexOf(own, indexMates(files, over, input.indexes), path, heads);
    if (written === null) return refuseAll('lies beside safetensors files that cannot be read for the index it needs');
    made.push({ path, content: written });
  }
  return { ok: true, splits, made };
}

/** The index by which loaders would find the shards of a file at the root; null for any other. */
function indexFor(path: string): string | null {
  if (path.includes('/')) return null;
  return /^consolidated/i.test(path) ? 'consolidated.safetensors.index.json' : 'model.safetensors.index.json';
}

function noRoomFor(index: string, paths: readonly string[]): string | null {
  return paths.includes(index) ? `is not named by ${quote(index)}` : null;
}

function indexOf(
  splits: readonly SplitFile[],
  mates: readonly HubFile[],
  index: string,
  heads: ReadonlyMap<string, Uint8Array>,
): Uint8Array | null {
  const shards = splits.flatMap(({ parts }) => parts);
  let total = splits.reduce((sum, { file, head }) => sum + file.size - head.length, 0);
  const others: { path: string; tensors: string[] }[] = [];
  for (const { path, size } of mates.filter((mate) => indexFor(mate.path) === index)) {
    const parsed = parseHeader(heads.get(path) ?? new Uint8Array(), size);
    if (!parsed.ok) return null;
    total += size - parsed.value.dataStart;
    others.push({ path, tensors: parsed.value.tensors.map(({ name }) => name) });
  }
  return newIndex([...shards, ...others], total);
}

/** Paths from the repository's root of the shards an index names. */
function shardsOf(index: string, { weights }: WeightIndex): Set<string> {
  const folder = folderOf(index);
  return new Set(weights.map(([, shard]) => `${folder}${shard}`));
}

function folderOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/') + 1);
}
