import { createHash } from 'node:crypto';
import { PublisherError } from '../errors.ts';
import type { Hub, ModelAt } from '../huggingface/types.ts';
import { createVerifier, type Verifier } from '../huggingface/verify.ts';
import type { SplitFile } from '../image/safetensors/types.ts';

/**
 * The parts of one split file as they stream. The Hub knows a hash of the whole file only, so a running hash goes from part to part:
 *
 *     head ─▶ [0] ─ part 1 ─▶ [1] ─ part 2 ─▶ [2] ─ … ─ last part ─▶ compared
 *
 * `[n]` is the hash's state before a part, kept so that a part whose upload failed can stream again from its own beginning. Whoever
 * makes use of the parts must wait for {@link verified}.
 */
export class SplitSource {
  readonly #split: SplitFile;
  readonly #hub: Pick<Hub, 'range'>;
  readonly #model: ModelAt;
  /** States before each part; the one after the last is never kept, but compared. */
  readonly #states: Verifier[] = [];
  readonly #hashes = new Map<number, string>();
  #verified = false;

  constructor(split: SplitFile, hub: Pick<Hub, 'range'>, model: ModelAt) {
    this.#split = split;
    this.#hub = hub;
    this.#model = model;
    const start = createVerifier(model.id, split.file);
    start.update(split.head);
    this.#states.push(start);
  }

  /**
   * A whole shard: its header, then the file's bytes.
   *
   * @throws PublisherError `download-corrupt` naming the file, instead of the last part's end, if the file is another than listed
   */
  async *part(index: number, signal?: AbortSignal): AsyncGenerator<Uint8Array, void, undefined> {
    const part = this.#split.parts[index];
    if (part === undefined) throw new PublisherError('internal', `${this.#split.file.path} has no part ${index}.`);
    await this.#catchUp(index, signal);
    const hash = createHash('sha256').update(part.header);
    yield part.header;
    for await (const chunk of this.#pass(index, signal)) {
      hash.update(chunk);
      yield chunk;
    }
    this.#hashes.set(index, hash.digest('hex'));
  }

  /** Hex sha256 of a shard that has streamed to its end; undefined for any other. */
  sha256(index: number): string | undefined {
    return this.#hashes.get(index);
  }

  /** Ends normally only when every byte of the file has passed and its hash is the listed one; reads what has not passed. */
  async verified(signal?: AbortSignal): Promise<void> {
    const last = this.#split.parts.length - 1;
    await this.#catchUp(last, signal);
    if (!this.#verified) for await (const _ of this.#pass(last, signal));
  }

  /** Hashes the parts before this one that were not streamed, e.g. because their layers are there already. */
  async #catchUp(index: number, signal?: AbortSignal): Promise<void> {
    while (this.#states.length <= index) for await (const _ of this.#pass(this.#states.length - 1, signal));
  }

  async *#pass(index: number, signal?: AbortSignal): AsyncGenerator<Uint8Array, void, undefined> {
    const { file, parts } = this.#split;
    const part = parts[index];
    const before = this.#states[index];
    if (part === undefined || before === undefined) throw new PublisherError('internal', `No state of ${file.path}.`);
    const verifier = before.copy();
    let left = part.end - part.begin;
    for await (const chunk of this.#hub.range(this.#model, file, part.begin, part.end, { signal })) {
      left -= chunk.byteLength;
      verifier.update(chunk);
      yield chunk;
    }
    if (left !== 0) throw new PublisherError('download-truncated', `A part of ${file.path} has ${left} bytes too few.`);
    if (index < parts.length - 1) {
      this.#states[index + 1] ??= verifier;
    } else {
      verifier.finish();
      this.#verified = true;
    }
  }
}

/** A shard as it streams without a look at the whole file: for one whose own hash is known and compared elsewhere. */
export async function* knownPart(
  { file, parts }: SplitFile,
  index: number,
  hub: Pick<Hub, 'range'>,
  model: ModelAt,
  signal?: AbortSignal,
): AsyncGenerator<Uint8Array, void, undefined> {
  const part = parts[index];
  if (part === undefined) throw new PublisherError('internal', `${file.path} has no part ${index}.`);
  yield part.header;
  yield* hub.range(model, file, part.begin, part.end, { signal });
}
