import { asPublisherError, PublisherError } from '../../errors.ts';
import type { Descriptor, Digest, ImageTarget } from '../../registry/types.ts';
import { type ReadLayer, readLayer } from './layer-files.ts';
import { doubt, type ReadPlatform } from './read-manifests.ts';
import { type Check, failed, judged, notChecked } from './types.ts';

export interface LayersRead {
  check: Check;
  /** By digest; what is not whole is absent. */
  layers: ReadonlyMap<Digest, ReadLayer>;
}

/** Reads every layer back and hashes it, each once however many platforms share it. */
export async function readAllLayers(
  source: ImageTarget,
  platforms: readonly ReadPlatform[],
  signal: AbortSignal,
  onLayer: (layer: Descriptor, done: number, total: number) => void,
): Promise<LayersRead> {
  const wanted = distinct(platforms);
  const layers = new Map<Digest, ReadLayer>();
  const problems: string[] = [];
  for (const [at, layer] of wanted.entries()) {
    onLayer(layer, at, wanted.length);
    try {
      layers.set(layer.digest, await readLayer(source, layer, signal));
    } catch (error) {
      problems.push(layerProblem(layer, error));
    }
  }
  for (const { platform, manifest, config } of platforms) {
    for (const [at, { digest }] of manifest.layers.entries()) {
      const diffId = layers.get(digest)?.diffId;
      if (diffId !== undefined && diffId !== config.rootfs.diff_ids[at]) {
        problems.push(`layer ${digest} of ${platform} unpacks to ${diffId}, the configuration says otherwise`);
      }
    }
  }
  return { check: judged('layers', problems, `${wanted.length} layers read and hashed`), layers };
}

/** Only asks whether every layer is there. */
export async function askForLayers(
  source: ImageTarget,
  platforms: readonly ReadPlatform[],
  signal: AbortSignal,
): Promise<Check> {
  const wanted = distinct(platforms);
  const missing: string[] = [];
  for (const layer of wanted) if (!(await source.has(layer, { signal }))) missing.push(layer.digest);
  if (missing.length > 0) return failed('layers', `missing: ${missing.join(', ')}`);
  return notChecked('layers', `${wanted.length} layers are there; their bytes were not read (--shallow)`);
}

function distinct(platforms: readonly ReadPlatform[]): Descriptor[] {
  const all = platforms.flatMap(({ manifest }) => manifest.layers);
  return [...new Map(all.map((layer) => [layer.digest, layer])).values()];
}

function layerProblem(layer: Descriptor, error: unknown): string {
  if (error instanceof PublisherError) return doubt(error);
  const failure = asPublisherError(error);
  const zlib = error instanceof Error && 'code' in error && /^Z_|^ZSTD_/.test(String(error.code));
  if (zlib || error instanceof TypeError) {
    return `layer ${layer.digest} cannot be unpacked: ${failure.message}`;
  }
  throw failure;
}
