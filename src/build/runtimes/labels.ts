import { LABEL_PREFIX } from '../../image/labels.ts';
import type { Digest } from '../../registry/types.ts';
import type { RuntimeRequest } from './types.ts';

const VERSION_ARGUMENT = {
  llamacpp: 'LLAMA_SERVER_VERSION',
  vllm: 'VLLM_VERSION',
  sglang: 'SGLANG_VERSION',
} as const;

/** Labels of a runtime image (OCI image-spec, "Pre-Defined Annotation Keys"), and the recipe it is made by. */
export function runtimeLabels(
  { runtime, key }: RuntimeRequest,
  base: { image: string; digest: Digest | null },
): Record<string, string> {
  const { name, engine, build } = runtime;
  const version = build?.args[VERSION_ARGUMENT[engine]];
  return {
    'org.opencontainers.image.title': name,
    'org.opencontainers.image.description': `Runtime ${name} (${engine}) for images of Hugging Face models`,
    'org.opencontainers.image.base.name': base.image,
    ...(base.digest === null ? {} : { 'org.opencontainers.image.base.digest': base.digest }),
    // Of `latest` the label would not say what is inside; provenance does.
    ...(version === undefined || version === 'latest' ? {} : { 'org.opencontainers.image.version': version }),
    [`${LABEL_PREFIX}.runtime`]: name,
    [`${LABEL_PREFIX}.engine`]: engine,
    [`${LABEL_PREFIX}.recipe`]: key,
  };
}
