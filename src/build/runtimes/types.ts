import type { Runtime } from '../../catalog/types.ts';
import type { Digest } from '../../registry/types.ts';

/** A runtime image to be built, decided beforehand. */
export interface RuntimeRequest {
  /** With `build`, and without `image`. */
  runtime: Runtime;
  /** Hex sha256, see `runtimeKey`. */
  key: string;
  /** `host/path` it is pushed to, under `recipeTag(name, key)` and nothing else unless `tags` says so. */
  repository: string;
  /** Further repositories that get the same image under the same tags. */
  alsoTo?: string[];
  /** Further tags. */
  tags: string[];
}

export interface BuiltRuntime {
  name: string;
  /** `host/path:<recipe tag>`, what models take as their base. */
  reference: string;
  /** Of the index. */
  digest: Digest;
}

export interface RuntimeBuilder {
  /**
   * Builds and pushes one runtime for all its platforms.
   *
   * @throws PublisherError `environment` where there is no buildx, `cancelled`, `image-invalid` with the last lines of a failed build,
   *   or a registry code where a registry was what failed
   */
  build(request: RuntimeRequest, signal?: AbortSignal): Promise<BuiltRuntime>;
}
