import type { Clock } from '../clock.ts';
import { PublisherError } from '../errors.ts';
import type { Hub } from '../huggingface/types.ts';
import { modelImageConfig } from '../image/config.ts';
import { modelFolder } from '../image/entrypoint-files.ts';
import { ASSEMBLER_FORMAT } from '../image/inputs.ts';
import { createdOf, imageLabels } from '../image/labels.ts';
import { type LayerPlan, type PlannedLayer, planLayers } from '../image/layer-plan.ts';
import { imageManifest } from '../image/manifest.ts';
import { parsePlatform } from '../image/platform.ts';
import { NOTHING_TO_SPLIT, type Splits } from '../image/safetensors/reshard.ts';
import { type BaseLicense, baseLicenses } from '../licensing/base-licenses.ts';
import { blobOf } from '../registry/content.ts';
import { OCI_CONFIG, OCI_MANIFEST } from '../registry/media-types.ts';
import type {
  BlobContent,
  Descriptor,
  ImageSource,
  ImageTarget,
  ManifestContent,
  Reference,
} from '../registry/types.ts';
import { type BasePlatform, readBasePlatform } from './base.ts';
import { embeddedFiles, reshardedFiles } from './embedded-files.ts';
import { finishImage } from './finish-image.ts';
import { inLanes } from './lanes.ts';
import { entrypointLayer, licenseLayer } from './own-layers.ts';
import { reshardOrThrow } from './reshard.ts';
import { ShardMemory } from './shard-memory.ts';
import { Transfer } from './transfer.ts';
import type { BuildProgress, BuildRequest, BuiltImage, LayerMemory, Resharded } from './types.ts';
import { moveWeightLayers } from './weight-layers.ts';

/** Layers moved at once: enough to hide latencies, few enough to keep memory and sockets bounded. */
const LANES = 4;

export interface AssembleContext {
  hub: Hub;
  /** Where the base is read from, and its parsed reference, for mounts. */
  base: { source: ImageSource; reference: Reference };
  /** At least one; the first gives `reference`, the others copy from it. */
  targets: [ImageTarget, ...ImageTarget[]];
  memory: LayerMemory;
  /** Opens a repository that a layer may be copied or mounted from; throws `refused` for one that is not the owner's. */
  open(reference: Reference): ImageSource & Pick<ImageTarget, 'has'>;
  /** The entrypoint script whose sha256 is in the inputs. */
  entrypoint: Uint8Array;
  /** Files of `/licenses`, for the request and its base. */
  licenses(
    request: BuildRequest & { resharded: Resharded[] },
    base: readonly BaseLicense[],
    signal?: AbortSignal,
  ): Promise<{ path: string; content: Uint8Array }[]>;
  clock: Clock;
  /** When the facts were known: where `durationMs` starts. Milliseconds since the epoch. */
  startedAt?: number;
  signal?: AbortSignal;
  onProgress?: (progress: BuildProgress) => void;
  /** Reads every reused blob back and hashes it, rather than trusting that it is there. */
  verifyReused?: boolean;
}

/**
 * Assembles one image for all its platforms and pushes it by digest to every target; no tag is written.
 *
 * Order: layers (base's mounted or copied, ours written, weights streamed from the Hub) → configurations → manifests → index,
 * so that nothing ever refers to a blob that is not there. Running it again after any failure is harmless.
 *
 * @throws PublisherError naming the cause; `image-invalid`, `too-large`, download and registry codes
 */
export async function assemble(request: BuildRequest, context: AssembleContext): Promise<BuiltImage> {
  const { inputs } = request;
  if (inputs.format !== ASSEMBLER_FORMAT) {
    const text = `This image was planned for assembler format ${inputs.format}; this version writes ${ASSEMBLER_FORMAT}. Plan it again (/rebuild).`;
    throw new PublisherError('image-invalid', text);
  }
  const startedAt = context.startedAt ?? context.clock.now();
  // One order of platforms, whatever the catalog's: the index's digest depends on it.
  const platforms = Object.entries(inputs.base).sort(([a], [b]) => (a < b ? -1 : 1));
  const bases = await inLanes(platforms, LANES, context.signal, async ([platform, digest], signal) => ({
    wanted: parsePlatform(platform),
    base: await readBasePlatform(context.base.source, request.base.reference, digest, signal),
  }));
  const model = { id: request.hubId, revision: inputs.revision };
  const resharding = await splitsOf(request, context);
  const weights = weightLayers(request, resharding, Math.max(...bases.map(({ base }) => base.layers.length)));
  const shards = new ShardMemory(context.memory, weights);
  const transfer = new Transfer(
    { ...context, memory: shards },
    weights.reduce((sum, layer) => sum + layer.size, 0),
  );

  // One for all platforms, which share the layer.
  const licenses = baseLicenses(
    bases.map(({ base: { config } }) => ({ env: config.config?.Env ?? [], labels: config.config?.Labels ?? {} })),
  );
  const legal = { ...request, resharded: reshardedFiles(resharding) };
  const licenseFiles = licenseLayer(await context.licenses(legal, licenses, context.signal));
  transfer.step('copying the base image');
  await transferBases(
    bases.map(({ base }) => base),
    context,
    transfer,
  );
  await transfer.ownBlob(licenseFiles);
  transfer.step(inputs.variant === 'fat' ? 'streaming weights' : 'writing the image');
  const descriptors = await moveWeightLayers(weights, transfer, shards, { ...context, model, lanes: LANES });
  // Only now are the hashes of shards known, which the list of files names.
  const listed = embeddedFiles(request, resharding, shards.hashes);
  const entrypoint = entrypointLayer(inputs, listed, context.entrypoint);
  await transfer.ownBlob(entrypoint);

  transfer.step('writing manifests');
  const added = [
    { comment: 'licence files', descriptor: describe(licenseFiles) },
    { comment: 'entrypoint and file list', descriptor: describe(entrypoint) },
    ...weights.map((layer) => ({
      comment: layer.entries.at(-1)?.entry.path ?? layer.kind,
      descriptor: descriptorOf(descriptors, layer),
    })),
  ];
  const manifests: Descriptor[] = [];
  for (const { wanted, base } of bases) {
    const created = createdOf(request.lastModified, base.config.created ?? null);
    const labels = imageLabels(inputs, { key: request.key, base: base.manifestDigest, licenses, created });
    const layers = added.map(({ comment, descriptor }) => ({ comment, digest: descriptor.digest }));
    const config = modelImageConfig(base.config, inputs, labels, created, layers);
    const blob = blobOf(encode(config), OCI_CONFIG);
    await transfer.ownBlob(blob);
    const bytes = imageManifest(describe(blob), [...base.layers, ...added.map(({ descriptor }) => descriptor)], labels);
    manifests.push({ ...(await transfer.manifest(bytes, OCI_MANIFEST)), platform: wanted });
  }
  const done = {
    manifests,
    bases: bases.map(({ base }) => base),
    licenses,
    weights: contentBytes(weights.filter(({ kind }) => kind === 'weights')),
    startedAt,
  };
  return finishImage(request, done, context, transfer);
}

/** Points tags at an image that {@link assemble} has pushed to a target. */
export async function tagImage(
  target: ImageTarget,
  digest: string,
  tags: string[],
  signal?: AbortSignal,
): Promise<void> {
  const manifest: ManifestContent = await target.manifest(digest, { signal });
  for (const tag of tags) await target.tag(tag, manifest, { signal });
}

/** How files above the layer limit are split; the planner has come to the same answer. */
async function splitsOf({ inputs, files, hubId }: BuildRequest, { hub, signal }: AssembleContext): Promise<Splits> {
  if (inputs.variant === 'slim') return NOTHING_TO_SPLIT;
  const folder = modelFolder(inputs).slice(1);
  const limits = { folder, layerMaxBytes: inputs.layerLimit, engine: inputs.engine, spdx: inputs.license.spdx };
  return reshardOrThrow({ files, ...limits }, hub, { id: hubId, revision: inputs.revision }, signal);
}

function weightLayers({ inputs, files }: BuildRequest, { splits, made }: Splits, baseLayers: number) {
  if (inputs.variant === 'slim') return [];
  const plan: LayerPlan = planLayers({
    files,
    splits,
    made,
    folder: modelFolder(inputs).slice(1),
    baseLayers,
    layerMaxBytes: inputs.layerLimit,
  });
  if (!plan.ok) throw new PublisherError('too-large', plan.message);
  return plan.layers;
}

/** Every distinct layer of all platforms, once. */
async function transferBases(bases: BasePlatform[], context: AssembleContext, transfer: Transfer): Promise<void> {
  const distinct = new Map(bases.flatMap(({ layers }) => layers.map((layer) => [layer.digest, layer])));
  await inLanes([...distinct.values()], LANES, context.signal, (layer, signal) => transfer.baseLayer(layer, signal));
}

function contentBytes(layers: PlannedLayer[]): number {
  return layers.flatMap(({ entries }) => entries).reduce((sum, { entry }) => sum + entry.size, 0);
}

function descriptorOf(descriptors: ReadonlyMap<PlannedLayer, Descriptor>, layer: PlannedLayer): Descriptor {
  const found = descriptors.get(layer);
  if (found === undefined) throw new PublisherError('internal', `A ${layer.kind} layer was not written.`);
  return found;
}

function describe({ mediaType, digest, size }: BlobContent): Descriptor {
  if (digest === null) throw new PublisherError('internal', 'A blob in memory always has a digest.');
  return { mediaType, digest, size };
}

function encode(value: unknown): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(value));
}
