import { type ResolvedBase, resolveBase } from '../build/base.ts';
import { asPublisherError, type PublisherError } from '../errors.ts';
import { cancelled } from '../http/retry.ts';
import { parseReference } from '../registry/reference.ts';
import type { Digest, ImageSource, Reference } from '../registry/types.ts';

export type BaseAnswer = { ok: true; base: ResolvedBase } | { ok: false; error: PublisherError };

/** Opens the repository a base is read from; throws `refused` for a registry that is not allowed. */
export type OpenSource = (reference: Reference) => ImageSource;

/**
 * Resolves each distinct base of a plan once, whoever asks, and remembers failures too: a hundred models on a registry that is
 * down cost one request.
 */
export class BaseResolver {
  readonly #open: OpenSource;
  readonly #pins: Record<string, Digest>;
  readonly #answers = new Map<string, Promise<BaseAnswer>>();

  /** @param pins base reference as written → digest to use instead of asking where its tag points */
  constructor(open: OpenSource, pins: Record<string, Digest> = {}) {
    this.#open = open;
    this.#pins = pins;
  }

  resolve(reference: string, platforms: string[], signal?: AbortSignal): Promise<BaseAnswer> {
    const key = JSON.stringify([reference, platforms]);
    const existing = this.#answers.get(key);
    if (existing !== undefined) return existing;
    const answer = this.#ask(reference, platforms, signal);
    this.#answers.set(key, answer);
    return answer;
  }

  async #ask(reference: string, platforms: string[], signal?: AbortSignal): Promise<BaseAnswer> {
    try {
      const parsed = parseReference(reference);
      const name = this.#pins[reference] ?? parsed.digest ?? parsed.tag ?? 'latest';
      return { ok: true, base: await resolveBase(this.#open(parsed), reference, name, platforms, signal) };
    } catch (thrown) {
      if (signal?.aborted) throw cancelled(signal);
      return { ok: false, error: asPublisherError(thrown) };
    }
  }
}
