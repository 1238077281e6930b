import { PublisherError } from '../errors.ts';
import type { PlannedLayer } from '../image/layer-plan.ts';
import type { SplitFile } from '../image/safetensors/types.ts';
import type { Digest } from '../registry/types.ts';
import type { LayerMemory, RememberedLayer } from './types.ts';

/** One shard in a layer. */
export interface LayerPart {
  split: SplitFile;
  index: number;
  /** Relative to the model's folder. */
  path: string;
}

export function partsOf({ entries }: PlannedLayer): LayerPart[] {
  return entries.flatMap(({ source }) => {
    if (source.kind !== 'part') return [];
    const { split, index } = source;
    return [{ split, index, path: split.parts[index]?.path ?? '' }];
  });
}

/**
 * The memory of layers during one build. Layers with shards are remembered together with the hashes of these, and only once
 * {@link release} says that the files they were cut from are verified; of all other layers it is told at once.
 */
export class ShardMemory implements LayerMemory {
  /** Path of a shard → hex sha256. */
  readonly hashes = new Map<string, string>();
  readonly #memory: LayerMemory;
  readonly #parts: ReadonlyMap<string, LayerPart[]>;
  readonly #held = new Map<string, { path: string; layer: RememberedLayer }>();

  constructor(memory: LayerMemory, layers: readonly PlannedLayer[]) {
    this.#memory = memory;
    this.#parts = new Map(layers.map((layer) => [layer.key, partsOf(layer)]));
  }

  async find(key: string, path: string): Promise<RememberedLayer | null> {
    const known = await this.#memory.find(key, path);
    const parts = this.#parts.get(key) ?? [];
    const hashes = new Map(known?.files?.map((file) => [file.path, file.sha256]));
    if (known === null || !parts.every((part) => hashes.has(part.path))) return null;
    for (const [shard, sha256] of hashes) this.hashes.set(shard, sha256);
    return known;
  }

  async remember(key: string, path: string, layer: RememberedLayer): Promise<void> {
    if ((this.#parts.get(key) ?? []).length === 0) await this.#memory.remember(key, path, layer);
    else this.#held.set(key, { path, layer });
  }

  /** Remembers what is held of these layers. @throws PublisherError `internal` before all their shards have hashes */
  async release(layers: readonly PlannedLayer[]): Promise<void> {
    for (const { key } of layers) {
      const held = this.#held.get(key);
      if (held === undefined) continue;
      const files = (this.#parts.get(key) ?? []).map(({ path }) => ({ path, sha256: this.#hashOf(path) }));
      await this.#memory.remember(key, held.path, { ...held.layer, files });
      this.#held.delete(key);
    }
  }

  places(digest: Digest): Promise<string[]> {
    return this.#memory.places(digest);
  }

  notePlaces(digest: Digest, repositories: readonly string[]): Promise<void> {
    return this.#memory.notePlaces(digest, repositories);
  }

  #hashOf(path: string): string {
    const sha256 = this.hashes.get(path);
    if (sha256 === undefined) throw new PublisherError('internal', `Nobody has the hash of ${path}.`);
    return sha256;
  }
}
