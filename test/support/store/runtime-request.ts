import type { RuntimeRequest } from '../../../src/build/runtimes/types.ts';

/** A runtime that is to be built, as a plan asks for it. */
export function runtimeRequest(key: string, name = 'cuda'): RuntimeRequest {
  return {
    runtime: {
      name,
      engine: 'llamacpp',
      image: null,
      platforms: ['linux/amd64'],
      experimental: false,
      build: { target: 'final-llamacpp', args: { LLAMA_SERVER_VARIANT: name } },
      builder: 'assemble',
      smoke: null,
      baseVersion: null,
    },
    key,
    repository: 'registry.test/acme/model-runner',
    tags: [],
  };
}
