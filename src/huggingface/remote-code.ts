import { z } from 'zod';
import type { HubFile, ModelFacts } from './types.ts';

type RemoteCode = ModelFacts['remoteCode'];

/** Files whose `auto_map` makes transformers import Python modules. */
export const CODE_CONFIGS: readonly string[] = [
  'config.json',
  'tokenizer_config.json',
  'processor_config.json',
  'preprocessor_config.json',
  'video_preprocessor_config.json',
];

// A slow and a fast tokenizer come as a pair, either of them null.
const reference = z.union([z.string(), z.array(z.string().nullable())]);
const configSchema = z.object({
  auto_map: z.record(z.string(), reference).nullish(),
  custom_pipelines: z.record(z.string(), z.object({ impl: z.string() })).nullish(),
});

/**
 * Code that a configuration (parsed JSON) makes its loader run: `auto_map` and `custom_pipelines`. A reference is
 * `module.Class`, or `owner/name--module.Class` for code of another repository.
 * @returns null when those fields are not what transformers understands
 */
export function codeIn(id: string, file: string, config: unknown): RemoteCode | null {
  const parsed = configSchema.safeParse(config);
  if (!parsed.success) return null;
  const { auto_map, custom_pipelines } = parsed.data;
  const references = [
    ...Object.values(auto_map ?? {}).flat(),
    ...Object.values(custom_pipelines ?? {}).map(({ impl }) => impl),
  ];
  return unique(
    references
      .filter((name) => name !== null)
      .map((name) => {
        const repository = name.includes('--') ? name.slice(0, name.indexOf('--')) : id;
        return { file, repository: repository === id ? null : repository };
      }),
  );
}

/** Python modules at the root, and the Hub's own `custom_code` tag. */
export function codeBeside(files: readonly HubFile[], tags: readonly string[]): RemoteCode {
  const modules = files
    .filter(({ path }) => /^[^/]+\.py$/.test(path))
    .map(({ path }) => ({ file: path, repository: null }));
  return tags.includes('custom_code') ? [...modules, { file: 'tag custom_code', repository: null }] : modules;
}

export function unique(code: RemoteCode): RemoteCode {
  return [...new Map(code.map((entry) => [`${entry.file}\n${entry.repository}`, entry])).values()];
}
