import type { Hub, ModelAt } from '../huggingface/types.ts';
import type { PlannedLayer } from '../image/layer-plan.ts';
import type { SplitFile } from '../image/safetensors/types.ts';
import type { Descriptor } from '../registry/types.ts';
import { inLanes } from './lanes.ts';
import { hubLayer, type OpenPart } from './layer-content.ts';
import { SplitSource } from './split-source.ts';
import type { Transfer } from './transfer.ts';
import type { LayerFile, LayerMemory } from './types.ts';

export interface WeightContext {
  hub: Hub;
  model: ModelAt;
  memory: LayerMemory;
  /** Layers moved at once. */
  lanes: number;
  signal: AbortSignal | undefined;
}

export interface MovedLayers {
  descriptors: Map<PlannedLayer, Descriptor>;
  /** Shards of split files, by path → hex sha256. */
  shards: Map<string, string>;
}

/**
 * Brings every layer of the model to the targets. Layers with shards of one file follow each other, because the file's hash goes through
 * all of them; everything else moves at the same time.
 *
 * @throws PublisherError download and registry codes
 */
export async function moveWeightLayers(
  layers: readonly PlannedLayer[],
  transfer: Transfer,
  context: WeightContext,
): Promise<MovedLayers> {
  const moved: MovedLayers = { descriptors: new Map(), shards: new Map() };
  await inLanes(chainsOf(layers), context.lanes, context.signal, async (chain, signal) => {
    await moveChain(chain, transfer, { ...context, signal }, moved);
  });
  return moved;
}

/** Layers in the order given, those that hold shards of one file together. */
export function chainsOf(layers: readonly PlannedLayer[]): PlannedLayer[][] {
  let chains: { layers: PlannedLayer[]; splits: SplitFile[] }[] = [];
  for (const layer of layers) {
    const splits = layer.entries.flatMap(({ source }) => (source.kind === 'part' ? [source.split] : []));
    const linked = chains.filter((chain) => chain.splits.some((split) => splits.includes(split)));
    chains = chains.filter((chain) => !linked.includes(chain));
    chains.push({
      layers: [...linked.flatMap((chain) => chain.layers), layer],
      splits: [...linked.flatMap((chain) => chain.splits), ...splits],
    });
  }
  return chains.map((chain) => chain.layers);
}

async function moveChain(
  chain: readonly PlannedLayer[],
  transfer: Transfer,
  context: WeightContext,
  moved: MovedLayers,
): Promise<void> {
  const { hub, model, signal } = context;
  const sources = new Map<SplitFile, SplitSource>();
  const openPart: OpenPart = (split, index, inner) => {
    const source = sources.get(split) ?? new SplitSource(split, hub, model);
    sources.set(split, source);
    return source.part(index, inner);
  };
  const filesOf = (layer: PlannedLayer): LayerFile[] =>
    partsOf(layer).map(({ split, index, path }) => {
      const sha256 = moved.shards.get(path) ?? sources.get(split)?.sha256(index) ?? '';
      return { path, sha256 };
    });
  const held: (() => Promise<void>)[] = [];
  for (const layer of chain) {
    const path = layer.entries.find(({ source }) => source.kind !== 'directory')?.entry.path ?? layer.kind;
    const memory = partsOf(layer).length === 0 ? context.memory : holding(layer, context.memory, held, moved, filesOf);
    const content = (digest: Descriptor['digest'] | null) =>
      // A layer whose digest is known verifies itself.
      hubLayer(layer, hub, model, digest, digest === null ? openPart : undefined);
    moved.descriptors.set(layer, await transfer.rememberedBlob(layer.key, path, content, signal, memory));
  }
  for (const source of sources.values()) await source.verified(signal);
  for (const remember of held) await remember();
  for (const layer of chain) for (const { path, sha256 } of filesOf(layer)) moved.shards.set(path, sha256);
}

/** The memory of a layer with shards: it is told of nothing until the whole files behind them are verified. */
function holding(
  layer: PlannedLayer,
  memory: LayerMemory,
  held: (() => Promise<void>)[],
  moved: MovedLayers,
  filesOf: (layer: PlannedLayer) => LayerFile[],
): LayerMemory {
  return {
    async find(key, path) {
      const known = await memory.find(key, path);
      const hashes = new Map(known?.files?.map((file) => [file.path, file.sha256]));
      if (known === null || !partsOf(layer).every((part) => hashes.has(part.path))) return null;
      for (const [shard, sha256] of hashes) moved.shards.set(shard, sha256);
      return known;
    },
    async remember(key, path, written) {
      held.push(() => memory.remember(key, path, { ...written, files: filesOf(layer) }));
    },
  };
}

function partsOf({ entries }: PlannedLayer): { split: SplitFile; index: number; path: string }[] {
  return entries.flatMap(({ source }) => {
    if (source.kind !== 'part') return [];
    const { split, index } = source;
    return [{ split, index, path: split.parts[index]?.path ?? '' }];
  });
}
