import { quote } from '../../policy/quote.ts';
import { type Answer, problem, type SplitFile } from './types.ts';

/** `*.safetensors.index.json`: which shard holds which tensor. Everything else in it is kept as it is. */
export interface WeightIndex {
  /** Tensor → shard, relative to the index's folder, in the order of the file. */
  weights: [string, string][];
  others: [string, unknown][];
}

/** Never throws, whatever the bytes are. */
export function parseIndex(content: Uint8Array): Answer<WeightIndex> {
  const members = entriesOf(parse(content));
  const weights = entriesOf(members?.find(([key]) => key === 'weight_map')?.[1]);
  const strings = weights?.filter((entry): entry is [string, string] => typeof entry[1] === 'string');
  if (members === null || strings === undefined || strings.length !== weights?.length) {
    return problem('has an index without a usable `weight_map`');
  }
  return { ok: true, value: { weights: strings, others: members.filter(([key]) => key !== 'weight_map') } };
}

/**
 * The index with every tensor of the split files where it lies now. Tensors that such a file holds and the index does not name are
 * added, so that no shard is left out by loaders that go by the index.
 *
 * @param folder of the index, with a slash at its end; empty at the root
 */
export function rewriteIndex(
  index: WeightIndex,
  folder: string,
  splits: readonly SplitFile[],
): Answer<Uint8Array<ArrayBuffer>> {
  const weights = new Map(index.weights);
  for (const { file, parts } of splits) {
    const places = new Map(parts.flatMap(({ path, tensors }) => tensors.map((name) => [name, relative(path, folder)])));
    const own = relative(file.path, folder);
    for (const [tensor, shard] of index.weights) {
      if (shard !== own) continue;
      const place = places.get(tensor);
      if (place === undefined) return problem(`has no tensor ${quote(tensor)}, although its index names it`);
      weights.set(tensor, place);
    }
    for (const [tensor, place] of places) if (!weights.has(tensor)) weights.set(tensor, place);
  }
  return { ok: true, value: write(index.others, weights) };
}

/**
 * An index for files that had none.
 *
 * @param shards at the root, with their tensors
 * @param totalBytes of all tensors
 */
export function newIndex(
  shards: readonly { path: string; tensors: readonly string[] }[],
  totalBytes: number,
): Uint8Array<ArrayBuffer> {
  const weights = new Map(shards.flatMap(({ path, tensors }) => tensors.map((name) => [name, path])));
  return write([['metadata', { total_size: totalBytes }]], weights);
}

function write(others: readonly [string, unknown][], weights: ReadonlyMap<string, string>): Uint8Array<ArrayBuffer> {
  const document = Object.fromEntries([...others, ['weight_map', Object.fromEntries(weights)]]);
  return new TextEncoder().encode(`${JSON.stringify(document, null, 2)}\n`);
}

function relative(path: string, folder: string): string {
  return path.startsWith(folder) ? path.slice(folder.length) : path;
}

function parse(content: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(content));
  } catch {
    return null;
  }
}

/** By hand rather than by schema, which would drop a key called `__proto__`. */
function entriesOf(value: unknown): [string, unknown][] | null {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? Object.entries(value) : null;
}
