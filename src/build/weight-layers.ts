import { PublisherError } from '../errors.ts';
import type { Hub, ModelAt } from '../huggingface/types.ts';
import { layerAnnotations } from '../image/layer-annotations.ts';
import { layerName, type PlannedLayer } from '../image/layer-plan.ts';
import type { SplitFile } from '../image/safetensors/types.ts';
import type { Descriptor, Digest, ImageTarget } from '../registry/types.ts';
import { LayerFinder } from './find-layers.ts';
import { inLanes } from './lanes.ts';
import { hubLayer, type OpenPart } from './layer-content.ts';
import { partsOf, type ShardMemory } from './shard-memory.ts';
import { SplitSource } from './split-source.ts';
import type { Transfer } from './transfer.ts';

interface WeightContext {
  hub: Hub;
  model: ModelAt;
  /** Their images are looked through for layers that the memory does not know. */
  targets: readonly ImageTarget[];
  /** Layers moved at once. */
  lanes: number;
  signal?: AbortSignal;
}

/**
 * Brings every layer of the model to the targets. Layers with shards of one file follow each other, because the file's hash goes through
 * all of them; everything else moves at the same time. Afterwards `shards` has the hash of every shard.
 *
 * @throws PublisherError download and registry codes
 */
export async function moveWeightLayers(
  layers: readonly PlannedLayer[],
  transfer: Transfer,
  shards: ShardMemory,
  context: WeightContext,
): Promise<Map<PlannedLayer, Descriptor>> {
  const finder = new LayerFinder(context.targets, context.signal);
  const chains = await inLanes(chainsOf(layers), context.lanes, context.signal, async (chain, signal) => {
    await recognise(chain, finder, transfer, shards, signal);
    return moveChain(chain, transfer, shards, { ...context, signal });
  });
  return new Map(chains.flat());
}

/** Layers in the order given, those that hold shards of one file together. */
export function chainsOf(layers: readonly PlannedLayer[]): PlannedLayer[][] {
  let chains: { layers: PlannedLayer[]; splits: SplitFile[] }[] = [];
  for (const layer of layers) {
    const splits = partsOf(layer).map(({ split }) => split);
    const linked = chains.filter((chain) => chain.splits.some((split) => splits.includes(split)));
    chains = chains.filter((chain) => !linked.includes(chain));
    chains.push({
      layers: [...linked.flatMap((chain) => chain.layers), layer],
      splits: [...linked.flatMap((chain) => chain.splits), ...splits],
    });
  }
  return chains.map((chain) => chain.layers);
}

/** Remembers layers as some image of the targets has them: the memory may have been lost. */
async function recognise(
  chain: readonly PlannedLayer[],
  finder: LayerFinder,
  transfer: Transfer,
  shards: ShardMemory,
  signal: AbortSignal,
): Promise<void> {
  const known = await Promise.all(chain.map((layer) => shards.find(layer.key, layerName(layer))));
  if (!known.includes(null)) return;
  const names = chain.map(layerName).join(', ');
  const found = await finder.find(chain, (why) => transfer.notes.push(`${names} ${why}`), signal);
  if (found === null) return;
  for (const [path, sha256] of found.shards) shards.hashes.set(path, sha256);
  for (const [at, layer] of chain.entries()) {
    const descriptor = found.descriptors[at];
    if (descriptor === undefined) throw new PublisherError('internal', 'Fewer layers were found than asked for.');
    const { digest, size } = descriptor;
    await shards.remember(layer.key, layerName(layer), { digest, size });
  }
  await shards.release(chain);
}

async function moveChain(
  chain: readonly PlannedLayer[],
  transfer: Transfer,
  shards: ShardMemory,
  { hub, model, signal }: WeightContext,
): Promise<[PlannedLayer, Descriptor][]> {
  const sources = new Map<SplitFile, SplitSource>();
  const openPart: OpenPart = (split, index, inner) => {
    const source = sources.get(split) ?? new SplitSource(split, hub, model);
    sources.set(split, source);
    return source.part(index, inner);
  };
  const moved: [PlannedLayer, Descriptor][] = [];
  for (const layer of chain) {
    // A layer whose digest is known verifies itself.
    const content = (digest: Digest | null) =>
      hubLayer(layer, hub, model, digest, digest === null ? openPart : undefined);
    const descriptor = await transfer.weightLayer(layer, content, signal);
    moved.push([layer, { ...descriptor, annotations: layerAnnotations(layer) }]);
  }
  for (const source of sources.values()) await source.verified(signal);
  for (const { split, index, path } of chain.flatMap(partsOf)) {
    const streamed = sources.get(split)?.sha256(index);
    if (streamed !== undefined) shards.hashes.set(path, streamed);
  }
  await shards.release(chain);
  return moved;
}
