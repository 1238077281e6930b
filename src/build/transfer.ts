import { type ErrorCode, messageOf, PublisherError } from '../errors.ts';
import type { PlannedLayer } from '../image/layer-plan.ts';
import { OCI_LAYER } from '../registry/media-types.ts';
import { parseReference } from '../registry/reference.ts';
import type { BlobContent, Descriptor, Digest, ImageSource, ImageTarget, Reference } from '../registry/types.ts';
import type { AssembleContext } from './assemble.ts';
import { createCollector } from './collect-garbage.ts';
import { type Candidate, findCandidates, readBack } from './find-layers.ts';
import { Meter } from './meter.ts';
import { tee } from './tee.ts';
import type { Lane } from './types.ts';

/** Failures of a download in mid-stream. What a registry does wrong its client has retried already. */
const FETCH_FAULTS: ReadonlySet<ErrorCode> = new Set(['download-truncated', 'download-corrupt', 'hub-unavailable']);
const STREAM_ATTEMPTS = 3;
/** Milliseconds between two reports of what moves: chunks come by the thousand a second. */
const REPORT_MS = 100;

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
  #told = Number.NEGATIVE_INFINITY;
  #candidates: Promise<Map<string, Candidate[]>> | null = null;

  /** @param streamTotal bytes of the layers that may have to come from the Hub */
  constructor(context: AssembleContext, streamTotal: number) {
    this.#context = context;
    this.#meter = new Meter(context.clock, streamTotal);
  }

  step(name: string): void {
    this.#meter.step = name;
    this.#report(true);
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
    const { memory } = this.#context;
    const path = pathOf(layer);
    const lane = this.#meter.begin(path, layer.size);
    try {
      const known = (await memory.find(layer.key, path)) ?? (await this.#rebuilt(layer, path, signal));
      const descriptor =
        known === null
          ? await this.#stream(content(null), this.#context.targets, lane, layer, signal)
          : await this.#place(
              { mediaType: OCI_LAYER, digest: known.digest, size: known.size },
              content,
              lane,
              layer,
              signal,
            );
      this.#meter.finish(lane);
      return descriptor;
    } catch (error) {
      this.#meter.drop(lane);
      throw error;
    } finally {
      this.#report(true);
    }
  }

  async manifest(bytes: Uint8Array, mediaType: string): Promise<Descriptor> {
    const { signal, targets } = this.#context;
    const [descriptor] = await Promise.all(targets.map((target) => target.putManifest(bytes, mediaType, { signal })));
    if (descriptor === undefined) throw new PublisherError('internal', 'There is always a target.');
    return descriptor;
  }

  /** A layer whose digest is known: whoever lacks it takes it from whoever has it, and only then from the Hub. */
  async #place(
    descriptor: Descriptor,
    content: (digest: Digest) => BlobContent,
    lane: Lane,
    layer: PlannedLayer,
    signal?: AbortSignal,
  ): Promise<Descriptor> {
    const { targets, memory, open } = this.#context;
    const places = (await memory.places(descriptor.digest)).filter(
      (name) => targets.every((own) => own.name !== name) && this.#mayRead(name),
    );
    const absent = await this.#lacking(descriptor, signal);
    const holders = targets.filter((target) => !absent.includes(target)).map(({ name }) => name);
    const sources = [...holders, ...places].flatMap((name) => referenceOf(name));
    const lacking = await this.#mountEach(descriptor, absent, sources, signal);
    if (lacking.length > 0) {
      const copied = await this.#copyFromAny(descriptor, [...holders, ...places], lacking, open, lane, signal);
      if (!copied) await this.#stream(content(descriptor.digest), lacking, lane, layer, signal);
    }
    await this.#remember(layer, descriptor);
    return descriptor;
  }

  /** Other people's repositories are in the ledger too. */
  #mayRead(name: string): boolean {
    try {
      this.#context.open(parseReference(name));
      return true;
    } catch {
      return false;
    }
  }

  /** Registry to registry: from the first place that really has it. */
  async #copyFromAny(
    descriptor: Descriptor,
    names: readonly string[],
    lacking: readonly ImageTarget[],
    open: AssembleContext['open'],
    lane: Lane,
    signal?: AbortSignal,
  ): Promise<boolean> {
    for (const name of names) {
      const own = this.#context.targets.find((target) => target.name === name);
      try {
        const source = own ?? open(parseReference(name));
        if (own === undefined && !(await source.has(descriptor, { signal }))) continue;
        await this.#copy(descriptor, source, lacking, signal, lane);
        return true;
      } catch (error) {
        if (signal?.aborted) throw error;
        this.notes.push(`${lane.name} could not be copied from ${name}: ${messageOf(error)}`);
      }
    }
    return false;
  }

  /** The layer as some image of the targets has it, if its bytes are read back and are what they have to be. */
  async #rebuilt(
    layer: PlannedLayer,
    path: string,
    signal?: AbortSignal,
  ): Promise<{ digest: Digest; size: number } | null> {
    // A shard has no hash of its own that could be held against it.
    if (layer.entries.some(({ source }) => source.kind === 'part')) return null;
    this.#candidates ??= findCandidates(this.#context.targets, this.#context.signal);
    for (const candidate of (await this.#candidates).get(layer.key) ?? []) {
      const { descriptor, where, tag } = candidate;
      const wrong = await readBack(layer, candidate, signal);
      if (wrong === null) return { digest: descriptor.digest, size: descriptor.size };
      this.notes.push(`${path} is not taken from ${where.name}:${tag}, whose annotation names it: ${wrong}.`);
    }
    return null;
  }

  /** Streams from the Hub; a download cut short or altered on its way is tried again from the layer's start. */
  async #stream(
    content: BlobContent,
    targets: readonly ImageTarget[],
    lane: Lane,
    layer: PlannedLayer,
    signal?: AbortSignal,
  ): Promise<Descriptor> {
    const counted = this.#counted(content, lane);
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.#writeAll(counted, targets, signal, layer);
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
    await this.#writeAll(lane === undefined ? content : this.#counted(content, lane), targets, signal, null);
  }

  /**
   * One content to several targets in one reading. A target that fails takes the blob afterwards from one that has it; only when all fail
   * does the whole.
   *
   * @param layer to be remembered as soon as its digest is known, so that a process killed right after loses nothing
   */
  async #writeAll(
    content: BlobContent,
    targets: readonly ImageTarget[],
    signal: AbortSignal | undefined,
    layer: PlannedLayer | null,
  ): Promise<Descriptor> {
    let remembered: Promise<void> | null = null;
    const onDigest = async (descriptor: Descriptor) => {
      if (layer === null) return;
      remembered ??= this.#remember(layer, descriptor);
      await remembered;
    };
    const write = async (target: ImageTarget, from: BlobContent) => {
      const descriptor = await target.write(from, { signal, onBytes: this.#onBytes, onDigest });
      await onDigest(descriptor);
      this.uploaded += descriptor.size;
      return descriptor;
    };
    const [only] = targets;
    if (only === undefined) throw new PublisherError('internal', 'Nobody to write to.');
    if (targets.length === 1) return write(only, content);

    const branches = tee(content, targets.length);
    const written = await Promise.allSettled(
      targets.map(async (target, at) => {
        const branch = branches[at];
        if (branch === undefined) throw new PublisherError('internal', 'Fewer branches than targets.');
        return write(target, branch.content).finally(branch.leave);
      }),
    );
    const [failure] = written.flatMap((one) => (one.status === 'rejected' ? [one.reason] : []));
    const first = written.findIndex(({ status }) => status === 'fulfilled');
    const [source, result] = [targets[first], written[first]];
    if (source === undefined || result?.status !== 'fulfilled' || signal?.aborted) throw failure;
    const failed = targets.filter((_, at) => written[at]?.status === 'rejected');
    if (failed.length > 0) await this.#copy(result.value, source, failed, signal);
    return result.value;
  }

  async #remember(layer: PlannedLayer, { digest, size }: Descriptor): Promise<void> {
    const { memory, targets } = this.#context;
    await memory.remember(layer.key, pathOf(layer), { digest, size });
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
    const count = async function* (this: Transfer, signal: AbortSignal): AsyncGenerator<Uint8Array> {
      lane.done = 0;
      for await (const chunk of content.open(signal)) {
        lane.done += chunk.byteLength;
        this.#meter.move(chunk.byteLength);
        this.#collect(chunk.byteLength);
        this.#report();
        yield chunk;
      }
    };
    return { ...content, open: (signal) => count.call(this, signal) };
  }

  readonly #onBytes = (bytes: number): void => {
    this.#meter.move(bytes);
    this.#report();
  };

  #report(always = false): void {
    const { onProgress, clock } = this.#context;
    const now = clock.now();
    if (onProgress === undefined || (!always && now - this.#told < REPORT_MS)) return;
    this.#told = now;
    onProgress(this.#meter.progress());
  }
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

function referenceOf(name: string): Reference[] {
  return name.startsWith('oci:') ? [] : [parseReference(name)];
}

function pathOf(layer: PlannedLayer): string {
  return layer.entries.find(({ source }) => source.kind !== 'directory')?.entry.path ?? layer.kind;
}
