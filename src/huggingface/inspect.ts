import { posix } from 'node:path';
import { PublisherError } from '../errors.ts';
import { numberedShards } from './numbered-shards.ts';
import { CODE_CONFIGS, codeBeside, codeIn, unique } from './remote-code.ts';
import { indexSchema } from './schema.ts';
import type { HubFile, ModelFacts } from './types.ts';

const MIB = 1024 * 1024;
const MAX_CONFIG_BYTES = 4 * MIB;
/** The index of a 700-billion-parameter model has 9 MB. */
const MAX_INDEX_BYTES = 64 * MIB;
const MAX_INDEXES = 32;

export interface Inspected extends Pick<ModelFacts, 'remoteCode' | 'indexes' | 'notChecked'> {
  /** A file turned out to be gated although the metadata did not say so. */
  foundGated: boolean;
}

export interface InspectInput {
  id: string;
  files: readonly HubFile[];
  tags: readonly string[];
  gated: boolean;
  /** The Hub's own extract of configurations (`expand=config`). */
  config: unknown;
  /** Reads one file, verified. */
  read(file: HubFile, maxBytes: number): Promise<Uint8Array>;
}

/**
 * What the small files of a repository say about loading it: code it would run, and which shards its indexes name. What cannot
 * be read because the repository is gated, or makes no sense, is listed; any other failure is thrown.
 */
export async function inspect(input: InspectInput): Promise<Inspected> {
  const { id, files, tags } = input;
  const result: Inspected = { remoteCode: [], indexes: {}, notChecked: [], foundGated: false };
  const code = [...(codeIn(id, 'config.json', input.config ?? {}) ?? []), ...codeBeside(files, tags)];

  const json = async (file: HubFile, maxBytes: number): Promise<unknown> => {
    const skip = (why: string) => void result.notChecked.push(`${file.path}: ${why}`);
    if (input.gated || result.foundGated) return skip('gated');
    if (file.size > maxBytes) return skip(`${file.size} bytes, more than the ${maxBytes} that are read`);
    try {
      return JSON.parse(new TextDecoder().decode(await input.read(file, maxBytes)));
    } catch (error) {
      if (error instanceof SyntaxError) return skip('not valid JSON');
      if (!(error instanceof PublisherError) || error.code !== 'hub-gated') throw error;
      result.foundGated = true;
      return skip('gated');
    }
  };

  for (const file of files.filter(({ path }) => CODE_CONFIGS.includes(path))) {
    const config = await json(file, MAX_CONFIG_BYTES);
    if (config === undefined) continue;
    const found = codeIn(id, file.path, config);
    if (found === null) result.notChecked.push(`${file.path}: its auto_map is not understood`);
    code.push(...(found ?? []));
  }

  const indexes = files.filter(({ path }) => isIndex(path));
  for (const file of indexes.slice(0, MAX_INDEXES)) {
    const told = input.gated || result.foundGated ? null : numberedShards(file.path, files);
    if (told !== null) {
      result.indexes[file.path] = told;
      continue;
    }
    const content = await json(file, MAX_INDEX_BYTES);
    if (content === undefined) continue;
    const shards = shardsOf(file.path, content);
    if (shards === null) result.notChecked.push(`${file.path}: no weight map`);
    else result.indexes[file.path] = shards;
  }
  for (const file of indexes.slice(MAX_INDEXES)) {
    result.notChecked.push(`${file.path}: more than the ${MAX_INDEXES} indexes that are read`);
  }
  result.remoteCode = unique(code);
  return result;
}

function isIndex(path: string): boolean {
  return /\.(safetensors|bin)\.index\.json$/.test(path) && !path.startsWith('original/');
}

/** Paths from the repository's root; null when it is no index. */
function shardsOf(path: string, content: unknown): string[] | null {
  const parsed = indexSchema.safeParse(content);
  if (!parsed.success) return null;
  const folder = posix.dirname(path);
  return [...new Set(Object.values(parsed.data.weight_map))].map((shard) => posix.join(folder, shard)).sort();
}
