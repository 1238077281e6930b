import { messageOf, PublisherError } from '../errors.ts';
import { LAYER_KEY } from '../image/layer-annotations.ts';
import type { PlannedLayer } from '../image/layer-plan.ts';
import { parseManifestContent } from '../registry/schema.ts';
import type { Descriptor, ImageTarget } from '../registry/types.ts';
import { layerMismatch } from './verify-layer.ts';

/** Tags looked through in one repository; each may cost a few requests. */
const MOST_TAGS = 100;

/** A layer that an image in a registry says it has. */
interface Candidate {
  descriptor: Descriptor;
  where: ImageTarget;
  tag: string;
}

/**
 * Finds layers that images of some repositories have already, by the key their annotations name. An annotation is a hint, never evidence:
 * what it leads to is read back and compared before it counts. The repositories are looked through once, when the first layer is asked for.
 */
export class LayerFinder {
  readonly #repositories: readonly ImageTarget[];
  readonly #signal: AbortSignal | undefined;
  #candidates: Promise<Map<string, Candidate[]>> | null = null;

  /** @param signal ends looking through the repositories */
  constructor(repositories: readonly ImageTarget[], signal?: AbortSignal) {
    this.#repositories = repositories;
    this.#signal = signal;
  }

  /**
   * @param refused told of every image that says it has the layer and has not
   * @throws PublisherError `cancelled`
   */
  async find(layer: PlannedLayer, refused: (why: string) => void, signal?: AbortSignal): Promise<Descriptor | null> {
    // A shard has no hash of its own that could be held against it.
    if (layer.entries.some(({ source }) => source.kind === 'part')) return null;
    this.#candidates ??= findCandidates(this.#repositories, this.#signal);
    for (const candidate of (await this.#candidates).get(layer.key) ?? []) {
      const wrong = await readBack(layer, candidate, signal);
      if (wrong === null) return candidate.descriptor;
      refused(`is not taken from ${candidate.where.name}:${candidate.tag}, whose annotation names it: ${wrong}.`);
    }
    return null;
  }
}

/** Layers by key, over all tags. A repository that cannot be listed or holds nonsense has no hints to give. */
async function findCandidates(
  repositories: readonly ImageTarget[],
  signal: AbortSignal | undefined,
): Promise<Map<string, Candidate[]>> {
  const found = new Map<string, Candidate[]>();
  for (const where of repositories) {
    const seen = new Set<string>();
    const tags = await where.tags({ signal }).catch(ignored);
    for (const tag of (tags ?? []).slice(0, MOST_TAGS)) {
      const layers = await layersOf(where, tag, seen, signal).catch(ignored);
      for (const descriptor of layers ?? []) {
        const key = descriptor.annotations?.[LAYER_KEY];
        if (key === undefined) continue;
        const others = found.get(key) ?? [];
        if (!others.some((other) => other.descriptor.digest === descriptor.digest)) {
          found.set(key, [...others, { descriptor, where, tag }]);
        }
      }
    }
  }
  return found;
}

/**
 * Reads a candidate back from its registry and compares it, byte for byte, with what the planned layer has to be.
 * @returns why it is not that layer; null when it is
 * @throws PublisherError `cancelled`
 */
async function readBack(
  layer: PlannedLayer,
  candidate: Candidate,
  signal: AbortSignal | undefined,
): Promise<string | null> {
  const { descriptor, where } = candidate;
  if (descriptor.size !== layer.size) return `it has ${descriptor.size} bytes, not ${layer.size}`;
  try {
    return await layerMismatch(layer, where.blob(descriptor, { signal }));
  } catch (error) {
    if (signal?.aborted) throw error;
    return messageOf(error);
  }
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
