import type { ImageInputs } from '../../../src/image/inputs.ts';
import type { Digest } from '../../../src/registry/types.ts';

export const digest = (character: string): Digest => `sha256:${character.repeat(64)}`;

/** Inputs of a slim image in which every member has a value. */
export function imageInputs(extra: Partial<ImageInputs> = {}): ImageInputs {
  return {
    model: 'acme/tiny',
    revision: 'a'.repeat(40),
    files: [
      { path: 'config.json', size: 2, content: `git:${'b'.repeat(40)}` },
      { path: 'model.safetensors', size: 9, content: `sha256:${'c'.repeat(64)}` },
    ],
    base: { 'linux/amd64': digest('1'), 'linux/arm64': digest('2') },
    runtime: 'default',
    engine: 'vllm',
    variant: 'slim',
    builder: 'assemble',
    layerLimit: 10e9,
    short: 'tiny',
    serveArgs: ['--host', '0.0.0.0'],
    oci: { title: 'Tiny', description: 'A tiny model', url: 'https://example.org/tiny' },
    downloadRoot: '/models',
    hfCacheDir: '/root/.cache/huggingface',
    legal: [{ path: 'LICENSE', content: `git:${'d'.repeat(40)}` }],
    license: { declared: 'apache-2.0', spdx: 'Apache-2.0', class: 'permissive', link: null },
    entrypoint: 'e'.repeat(64),
    format: 1,
    codes: ['license-permissive'],
    ...extra,
  };
}
