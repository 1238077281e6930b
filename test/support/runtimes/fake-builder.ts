import { recipeTag } from '../../../src/build/runtimes/identity.ts';
import type { BuiltRuntime, RuntimeBuilder, RuntimeRequest } from '../../../src/build/runtimes/types.ts';
import { PublisherError } from '../../../src/errors.ts';
import type { ImageTarget } from '../../../src/registry/types.ts';
import { pushBaseImage } from '../registry/index.ts';

/** Pushes a tiny image in place of a runtime; can be made to fail, and to wait. */
export class FakeRuntimeBuilder implements RuntimeBuilder {
  /** Names of the runtimes that were begun, in order. */
  readonly begun: string[] = [];
  /** Names of those whose build was given up. */
  readonly abandoned: string[] = [];
  /** Name → message it fails with. */
  readonly failing = new Map<string, string>();
  /** Builds that wait to be let go. */
  holding = 0;
  readonly #open: (repository: string) => ImageTarget;
  #held: PromiseWithResolvers<void> | null = null;

  /** @param open where `host/path` is pushed to */
  constructor(open: (repository: string) => ImageTarget) {
    this.#open = open;
  }

  hold(): void {
    this.#held ??= Promise.withResolvers();
  }

  release(): void {
    this.#held?.resolve();
    this.#held = null;
  }

  async build(request: RuntimeRequest, signal?: AbortSignal): Promise<BuiltRuntime> {
    const { runtime } = request;
    this.begun.push(runtime.name);
    if (this.#held !== null) await this.#wait(runtime.name, this.#held.promise, signal);
    const failure = this.failing.get(runtime.name);
    if (failure !== undefined) throw new PublisherError('image-invalid', failure);
    return this.push(request);
  }

  /** What a build ends with. */
  async push({ runtime, key, repository }: RuntimeRequest): Promise<BuiltRuntime> {
    const tag = recipeTag(runtime.name, key);
    const { digest } = await pushBaseImage(this.#open(repository), { tag, platforms: runtime.platforms });
    return { name: runtime.name, reference: `${repository}:${tag}`, digest };
  }

  async #wait(name: string, held: Promise<void>, signal?: AbortSignal): Promise<void> {
    const aborted = Promise.withResolvers<never>();
    const give = () => {
      this.abandoned.push(name);
      aborted.reject(signal?.reason);
    };
    signal?.addEventListener('abort', give, { once: true });
    this.holding += 1;
    try {
      await Promise.race([held, aborted.promise]);
    } finally {
      this.holding -= 1;
      signal?.removeEventListener('abort', give);
    }
  }
}
