import type { HubFile } from '../huggingface/types.ts';
import { canonicalJson } from './canonical-json.ts';
import { sha256Hex } from './hash.ts';
import { fileIdentity } from './inputs.ts';
import { groupWeights } from './layer-groups.ts';
import type { MadeFile, SplitFile } from './safetensors/types.ts';
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

/** Where an entry's content comes from. */
export type LayerSource =
  | { kind: 'directory' }
  | { kind: 'file'; file: HubFile }
  /** `index` of the part in `split.parts`. */
  | { kind: 'part'; split: SplitFile; index: number }
  | { kind: 'made'; content: Uint8Array };

export interface LayerEntry {
  entry: TarEntry;
  source: LayerSource;
}

/** A layer still to be framed: entries in tar order, with the source of each. */
export interface PlannedLayer {
  kind: 'small-files' | 'weights';
  entries: LayerEntry[];
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
  /** Files of `files` whose parts take their place. */
  splits?: readonly SplitFile[];
  /** Files that are made; where one has the path of a file, it takes its place. */
  made?: readonly MadeFile[];
  /** Folder of the model in the image, relative to the root, without a slash at the end. */
  folder: string;
  /** Largest number of layers any base platform already has. */
  baseLayers: number;
  /** Bytes; the strictest limit of all the places that the layers go to. */
  layerMaxBytes: number;
}

/**
 * Which files share a layer. One layer holds all small files, then one per weight file; only when that would pass
 * {@link MAX_LAYERS} do neighbours (in order of path) share, evenly, so that one changed shard changes one layer.
 */
export function planLayers(input: LayerPlanInput): LayerPlan {
  const { folder, baseLayers, layerMaxBytes } = input;
  const { small, weights } = sortOut(entriesOf(input), folder, layerMaxBytes);
  const slots = MAX_LAYERS - baseLayers - FIXED_LAYERS;
  if (weights.length > 0 && slots < 1) {
    return {
      ok: false,
      code: 'too-many-layers',
      message: `The base image has ${baseLayers} layers, which leaves no room for weights below the limit of ${MAX_LAYERS}.`,
    };
  }
  const layers = [
    makeLayer('small-files', [...directoriesOf(small, folder), ...small]),
    ...groupWeights(weights, slots, layerMaxBytes).map((group) => makeLayer('weights', group)),
  ];
  const oversized = layers.find((layer) => layer.size > layerMaxBytes);
  if (oversized !== undefined) {
    const name = oversized.entries.at(-1)?.entry.path ?? 'the small files';
    return {
      ok: false,
      code: 'layer-too-large',
      message: `A layer with ${name} would be ${oversized.size} bytes, over the limit of ${layerMaxBytes} for one layer.`,
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

/** Everything in the model's folder, in order of path. */
function entriesOf({ files, splits = [], made = [], folder }: LayerPlanInput): LayerEntry[] {
  const replaced = new Set([...splits.map(({ file }) => file.path), ...made.map(({ path }) => path)]);
  const at = (path: string, size: number): TarEntry => ({ path: `${folder}/${path}`, size, mode: 0o644 });
  return [
    ...files
      .filter(({ path }) => !replaced.has(path))
      .map((file): LayerEntry => ({ entry: at(file.path, file.size), source: { kind: 'file', file } })),
    ...splits.flatMap((split) =>
      split.parts.map(
        ({ path, size }, index): LayerEntry => ({ entry: at(path, size), source: { kind: 'part', split, index } }),
      ),
    ),
    ...made.map(
      ({ path, content }): LayerEntry => ({ entry: at(path, content.length), source: { kind: 'made', content } }),
    ),
  ].sort((a, b) => (a.entry.path < b.entry.path ? -1 : 1));
}

/** Weights and other large files apart from the small ones; of those, too, the largest if they are too many for one layer. */
function sortOut(entries: LayerEntry[], folder: string, limit: number): { small: LayerEntry[]; weights: LayerEntry[] } {
  const isOwn = ({ entry, source }: LayerEntry) =>
    source.kind === 'part' || entry.size >= OWN_LAYER_BYTES || WEIGHTS.test(entry.path);
  const own = new Set(entries.filter(isOwn));
  const rest = entries.filter((each) => !own.has(each));
  let size = tarSize([...directoriesOf(rest, folder), ...rest].map(({ entry }) => entry));
  for (const each of [...rest].sort((a, b) => b.entry.size - a.entry.size)) {
    if (size <= limit) break;
    own.add(each);
    size -= framedSize(each);
  }
  return { small: entries.filter((each) => !own.has(each)), weights: entries.filter((each) => own.has(each)) };
}

/** Bytes an entry takes in a tar, without the tar's end. */
function framedSize({ entry }: LayerEntry): number {
  return tarSize([entry]) - TAR_END.length;
}

function makeLayer(kind: PlannedLayer['kind'], entries: LayerEntry[]): PlannedLayer {
  const identity = entries.map(({ entry, source }) => [entry.path, entry.size, entry.mode, sourceIdentity(source)]);
  return {
    kind,
    entries,
    size: tarSize(entries.map(({ entry }) => entry)),
    key: sha256Hex(canonicalJson(identity)),
  };
}

/** For people, and where a ledger is read by them: the path of its first file. */
export function layerName({ entries, kind }: PlannedLayer): string {
  return entries.find(({ source }) => source.kind !== 'directory')?.entry.path ?? kind;
}

/** What an entry's content is made from: same identity, same bytes. Empty for a directory. */
export function sourceIdentity(source: LayerSource): string {
  switch (source.kind) {
    case 'directory':
      return '';
    case 'file':
      return fileIdentity(source.file).content;
    case 'made':
      return `made:${sha256Hex(source.content)}`;
    case 'part': {
      const { content } = fileIdentity(source.split.file);
      const part = source.split.parts[source.index];
      return `part:${content}:${part?.begin}-${part?.end}:${sha256Hex(part?.header ?? '')}`;
    }
  }
}

/** Only the small-files layer, which lies below the weights, creates directories; a weight layer is its files alone. */
function directoriesOf(entries: readonly LayerEntry[], folder: string): LayerEntry[] {
  const found = new Set([`${folder}/`]);
  const from = folder.split('/').length + 1;
  for (const { entry } of entries) {
    const parts = entry.path.split('/').slice(0, -1);
    for (let depth = from; depth <= parts.length; depth += 1) found.add(`${parts.slice(0, depth).join('/')}/`);
  }
  return [...found]
    .sort()
    .map((path): LayerEntry => ({ entry: { path, size: 0, mode: 0o755 }, source: { kind: 'directory' } }));
}
