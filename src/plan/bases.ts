import { type ResolvedBase, resolveBase } from '../build/base.ts';
import { asPublisherError, PublisherError } from '../errors.ts';
import { cancelled } from '../http/retry.ts';
import { parseReference } from '../registry/reference.ts';
import type { Digest, ImageSource, Reference } from '../registry/types.ts';

export type BaseAnswer = { ok: true; base: ResolvedBase } | { ok: false; error: PublisherError };

/**
 * Opens the repository a base is read from; throws `refused` for a registry that is not allowed.
 *
 * @param own an image that is built by us, in a repository of the owner's: read as what is published is
 */
export type OpenSource = (reference: Reference, own: boolean) => ImageSource;

/** What is asked of a base beside its reference. */
export interface BaseQuestion {
  platforms: string[];
  /** Digest to use instead of asking where the reference's tag points. */
  pin: Digest | null;
  own: boolean;
}

/**
 * Resolves each distinct base of a plan once, whoever asks, and remembers failures too: a hundred models on a registry that is
 * down cost one request.
 */
export class BaseResolver {
  readonly #open: OpenSource;
  readonly #patienceMs: number | null;
  readonly #answers = new Map<string, Promise<BaseAnswer>>();

  /** @param patienceMs milliseconds for one base, all retries included; null waits as long as the client does */
  constructor(open: OpenSource, patienceMs: number | null = null) {
    this.#open = open;
    this.#patienceMs = patienceMs;
  }

  resolve(reference: string, question: BaseQuestion, signal?: AbortSignal): Promise<BaseAnswer> {
    const { platforms, pin, own } = question;
    const key = JSON.stringify([reference, [...platforms].sort(), pin, own]);
    const existing = this.#answers.get(key);
    if (existing !== undefined) return existing;
    const answer = this.#ask(reference, question, signal);
    this.#answers.set(key, answer);
    return answer;
  }

  async #ask(reference: string, { platforms, pin, own }: BaseQuestion, signal?: AbortSignal): Promise<BaseAnswer> {
    const patience = this.#patienceMs === null ? undefined : AbortSignal.timeout(this.#patienceMs);
    const either = AbortSignal.any([signal, patience].filter((one) => one !== undefined));
    try {
      const parsed = parseReference(reference);
      const name = pin ?? parsed.digest ?? parsed.tag ?? 'latest';
      return { ok: true, base: await resolveBase(this.#open(parsed, own), reference, name, platforms, either) };
    } catch (thrown) {
      if (signal?.aborted) throw cancelled(signal);
      if (patience?.aborted) {
        const message = `The registry of ${reference} did not answer within ${(this.#patienceMs ?? 0) / 1000} s.`;
        return { ok: false, error: new PublisherError('registry-unavailable', message, { cause: thrown }) };
      }
      return { ok: false, error: asPublisherError(thrown) };
    }
  }
}
