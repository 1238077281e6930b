import type { ScanSettings, TagTemplate } from './types.ts';

/** What holds when `defaults` says nothing. */
export const DEFAULT_RUNTIME = 'default';
export const BASE_IMAGE = 'vllm/vllm-openai:v0.12.0';
export const PLATFORMS: readonly string[] = ['linux/amd64'];
export const DOWNLOAD_ROOT = '/models';
export const HF_CACHE_DIR = '/root/.cache/huggingface';
export const WHITELIST: readonly string[] = [
  'apache-2.0',
  'mit',
  'bsd-2-clause',
  'bsd-3-clause',
  'isc',
  'cc0-1.0',
  'unlicense',
];
export const REGISTRIES: ReadonlyMap<string, string> = new Map([
  ['ghcr', 'ghcr.io/{owner}'],
  ['dockerhub', 'docker.io/{owner}'],
]);
export const PUBLISH: ReadonlyMap<string, boolean> = new Map([
  ['ghcr', true],
  ['dockerhub', true],
]);
export const TAGS: readonly TagTemplate[] = [
  { template: '{base_version}-{variant}', immutable: false },
  { template: 'r{revision}-{variant}', immutable: false },
];
export const SCAN: Readonly<ScanSettings> = {
  failOn: ['critical'],
  ignoreUnfixed: true,
  baseFindings: 'warn',
  ignore: [],
};
/** As the founding workflow's images are called. */
export const PROJECT = 'model-runner';
export const FAT_MAX_BYTES = 200e9;
export const LAYER_MAX_BYTES = 10e9;
