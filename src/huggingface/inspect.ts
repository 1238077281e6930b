import { posix } from 'node:path';
import { PublisherError } from '../errors.ts';
import { TEMPLATE_FILE, TOKENIZER_CONFIG, templateOf } from './chat-template.ts';
import { cardStatement } from './front-matter.ts';
import { numberedShards } from './numbered-shards.ts';
import { CODE_CONFIGS, codeBeside, codeIn, unique } from './remote-code.ts';
import { indexSchema, MAX_INDEX_BYTES } from './schema.ts';
import type { HubFile, ModelFacts } from './types.ts';

const README = 'README.md';
const MIB = 1024 * 1024;
const MAX_README_BYTES = 8 * MIB;
const MAX_CONFIG_BYTES = 4 * MIB;
const MAX_INDEXES = 32;

export interface Inspected extends Pick<ModelFacts, 'card' | 'remoteCode' | 'indexes' | 'notChecked' | 'sources'> {
  /** The chat template and the file it is in; null when the repository has none. */
  template: { text: string; file: string } | null;
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
  /** Whether the chat template is of interest. */
  wantsTemplate: boolean;
  /** Where a file is read, for the record. */
  urlOf(path: string): string;
  /** Reads one file, verified. */
  read(file: HubFile, maxBytes: number): Promise<Uint8Array>;
}

/**
 * What the small files of a repository say about loading it: code it would run, and which shards its indexes name. What cannot
 * be read because the repository is gated, or makes no sense, is listed; any other failure is thrown.
 */
export async function inspect(input: InspectInput): Promise<Inspected> {
  const { id, files, tags } = input;
  const result: Inspected = {
    card: { kind: 'none' },
    remoteCode: [],
    indexes: {},
    notChecked: [],
    sources: [],
    template: null,
    foundGated: false,
  };
  const code = [...(codeIn(id, 'config.json', input.config ?? {}) ?? []), ...codeBeside(files, tags)];

  const text = async (file: HubFile, maxBytes: number): Promise<string | undefined> => {
    const skip = (why: string) => void result.notChecked.push(`${file.path}: ${why}`);
    if (input.gated || result.foundGated) return skip('gated');
    if (file.size > maxBytes) return skip(`${file.size} bytes, more than the ${maxBytes} that are read`);
    result.sources.push({ url: input.urlOf(file.path), what: file.path });
    try {
      return new TextDecoder().decode(await input.read(file, maxBytes));
    } catch (error) {
      if (!(error instanceof PublisherError) || error.code !== 'hub-gated') throw error;
      result.foundGated = true;
      return skip('gated');
    }
  };
  const json = async (file: HubFile, maxBytes: number): Promise<unknown> => {
    const content = await text(file, maxBytes);
    if (content === undefined) return undefined;
    try {
      return JSON.parse(content);
    } catch {
      result.notChecked.push(`${file.path}: not valid JSON`);
      return undefined;
    }
  };

  const readme = files.find(({ path }) => path === README);
  if (readme !== undefined) {
    const content = await text(readme, MAX_README_BYTES);
    if (content !== undefined) result.card = cardStatement(content);
    else if (!input.gated && !result.foundGated) result.card = { kind: 'unreadable', why: 'it is too large' };
  }

  for (const file of files.filter(({ path }) => CODE_CONFIGS.includes(path))) {
    const config = await json(file, MAX_CONFIG_BYTES);
    if (config === undefined) continue;
    const found = codeIn(id, file.path, config);
    if (found === null) result.notChecked.push(`${file.path}: its auto_map is not understood`);
    code.push(...(found ?? []));
    const template = file.path === TOKENIZER_CONFIG ? templateOf(config) : null;
    if (template !== null) result.template = { text: template, file: file.path };
  }

  const jinja = files.find(({ path }) => path === TEMPLATE_FILE);
  if (input.wantsTemplate && jinja !== undefined) {
    const content = await text(jinja, MAX_CONFIG_BYTES);
    if (content !== undefined) result.template = { text: content, file: jinja.path };
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
