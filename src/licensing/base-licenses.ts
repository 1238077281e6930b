import { printable } from '../image/printable.ts';

/** What a base image's configuration says, as far as licences can be read from it. */
export interface BaseConfig {
  /** `NAME=value`. */
  env: readonly string[];
  labels: Readonly<Record<string, string>>;
}

/** A licence that comes with the base image, beside the model's. */
export interface BaseLicense {
  /** For an SPDX expression; null for what the base says itself, which is quoted and not judged. */
  id: string | null;
  name: string;
  /** Names of the variables and labels it is known by, sorted. */
  evidence: string[];
  /** Where the text is; null when not known. */
  url: string | null;
}

const LICENSES_LABEL = 'org.opencontainers.image.licenses';

const NVIDIA: Omit<BaseLicense, 'evidence'> = {
  id: 'LicenseRef-NVIDIA-Deep-Learning-Container-License',
  name: 'NVIDIA Deep Learning Container License',
  url: 'https://developer.nvidia.com/ngc/nvidia-deep-learning-container-license',
};

/**
 * Variables that NVIDIA's CUDA images set. They outlive every image built on those (vLLM, SGLang, llama.cpp), where labels and names
 * do not. To name the licence once too often does less harm than not to name it.
 */
const NVIDIA_ENV = [
  { name: 'CUDA_VERSION', pattern: /^CUDA_VERSION=./ },
  { name: 'NVARCH', pattern: /^NVARCH=./ },
  { name: 'NVIDIA_REQUIRE_CUDA', pattern: /^NVIDIA_REQUIRE_CUDA=./ },
  // `void` and `none` are how an image without CUDA keeps GPUs out.
  { name: 'NVIDIA_VISIBLE_DEVICES', pattern: /^NVIDIA_VISIBLE_DEVICES=(?!(?:void|none)?$)/ },
  { name: 'NV_CUDA_*', pattern: /^NV_CUDA_\w+=/ },
];
const NVIDIA_LABELS = [
  { name: 'com.nvidia.*', matches: ([key]: [string, string]) => key.startsWith('com.nvidia.') },
  {
    name: 'maintainer',
    matches: ([key, value]: [string, string]) => key === 'maintainer' && /^NVIDIA CORPORATION/i.test(value),
  },
];

/**
 * The licences of a base image over all its platforms: NVIDIA's for its CUDA images and all that descends from them, and what the
 * base's own `org.opencontainers.image.licenses` says, which our label of that name replaces.
 */
export function baseLicenses(configs: readonly BaseConfig[]): BaseLicense[] {
  const evidence = new Set(configs.flatMap(nvidiaEvidence));
  const own = new Set(configs.map(({ labels }) => printable(labels[LICENSES_LABEL] ?? '').trim()));
  return [
    ...(evidence.size === 0 ? [] : [{ ...NVIDIA, evidence: [...evidence].sort() }]),
    ...[...own]
      .filter((name) => name !== '')
      .sort()
      .map((name) => ({ id: null, name, evidence: [LICENSES_LABEL], url: null })),
  ];
}

function nvidiaEvidence({ env, labels }: BaseConfig): string[] {
  return [
    ...NVIDIA_ENV.filter(({ pattern }) => env.some((entry) => pattern.test(entry))),
    ...NVIDIA_LABELS.filter(({ matches }) => Object.entries(labels).some(matches)),
  ].map(({ name }) => name);
}
