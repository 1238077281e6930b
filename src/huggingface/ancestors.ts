import { asPublisherError, PublisherError } from '../errors.ts';
import { readText } from '../http/body.ts';
import { cancelled } from '../http/retry.ts';
import { baseModelsOf, declaredLicense } from './card.ts';
import { sameTemplate, TOKENIZER_CONFIG, templateInExtract, templateOf } from './chat-template.ts';
import { fileUrl } from './download.ts';
import { readModelInfo } from './metadata.ts';
import { type Connection, get } from './request.ts';
import { REPOSITORY } from './schema.ts';
import type { AncestorMemory, ParentAnswer, Source } from './types.ts';

const MAX_TEMPLATE_BYTES = 4 * 1024 * 1024;

export interface AncestorOptions {
  /** Milliseconds for one request. */
  timeoutMs: number;
  signal: AbortSignal | undefined;
  memory: AncestorMemory;
  /** Where reading is noted. */
  sources: Source[];
}

/** What the Hub says anonymously of a repository that others descend from, each asked once a memory. Throws only `cancelled`. */
export async function askAncestor(
  connection: Connection,
  id: string,
  { timeoutMs, signal, memory, sources }: AncestorOptions,
): Promise<ParentAnswer> {
  sources.push({ url: `${connection.endpoint}/api/models/${id}/revision/main`, what: `base model ${id}` });
  const key = id.toLowerCase();
  const known = memory.get(key);
  if (known !== undefined) return known;
  const answer = readAncestor(connection, id, timeoutMs, signal).catch((error: unknown): ParentAnswer => {
    // An interrupted question has no answer to remember.
    memory.delete(key);
    if (signal?.aborted) throw cancelled(signal);
    return { kind: 'unknown', message: asPublisherError(error, 'hub-unavailable').message };
  });
  memory.set(key, answer);
  return answer;
}

async function readAncestor(
  connection: Connection,
  id: string,
  timeoutMs: number,
  signal: AbortSignal | undefined,
): Promise<ParentAnswer> {
  if (!REPOSITORY.test(id)) return { kind: 'unknown', message: `"${id}" is no repository name of the Hub` };
  try {
    const info = await readModelInfo(connection, id, null, { token: null, timeoutMs, signal });
    const cardData = info.cardData ?? {};
    if (info.disabled === true) return { kind: 'unknown', message: `${id} is disabled on the Hub` };
    return {
      kind: 'read',
      id: info.id ?? id,
      revision: info.sha,
      license: declaredLicense(cardData, info.tags ?? []),
      baseModels: baseModelsOf(cardData, info.baseModels),
      chatTemplate: templateInExtract(info.config),
    };
  } catch (error) {
    const lasting = error instanceof PublisherError && ['hub-not-found', 'hub-disabled'].includes(error.code);
    if (!lasting) throw error;
    return { kind: 'unknown', message: error.message };
  }
}

/**
 * What is to be said about a model's chat template beside those of its direct parents: a sentence for each that differs or could not
 * be compared.
 *
 * @param template the model's own, from this file of its repository
 */
export async function compareTemplates(
  connection: Connection,
  template: { text: string; file: string },
  parents: readonly string[],
  options: AncestorOptions,
): Promise<string[]> {
  const told = parents.map(async (parent): Promise<string[]> => {
    const answer = await askAncestor(connection, parent, { ...options, sources: [] });
    // An unreadable parent is the lineage's business, which says so already.
    if (answer.kind === 'unknown') return [];
    const theirs = answer.chatTemplate ?? (await readTemplate(connection, answer, template.file, options));
    if (theirs === null) return [`The chat template was not compared with that of ${parent}, which shows none.`];
    if (sameTemplate(template.text, theirs)) return [];
    return [
      `The chat template differs from that of the base model ${parent}: read ${template.file} before you rely on it.`,
    ];
  });
  return (await Promise.all(told)).flat();
}

/** Not verified, since nothing is built of it: at worst a difference is pointed out that is none. */
async function readTemplate(
  connection: Connection,
  { id, revision }: { id: string; revision: string },
  file: string,
  { timeoutMs, signal, sources }: AncestorOptions,
): Promise<string | null> {
  const url = fileUrl(connection, { id, revision }, file);
  sources.push({ url, what: `chat template of ${id}` });
  const { limiter, patienceMs } = connection;
  const ask = async () => {
    const timeout = AbortSignal.timeout(timeoutMs);
    const response = await get(connection, url, {
      question: { id, revision, path: file },
      headers: { 'accept-encoding': 'identity' },
      token: null,
      redirects: 'anywhere',
      via: 'load',
      signal: signal === undefined ? timeout : AbortSignal.any([signal, timeout]),
    });
    return readText(response, { maxBytes: MAX_TEMPLATE_BYTES, what: `${file} of ${id}`, code: 'hub-unavailable' });
  };
  try {
    const text = await limiter.during({ bucket: 'resolvers', authorised: false }, { patienceMs, signal }, ask);
    return file === TOKENIZER_CONFIG ? templateOf(JSON.parse(text)) : text;
  } catch {
    if (signal?.aborted) throw cancelled(signal);
    return null;
  }
}
