import type { HubFile } from '../../huggingface/types.ts';
import { quote } from '../../policy/quote.ts';
import { tarSize } from '../tar.ts';
import { alignmentOf } from './dtypes.ts';
import { inDataOrder, parseHeader } from './header.ts';
import { HeaderRuler, partHeader } from './part-header.ts';
import { partNaming } from './part-names.ts';
import { type Answer, problem, type SafetensorsHeader, type SplitFile, type Tensor } from './types.ts';

export interface SplitInput {
  file: HubFile;
  /** The file's bytes up to its data. */
  head: Uint8Array;
  /** Folder of the model in the image, relative to the root, without a slash at the end. */
  folder: string;
  /** Bytes that a layer may have, its tar framing included. */
  layerMaxBytes: number;
  /** Of all files in the model's folder. */
  paths: readonly string[];
}

/**
 * Cuts a safetensors file at tensor boundaries into shards, each of which fits into a layer of its own. Tensors keep the order of
 * their data and each shard takes as many as fit, so the shards are as few as cuts in this order can be (but for files whose tensors
 * are not sorted by alignment: none that was aligned may lose that). Same input, same shards.
 */
export function splitFile({ file, head, folder, layerMaxBytes, paths }: SplitInput): Answer<SplitFile> {
  const parsed = parseHeader(head, file.size);
  if (!parsed.ok) return parsed;
  const { metadata, tensors, dataStart } = parsed.value;
  const order = new Map(tensors.map((tensor, at) => [tensor, at]));
  const nameOf = partNaming(file.path, paths);
  // All names are equally long, so that one stands for the framing of any.
  const groups = cut(parsed.value, (size) => layerSizeAlone(folder, nameOf(1, 1), size) <= layerMaxBytes);
  if (!groups.ok) return groups;
  return {
    ok: true,
    value: {
      file,
      head,
      parts: groups.value.map((group, at) => {
        const origin = group[0]?.begin ?? 0;
        const end = group.at(-1)?.end ?? 0;
        const inHeader = [...group].sort((a, b) => (order.get(a) ?? 0) - (order.get(b) ?? 0));
        const header = partHeader(metadata, inHeader, origin);
        return {
          path: nameOf(at + 1, groups.value.length),
          header,
          begin: dataStart + origin,
          end: dataStart + end,
          size: header.length + end - origin,
          tensors: group.map(({ name }) => name),
        };
      }),
    },
  };
}

/** Bytes of a layer that holds nothing but this file. */
export function layerSizeAlone(folder: string, path: string, size: number): number {
  return tarSize([{ path: `${folder}/${path}`, size, mode: 0o644 }]);
}

/** Groups of tensors in data order, each within the limit. */
function cut({ metadata, tensors }: SafetensorsHeader, fits: (size: number) => boolean): Answer<Tensor[][]> {
  const groups: Tensor[][] = [];
  let group: Tensor[] = [];
  let ruler = new HeaderRuler(metadata);
  for (const tensor of inDataOrder(tensors)) {
    const origin = group[0]?.begin ?? tensor.begin;
    ruler.add(tensor, origin);
    if (fits(ruler.size + tensor.end - origin) && staysAligned(tensor, origin)) {
      group.push(tensor);
      continue;
    }
    ruler = new HeaderRuler(metadata);
    ruler.add(tensor, tensor.begin);
    if (!fits(ruler.size + tensor.end - tensor.begin)) {
      return problem(`has the tensor ${quote(tensor.name)} of ${tensor.end - tensor.begin} bytes, too large by itself`);
    }
    if (group.length > 0) groups.push(group);
    group = [tensor];
  }
  if (group.length === 0) return problem('holds no tensors');
  return { ok: true, value: [...groups, group] };
}

/** Loaders read tensors in place, which some types only allow at multiples of their size. */
function staysAligned({ dtype, begin }: Tensor, origin: number): boolean {
  const alignment = alignmentOf(dtype);
  return begin % alignment !== 0 || (begin - origin) % alignment === 0;
}
