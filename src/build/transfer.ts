import { type ErrorCode, messageOf, PublisherError } from '../errors.ts';
import { layerName, type PlannedLayer } from '../image/layer-plan.ts';
import { OCI_LAYER } from '../registry/media-types.ts';
import type { BlobContent, Descriptor, Digest, ImageSource, ImageTarget, Reference } from '../registry/types.ts';
import type { AssembleContext } from './assemble.ts';
import { createCollector } from './collect-garbage.ts';
import { distribute } from './distribute.ts';
import { type Holder, holdersOf, referenceOf } from './holders.ts';
import { Meter } from './meter.ts';
import type { Lane } from './types.ts';

/** Failures of a download in mid-stream. What a registry does wrong its client has retried already. */
const FETCH_FAULTS: ReadonlySet<ErrorCode> = new Set(['download-truncated', 'download-corrupt', 'hub-unavailable']);
const STREAM_ATTEMPTS = 3;

/**
 * Moves blobs to all targets and keeps the count. Nothing moves twice: for each target in turn,
 *
 *     there already ──▶ mounted from its own registry ──▶ copied from another registry ──▶ streamed from the Hub
 *
 * and whatever has to be read for several targets is read once and handed to all of them as it comes.
 */
export class Transfer {
  uploaded = 0;
  reused = 0;
  /** What people should know, e.g. why something was not reused. */
  readonly notes: string[] = [];
  readonly #context: AssembleContext;
  readonly #meter: Meter;
  readonly #collect = createCollector();

  /** @param streamTotal bytes of the layers that may have to come from the Hub */
  constructor(context: AssembleContext, streamTotal: number) {
    this.#context = context;
    this.#meter = new Meter(context.clock, streamTotal, context.onProgress);
  }

  step(name: string): void {
    this.#meter.enter(name);
  }

  /** A layer of the base: there already, mounted, or copied from where the base is. */
  async baseLayer(layer: Descriptor, signal?: AbortSignal): Promise<void> {
    const { source, reference } = this.#context.base;
    const lacking = await this.#mountEach(layer, await this.#lacking(layer, signal), [reference], signal);
    if (lacking.length > 0) await this.#copy(layer, source, lacking, signal);
  }

  /** A blob of ours in memory. */
  async ownBlob(content: BlobContent & { digest: Digest }): Promise<void> {
    const { signal, targets } = this.#context;
    await Promise.all(
      targets.map(async (target) => {
        if (await this.#has(target, content, signal)) this.reused += content.size;
        else this.uploaded += (await target.write(content, { signal, onBytes: this.#onBytes })).size;
      }),
    );
  }

  /**
   * A layer of weights, from wherever it is cheapest.
   *
   * @param content the layer as the Hub gives it, under the digest it is known to have
   */
  async weightLayer(
    layer: PlannedLayer,
    content: (digest: Digest | null) => BlobContent,
    signal?: AbortSignal,
  ): Promise<Descriptor> {
    const { memory, targets } = this.#context;
    const path = layerName(layer);
    const lane = this.#meter.begin(path, layer.size);
    try {
      const known = await memory.find(layer.key, path);
      const descriptor =
        known === null
          ? await this.#stream(content(null), targets, lane, signal, (fresh) => this.#remember(layer, path, fresh))
          : await this.#place({ mediaType: OCI_LAYER, digest: known.digest, size: known.size }, content, lane, signal);
      this.#meter.finish(lane);
      return descriptor;
    } catch (error) {
      this.#meter.drop(lane);
      throw error;
    }
  }

  async manifest(bytes: Uint8Array, mediaType: string): Promise<Descriptor> {
    const { signal, targets, verifyReused } = this.#context;
    const options = { signal, unlessThere: verifyReused !== true };
    const [descriptor] = await Promise.all(targets.map((target) => target.putManifest(bytes, mediaType, options)));
    if (descriptor === undefined) throw new PublisherError('internal', 'There is always a target.');
    return descriptor;
  }

  /** A layer whose digest is known: whoever lacks it takes it from whoever has it, and only then from the Hub. */
  async #place(
    descriptor: Descriptor,
    content: (digest: Digest) => BlobContent,
    lane: Lane,
    signal?: AbortSignal,
  ): Promise<Descriptor> {
    const { targets, memory } = this.#context;
    const absent = await this.#lacking(descriptor, signal);
    if (absent.length > 0) {
      const there = targets.filter((target) => !absent.includes(target));
      const holders = holdersOf(there, await memory.places(descriptor.digest), this.#context);
      const sources = holders.flatMap(({ name }) => referenceOf(name));
      const lacking = await this.#mountEach(descriptor, absent, sources, signal);
      if (lacking.length > 0 && !(await this.#copyFromAny(descriptor, holders, lacking, lane, signal))) {
        await this.#stream(content(descriptor.digest), lacking, lane, signal);
      }
    }
    await this.#notePlaces(descriptor.digest);
    return descriptor;
  }

  /** Registry to registry: from the first place that really has it. */
  async #copyFromAny(
    descriptor: Descriptor,
    holders: readonly Holder[],
    lacking: readonly ImageTarget[],
    lane: Lane,
    signal?: AbortSignal,
  ): Promise<boolean> {
    for (const { name, source, seen } of holders) {
      try {
        if (!seen && !(await source.has(descriptor, { signal }))) continue;
        await this.#copy(descriptor, source, lacking, signal, lane);
        return true;
      } catch (error) {
        if (signal?.aborted) throw error;
        this.notes.push(`${lane.name} could not be copied from ${name}: ${messageOf(error)}`);
      }
    }
    return false;
  }

  /** Streams from the Hub; a download cut short or altered on its way is tried again from the layer's start. */
  async #stream(
    content: BlobContent,
    targets: readonly ImageTarget[],
    lane: Lane,
    signal?: AbortSignal,
    remember?: (fresh: Descriptor) => Promise<void>,
  ): Promise<Descriptor> {
    const counted = this.#counted(content, lane);
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.#writeAll(counted, targets, signal, remember);
      } catch (thrown) {
        const worthwhile = thrown instanceof PublisherError && FETCH_FAULTS.has(thrown.code);
        if (!worthwhile || attempt === STREAM_ATTEMPTS) throw thrown;
        await this.#context.clock.sleep(500 * attempt, signal);
      }
    }
  }

  async #copy(
    { mediaType, digest, size }: Descriptor,
    from: Pick<ImageSource, 'blob'>,
    targets: readonly ImageTarget[],
    signal?: AbortSignal,
    lane?: Lane,
  ): Promise<void> {
    const content: BlobContent = {
      mediaType,
      digest,
      size,
      open: (inner) => from.blob({ mediaType, digest, size }, { signal: inner }),
    };
    await this.#writeAll(lane === undefined ? content : this.#counted(content, lane), targets, signal);
  }

  /**
   * One content to several targets in one reading. A target that fails takes the blob afterwards from one that has it; only when all fail
   * does the whole.
   *
   * @param remember called as soon as the digest is known, so that a process killed right after loses nothing
   */
  async #writeAll(
    content: BlobContent,
    targets: readonly ImageTarget[],
    signal: AbortSignal | undefined,
    remember?: (fresh: Descriptor) => Promise<void>,
  ): Promise<Descriptor> {
    let remembered: Promise<void> | undefined;
    const onDigest = async (fresh: Descriptor) => {
      remembered ??= remember?.(fresh);
      await remembered;
    };
    const write = async (target: ImageTarget, from: BlobContent) => {
      const written = await target.write(from, { signal, onBytes: this.#onBytes, onDigest });
      this.uploaded += written.size;
      return written;
    };
    const { descriptor, written, failed } = await distribute(content, targets, write, signal);
    if (failed.length > 0) await this.#copy(descriptor, written, failed, signal);
    return descriptor;
  }

  async #remember(layer: PlannedLayer, path: string, { digest, size }: Descriptor): Promise<void> {
    await this.#context.memory.remember(layer.key, path, { digest, size });
    await this.#notePlaces(digest);
  }

  async #notePlaces(digest: Digest): Promise<void> {
    const { memory, targets } = this.#context;
    await memory.notePlaces(
      digest,
      targets.map(({ name }) => name),
    );
  }

  async #lacking(blob: Descriptor, signal?: AbortSignal): Promise<ImageTarget[]> {
    const { targets } = this.#context;
    const there = await Promise.all(targets.map((target) => this.#has(target, blob, signal)));
    this.reused += blob.size * there.filter(Boolean).length;
    return targets.filter((_, at) => there[at] !== true);
  }

  /** Those that could not mount the blob from any of these places in their own registry. */
  async #mountEach(
    blob: Descriptor,
    targets: readonly ImageTarget[],
    sources: readonly Reference[],
    signal?: AbortSignal,
  ): Promise<ImageTarget[]> {
    const lacking: ImageTarget[] = [];
    for (const target of targets) {
      if (await mountFromAny(target, blob, sources, signal)) this.reused += blob.size;
      else lacking.push(target);
    }
    return lacking;
  }

  #has(target: ImageTarget, blob: Descriptor | (BlobContent & { digest: Digest }), signal?: AbortSignal) {
    const { mediaType, digest, size } = blob;
    return target.has({ mediaType, digest, size }, { signal, verify: this.#context.verifyReused ?? false });
  }

  /** The content, counted by its lane each time it is read. */
  #counted(content: BlobContent, lane: Lane): BlobContent {
    const [meter, collect] = [this.#meter, this.#collect];
    return {
      ...content,
      async *open(signal) {
        lane.done = 0;
        for await (const chunk of content.open(signal)) {
          meter.advance(lane, chunk.byteLength);
          collect(chunk.byteLength);
          yield chunk;
        }
      },
    };
  }

  readonly #onBytes = (bytes: number): void => this.#meter.move(bytes);
}

async function mountFromAny(
  target: ImageTarget,
  blob: Descriptor,
  sources: readonly Reference[],
  signal?: AbortSignal,
): Promise<boolean> {
  for (const source of sources) if (await target.mount(blob, source, { signal })) return true;
  return false;
}
