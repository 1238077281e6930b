import type { RawRuntime } from './schema.ts';

const BOTH = ['linux/amd64', 'linux/arm64'];
const AMD64 = ['linux/amd64'];
/** The newest release of llama.cpp when the image is built. */
const LLAMA = { LLAMA_SERVER_VERSION: 'latest' };

function llamacpp(variant: string, base: string, rest: Omit<RawRuntime, 'engine' | 'build'>): RawRuntime {
  const args = { ...LLAMA, LLAMA_SERVER_VARIANT: variant, BASE_IMAGE: base };
  return { engine: 'llamacpp', build: { target: 'final-llamacpp', args }, ...rest };
}

/**
 * The runtime of llama.cpp without an accelerator: the plain one of a set of runtime images, whose tags carry no suffix. All others have
 * their name as a suffix.
 */
export const PLAIN_RUNTIME = 'llamacpp-cpu';

/**
 * Runtimes that a catalog may list without declaring them, built from `docker/runtimes/Dockerfile`; one it declares under the same name
 * takes the place of ours.
 */
export const BUILTIN_RUNTIMES: Readonly<Record<string, RawRuntime>> = {
  [PLAIN_RUNTIME]: {
    engine: 'llamacpp',
    platforms: BOTH,
    build: { target: 'final-llamacpp', args: { ...LLAMA, LLAMA_SERVER_VARIANT: 'cpu' } },
  },
  cuda: llamacpp('cuda', 'nvidia/cuda:12.9.0-runtime-ubuntu24.04', { platforms: BOTH }),
  'vllm-cuda': {
    engine: 'vllm',
    platforms: BOTH,
    build: {
      target: 'final-vllm',
      args: {
        VLLM_VERSION: '0.12.0',
        VLLM_CUDA_VERSION: 'cu130',
        VLLM_PYTHON_TAG: 'cp38-abi3',
        BASE_IMAGE: 'nvidia/cuda:13.0.2-runtime-ubuntu24.04',
      },
    },
  },
  'sglang-cuda': {
    engine: 'sglang',
    platforms: AMD64,
    build: {
      target: 'final-sglang',
      args: { SGLANG_VERSION: '0.4.0', BASE_IMAGE: 'nvidia/cuda:12.9.0-runtime-ubuntu24.04' },
    },
  },
  rocm: llamacpp('rocm', 'rocm/dev-ubuntu-22.04', { platforms: AMD64 }),
  musa: llamacpp('musa', 'mthreads/musa:rc4.3.0-runtime-ubuntu22.04-amd64', { platforms: AMD64, experimental: true }),
  cann: llamacpp('cann', 'ascendai/cann:8.2.rc2-910b-ubuntu22.04-py3.11', { platforms: BOTH, experimental: true }),
};
