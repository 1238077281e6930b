import type { RuntimeRequest } from '../../../src/build/runtimes/types.ts';
import type { Runtime } from '../../../src/catalog/types.ts';

/** A runtime of llama.cpp that is built. */
export function builtRuntime(name: string, changes: Partial<Runtime> = {}): Runtime {
  return {
    name,
    engine: 'llamacpp',
    image: null,
    platforms: ['linux/amd64'],
    experimental: false,
    build: { target: 'final-llamacpp', args: { LLAMA_SERVER_VARIANT: 'cpu', LLAMA_SERVER_VERSION: 'b1' } },
    builder: 'assemble',
    smoke: null,
    baseVersion: null,
    ...changes,
  };
}

/** What is asked of a builder for it. */
export function runtimeRequest(name: string, changes: Partial<RuntimeRequest> = {}): RuntimeRequest {
  return {
    runtime: builtRuntime(name),
    key: 'ab'.repeat(32),
    repository: 'ghcr.io/acme/model-runner',
    tags: [],
    ...changes,
  };
}
