import { type ErrorCode, PublisherError } from '../errors.ts';
import { OCI_LAYER } from '../registry/media-types.ts';
import type { BlobContent, Descriptor, ImageTarget } from '../registry/types.ts';
import type { AssembleContext } from './assemble.ts';
import type { LayerMemory } from './types.ts';

/** Failures of a download in mid-stream. What a registry does wrong its client has retried already. */
const FETCH_FAULTS: ReadonlySet<ErrorCode> = new Set(['download-truncated', 'download-corrupt', 'hub-unavailable']);
const STREAM_ATTEMPTS = 3;

/**
 * Moves blobs to all targets, each at most once, and keeps the count. A blob reaches the first target by mount, copy or
 * stream; the others take it from there, so that the Hub is asked for a file only once.
 */
export class Transfer {
  uploaded = 0;
  reused = 0;
  #step = '';
  #streamed = 0;
  #moved = 0;
  readonly #context: AssembleContext;
  readonly #streamTotal: number;

  /** @param streamTotal bytes of the layers that may have to come from the Hub */
  constructor(context: AssembleContext, streamTotal: number) {
    this.#context = context;
    this.#streamTotal = streamTotal;
  }

  step(name: string): void {
    this.#step = name;
    this.#report();
  }

  /** A layer of the base: there already, mounted, or copied from where the base is. */
  async baseLayer(layer: Descriptor, signal?: AbortSignal): Promise<void> {
    const { source, reference } = this.#context.base;
    await this.#toTargets(layer, signal, async (target, first) => {
      if (await target.mount(layer, reference, { signal })) {
        this.reused += layer.size;
        return;
      }
      await this.#copy(target, first ?? source, layer, signal);
    });
  }

  /** A blob of ours in memory. */
  async ownBlob(content: BlobContent): Promise<void> {
    const { signal } = this.#context;
    for (const target of this.#context.targets) {
      const known = content.digest;
      if (known !== null && (await this.#has(target, { ...content, digest: known }, signal)))
        this.reused += content.size;
      else await this.#write(target, content, signal);
    }
  }

  /** A layer from the Hub, unless a layer with this key was written before and is still there. */
  async rememberedBlob(
    key: string,
    path: string,
    content: (digest: Descriptor['digest'] | null) => BlobContent,
    signal?: AbortSignal,
    memory: LayerMemory = this.#context.memory,
  ): Promise<Descriptor> {
    const { targets } = this.#context;
    const known = await memory.find(key, path);
    if (known !== null) {
      const descriptor: Descriptor = { mediaType: OCI_LAYER, digest: known.digest, size: known.size };
      await this.#toTargets(descriptor, signal, (target, first) =>
        first === null
          ? this.#stream(target, content(known.digest), signal).then(() => undefined)
          : this.#copy(target, first, descriptor, signal),
      );
      return descriptor;
    }
    const [first, ...others] = targets;
    const written = await this.#stream(first, content(null), signal);
    await memory.remember(key, path, written);
    for (const target of others) await this.#copy(target, first, written, signal);
    return written;
  }

  async manifest(bytes: Uint8Array, mediaType: string): Promise<Descriptor> {
    const [first, ...others] = this.#context.targets;
    const { signal } = this.#context;
    const descriptor = await first.putManifest(bytes, mediaType, { signal });
    for (const target of others) await target.putManifest(bytes, mediaType, { signal });
    return descriptor;
  }

  /** Calls `bring` for each target that lacks the blob, with the first target that has it by then. */
  async #toTargets(
    blob: Descriptor,
    signal: AbortSignal | undefined,
    bring: (target: ImageTarget, first: ImageTarget | null) => Promise<void>,
  ): Promise<void> {
    let first: ImageTarget | null = null;
    const lacking: ImageTarget[] = [];
    for (const target of this.#context.targets) {
      if (await this.#has(target, blob, signal)) {
        this.reused += blob.size;
        first ??= target;
      } else lacking.push(target);
    }
    for (const target of lacking) {
      await bring(target, first);
      first ??= target;
    }
  }

  #has(target: ImageTarget, blob: Descriptor, signal?: AbortSignal): Promise<boolean> {
    return target.has(blob, { signal, verify: this.#context.verifyReused ?? false });
  }

  async #copy(
    target: ImageTarget,
    from: { blob: ImageTarget['blob'] },
    { mediaType, digest, size }: Descriptor,
    signal?: AbortSignal,
  ): Promise<void> {
    await this.#write(
      target,
      { mediaType, digest, size, open: (inner) => from.blob({ mediaType, digest, size }, { signal: inner }) },
      signal,
    );
  }

  async #write(target: ImageTarget, content: BlobContent, signal?: AbortSignal): Promise<Descriptor> {
    const onBytes = (bytes: number) => {
      this.#moved += bytes;
      this.#report();
    };
    const descriptor = await target.write(content, { signal, onBytes });
    this.uploaded += descriptor.size;
    return descriptor;
  }

  /** Streams from the Hub; a download cut short or altered on its way is tried again from the layer's start. */
  async #stream(target: ImageTarget, content: BlobContent, signal?: AbortSignal): Promise<Descriptor> {
    for (let attempt = 1; ; attempt += 1) {
      let counted = 0;
      const onBytes = (bytes: number) => {
        counted += bytes;
        this.#advance(bytes);
      };
      try {
        const descriptor = await target.write(content, { signal, onBytes });
        this.uploaded += descriptor.size;
        return descriptor;
      } catch (thrown) {
        const worthwhile = thrown instanceof PublisherError && FETCH_FAULTS.has(thrown.code);
        if (!worthwhile || attempt === STREAM_ATTEMPTS) throw thrown;
        this.#advance(-counted);
        await this.#context.clock.sleep(500 * attempt, signal);
      }
    }
  }

  #advance(bytes: number): void {
    this.#streamed += bytes;
    this.#moved += bytes;
    this.#report();
  }

  #report(): void {
    this.#context.onProgress?.({
      step: this.#step,
      bytesDone: Math.min(this.#streamed, this.#streamTotal),
      moved: this.#moved,
      bytesTotal: this.#streamTotal,
    });
  }
}
