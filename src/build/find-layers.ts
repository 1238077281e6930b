import { messageOf, PublisherError } from '../errors.ts';
import { LAYER_KEY } from '../image/layer-annotations.ts';
import type { PlannedLayer } from '../image/layer-plan.ts';
import { parseManifestContent } from '../registry/schema.ts';
import type { Descriptor, ImageTarget } from '../registry/types.ts';
import { ReadBackShards } from './read-back-shards.ts';
import { layerMismatch } from './verify-layer.ts';

/** Tags looked through in one repository; each may cost a few requests. */
const MOST_TAGS = 100;

/** An image in a registry that says which layers it has. */
interface Candidate {
  where: ImageTarget;
  tag: string;
  /** By the key their annotations name. */
  layers: ReadonlyMap<string, Descriptor>;
}

/** Layers that were found, in the order asked for, and the hashes of the shards in them by path. */
export interface FoundLayers {
  descriptors: Descriptor[];
  shards: ReadonlyMap<string, string>;
}

/**
 * Finds layers that images of some repositories have already, by the key their annotations name. An annotation is a hint, never evidence:
 * what it leads to is read back and compared before it counts. The repositories are looked through once, when the first layer is asked for.
 */
export class LayerFinder {
  readonly #repositories: readonly ImageTarget[];
  readonly #signal: AbortSignal | undefined;
  #candidates: Promise<Candidate[]> | null = null;

  /** @param signal ends looking through the repositories */
  constructor(repositories: readonly ImageTarget[], signal?: AbortSignal) {
    this.#repositories = repositories;
    this.#signal = signal;
  }

  /**
   * @param layers one, or all that hold shards of the same files: these are proven together or not at all
   * @param refused told of every image that says it has them and has not
   * @throws PublisherError `cancelled`
   */
  async find(
    layers: readonly PlannedLayer[],
    refused: (why: string) => void,
    signal?: AbortSignal,
  ): Promise<FoundLayers | null> {
    this.#candidates ??= findCandidates(this.#repositories, this.#signal);
    const tried = new Set<string>();
    for (const { where, tag, layers: claimed } of await this.#candidates) {
      const descriptors = layers.flatMap(({ key }) => claimed.get(key) ?? []);
      const digests = [where.name, ...descriptors.map(({ digest }) => digest)].join();
      if (descriptors.length < layers.length || tried.has(digests)) continue;
      tried.add(digests);
      const shards = new ReadBackShards();
      const wrong = await readBack(layers, descriptors, where, shards, signal);
      if (wrong === null) return { descriptors, shards: shards.hashes };
      refused(`is not taken from ${where.name}:${tag}, whose annotation names it: ${wrong}.`);
    }
    return null;
  }
}

/** Over all tags. A repository that cannot be listed or holds nonsense has no hints to give. */
async function findCandidates(
  repositories: readonly ImageTarget[],
  signal: AbortSignal | undefined,
): Promise<Candidate[]> {
  const found: Candidate[] = [];
  for (const where of repositories) {
    const seen = new Set<string>();
    const tags = await where.tags({ signal }).catch(ignored);
    for (const tag of (tags ?? []).slice(0, MOST_TAGS)) {
      const all = await layersOf(where, tag, seen, signal).catch(ignored);
      const layers = new Map(
        (all ?? []).flatMap((descriptor) => {
          const key = descriptor.annotations?.[LAYER_KEY];
          return key === undefined ? [] : [[key, descriptor] as const];
        }),
      );
      if (layers.size > 0) found.push({ where, tag, layers });
    }
  }
  return found;
}

/**
 * Reads layers back from their registry and compares them, byte for byte, with what the planned ones have to be.
 * @returns why they are not those; null when they are
 * @throws PublisherError `cancelled`
 */
async function readBack(
  layers: readonly PlannedLayer[],
  descriptors: readonly Descriptor[],
  where: ImageTarget,
  shards: ReadBackShards,
  signal: AbortSignal | undefined,
): Promise<string | null> {
  try {
    for (const [at, layer] of layers.entries()) {
      const descriptor = descriptors[at];
      if (descriptor?.size !== layer.size) return `it has ${descriptor?.size} bytes, not ${layer.size}`;
      const wrong = await layerMismatch(layer, where.blob(descriptor, { signal }), shards);
      if (wrong !== null) return wrong;
    }
  } catch (error) {
    if (signal?.aborted) throw error;
    return messageOf(error);
  }
  const missing = shards.missing();
  return missing === null ? null : `shards of ${missing} are missing`;
}

async function layersOf(
  where: ImageTarget,
  tag: string,
  seen: Set<string>,
  signal: AbortSignal | undefined,
): Promise<Descriptor[]> {
  const top = await where.manifest(tag, { signal });
  if (seen.has(top.digest)) return [];
  seen.add(top.digest);
  const content = parseManifestContent(top);
  if (content.kind === 'manifest') return content.manifest.layers;
  // Every platform shares the weight layers.
  const [first] = content.index.manifests;
  if (first === undefined || seen.has(first.digest)) return [];
  seen.add(first.digest);
  const child = parseManifestContent(await where.manifest(first.digest, { signal }));
  return child.kind === 'manifest' ? child.manifest.layers : [];
}

function ignored(error: unknown): null {
  if (error instanceof PublisherError && error.code === 'cancelled') throw error;
  return null;
}
