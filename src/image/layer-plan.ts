import type { HubFile } from '../huggingface/types.ts';
import { canonicalJson } from './canonical-json.ts';
import { sha256Hex } from './hash.ts';
import { fileIdentity } from './inputs.ts';
import { TAR_END, type TarEntry, tarSize } from './tar.ts';

/** Docker's graph drivers refuse images with more layers (moby, `maxLayerDepth`). */
export const MAX_LAYERS = 125;
/** Licence files and entrypoint: the layers every image has. */
export const OWN_LAYERS = 2;
/** With the small files: the layers every fat image has besides its weights. */
const FIXED_LAYERS = OWN_LAYERS + 1;
/** A file this large gets a layer of its own, whatever it is called. */
const OWN_LAYER_BYTES = 64 * 1024 * 1024;
const WEIGHTS = /\.(safetensors|bin|pt|pth|ckpt|gguf|ggml|onnx|h5|msgpack|npz|pkl)$/i;

/** A layer still to be framed: entries in tar order, with the Hub file behind each (null for a directory). */
export interface PlannedLayer {
  kind: 'small-files' | 'weights';
  entries: { entry: TarEntry; file: HubFile | null }[];
  /** Bytes of the uncompressed tar. */
  size: number;
  /** Identity of the layer's content: same key, same bytes, same digest. */
  key: string;
}

export type LayerPlan =
  | { ok: true; layers: PlannedLayer[] }
  | { ok: false; code: 'layer-too-large' | 'too-many-layers'; message: string };

export interface LayerPlanInput {
  files: HubFile[];
  /** Folder of the model in the image, relative to the root, without a slash at the end. */
  folder: string;
  /** Largest number of layers any base platform already has. */
  baseLayers: number;
  /** Bytes. */
  layerMaxBytes: number;
}

/**
 * Which files share a layer. One layer holds all small files, then one per weight file; only when that would pass
 * {@link MAX_LAYERS} do neighbours (in order of path) share, evenly, so that one changed shard changes one layer.
 */
export function planLayers({ files, folder, baseLayers, layerMaxBytes }: LayerPlanInput): LayerPlan {
  const sorted = [...files].sort((a, b) => (a.path < b.path ? -1 : 1));
  const isOwn = (file: HubFile) => file.size >= OWN_LAYER_BYTES || WEIGHTS.test(file.path);
  const small = sorted.filter((file) => !isOwn(file));
  const weights = sorted.filter(isOwn);
  const layers: PlannedLayer[] = [makeLayer('small-files', small, folder)];
  const slots = MAX_LAYERS - baseLayers - FIXED_LAYERS;
  if (weights.length > 0) {
    if (slots < 1) {
      return {
        ok: false,
        code: 'too-many-layers',
        message: `The base image has ${baseLayers} layers, which leaves no room for weights below the limit of ${MAX_LAYERS}.`,
      };
    }
    for (const group of groupFiles(weights, folder, slots, layerMaxBytes))
      layers.push(makeLayer('weights', group, folder));
  }
  const oversized = layers.find((layer) => layer.size > layerMaxBytes);
  if (oversized !== undefined) {
    const name = oversized.entries.at(-1)?.file?.path ?? 'the small files';
    return {
      ok: false,
      code: 'layer-too-large',
      message: `A layer with ${name} would be ${oversized.size} bytes, over limits.layer_max_bytes (${layerMaxBytes}).`,
    };
  }
  if (layers.length - 1 > slots) {
    return {
      ok: false,
      code: 'too-many-layers',
      message: `${weights.length} weight files do not fit into ${slots} layers of at most ${layerMaxBytes} bytes beside the base's ${baseLayers}.`,
    };
  }
  return { ok: true, layers };
}

/** Consecutive groups: as few files a group as the slots allow, never over the limit. */
function groupFiles(files: HubFile[], folder: string, slots: number, limit: number): HubFile[][] {
  if (files.length <= slots) return files.map((file) => [file]);
  const framed = new Map(files.map((file) => [file, tarSize([fileEntry(file, folder)]) - TAR_END.length]));
  const sizeOf = (group: HubFile[]) =>
    group.reduce((sum, file) => sum + (framed.get(file) ?? file.size), TAR_END.length);
  const perGroup = Math.ceil(files.length / slots);
  const even: HubFile[][] = [];
  for (let at = 0; at < files.length; at += perGroup) even.push(files.slice(at, at + perGroup));
  if (even.every((group) => sizeOf(group) <= limit)) return even;
  const packed: HubFile[][] = [];
  for (const file of files) {
    const last = packed.at(-1);
    if (last !== undefined && sizeOf([...last, file]) <= limit) last.push(file);
    else packed.push([file]);
  }
  return packed;
}

function fileEntry(file: HubFile, folder: string): TarEntry {
  return { path: `${folder}/${file.path}`, size: file.size, mode: 0o644 };
}

function makeLayer(kind: PlannedLayer['kind'], files: HubFile[], folder: string): PlannedLayer {
  // Only the small-files layer, which lies below the weights, creates directories; a weight layer is its files alone.
  const directories = kind === 'small-files' ? directoriesOf(files, folder) : [];
  const entries = [
    ...directories.map((path) => ({ entry: { path, size: 0, mode: 0o755 } satisfies TarEntry, file: null })),
    ...files.map((file) => ({ entry: fileEntry(file, folder), file })),
  ];
  const identity = entries.map(({ entry, file }) => [
    entry.path,
    entry.size,
    entry.mode,
    file === null ? '' : fileIdentity(file).content,
  ]);
  return {
    kind,
    entries,
    size: tarSize(entries.map(({ entry }) => entry)),
    key: sha256Hex(canonicalJson(identity)),
  };
}

function directoriesOf(files: HubFile[], folder: string): string[] {
  const found = new Set([`${folder}/`]);
  for (const file of files) {
    const parts = file.path.split('/').slice(0, -1);
    for (let depth = 1; depth <= parts.length; depth += 1) found.add(`${folder}/${parts.slice(0, depth).join('/')}/`);
  }
  return [...found].sort();
}
