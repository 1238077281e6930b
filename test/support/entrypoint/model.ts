import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type HubModel, makeModel } from '../hub/model.ts';

export const MODEL = 'acme/tiny-model';
export const SHORT = 'tiny';
export const REVISION = '0123456789abcdef0123456789abcdef01234567';

export interface ListedFile {
  path: string;
  content: Buffer;
  /** Listed with a git blob SHA-1 instead of a sha256. */
  git?: boolean;
}

/** A small model with every kind of file name the list may hold. */
export function tinyModel(): ListedFile[] {
  const names = [
    '100% sure.txt',
    '-dash.txt',
    'a "quoted" \\ name.txt',
    'config.json',
    'glob[1]*?.txt',
    'model-00001-of-00002.safetensors',
    'model-00002-of-00002.safetensors',
    'nested/deep folder/tokenizer.json',
    'ünïcödé/名前 🙂.txt',
    "it's $HOME `id` & ; #1+2.txt",
  ];
  const files = names.map((path, at) => ({
    path,
    content: Buffer.from(`${path}\n`.repeat(at * 7 + 1)),
    git: path === 'config.json' || path.endsWith('.txt'),
  }));
  return [...files, { path: 'empty', content: Buffer.alloc(0), git: true }].sort((a, b) => (a.path < b.path ? -1 : 1));
}

function hashOf(file: ListedFile): string {
  if (file.git !== true) return createHash('sha256').update(file.content).digest('hex');
  return createHash('sha1').update(`blob ${file.content.length}\0`).update(file.content).digest('hex');
}

/** files.json as the builder writes it: one file per line. */
export function listText(files: readonly ListedFile[], model = MODEL, revision = REVISION): string {
  const lines = files.map((file) => {
    const hash = file.git === true ? { oid: hashOf(file) } : { sha256: hashOf(file) };
    return JSON.stringify({ path: file.path, size: file.content.length, ...hash });
  });
  return `{"model":"${model}","revision":"${revision}","files":[\n${lines.join(',\n')}\n]}\n`;
}

/** The same files as a repository of the Hub stand-in. */
export function repository(files: readonly ListedFile[], gated: HubModel['gated'] = false): HubModel {
  const entries = files.map((file) => [file.path, { content: file.content, lfs: file.git !== true }]);
  return makeModel({ id: MODEL, gated, files: Object.fromEntries(entries) });
}

export function writeFiles(folder: string, files: readonly ListedFile[]): void {
  mkdirSync(folder, { recursive: true });
  for (const file of files) {
    mkdirSync(dirname(join(folder, file.path)), { recursive: true });
    writeFileSync(join(folder, file.path), file.content);
  }
}
