import type { HubFile } from '../huggingface/types.ts';
import { byteOrder } from '../image/file-list.ts';
import { quote } from '../policy/quote.ts';
import { pathConflict, safePath } from '../policy/safe-path.ts';

/** Bytes. A larger one is an error of the target, never cut. */
export const MAX_LEGAL_FILE_BYTES = 1024 * 1024;
/** Far more than any repository needs; bounds what is read and held in memory. */
export const MAX_LEGAL_FILES = 64;

export interface LegalFiles {
  license: HubFile | null;
  notice: HubFile | null;
  others: HubFile[];
}

const LEGAL = /licen[cs]e|copying|notice|terms|us(?:e|age)[-_ ]?policy/i;
/** A folder of licence texts, such as REUSE asks for: what lies in it has the licence's own name. */
const LEGAL_FOLDER = /^licen[cs]es?$/i;
/** Code, data, weights, pictures and archives whose names only happen to have such a word in them. */
const NOT_PROSE =
  /\.(?:json|jsonl|py|pyc|ipynb|js|ts|c|cc|cpp|h|cu|sh|csv|tsv|parquet|arrow|yaml|yml|toml|ini|cfg|xml|safetensors|bin|pt|pth|ckpt|pkl|gguf|ggml|onnx|onnx_data|h5|msgpack|npy|npz|tflite|model|png|jpe?g|gif|webp|svg|mp[34]|wav|zip|tar|t?gz|bz2|xz|zst|7z)$/i;

/** In order of preference. */
const PLAIN_LICENSE_NAMES = [/^LICENSE$/, /^licen[cs]e$/i, /^licen[cs]e\.txt$/i, /^licen[cs]e\.md$/i];
/** The last resort is a file of terms, which is all that some licences come as. */
const LICENSE_NAMES = [
  ...PLAIN_LICENSE_NAMES,
  /^licen[cs]e(?![a-z])/i,
  /^copying$/i,
  /^copying/i,
  /licen[cs]e/i,
  /terms/i,
];
const NOTICE_NAMES = [/^NOTICE$/, /^notice$/i, /^notice\.txt$/i, /^notice\.md$/i, /^notice(?![a-z])/i, /notice/i];

/** Whether a file's name (without folders) says that it is a legal text. */
export function isLegalName(name: string): boolean {
  return LEGAL.test(name) && isProse(name);
}

/** Whether a path does: by its name, or by lying in a folder of licence texts. */
export function isLegalPath(path: string): boolean {
  const folders = path.split('/').slice(0, -1);
  return isLegalName(nameOf(path)) || (folders.some((folder) => LEGAL_FOLDER.test(folder)) && isProse(nameOf(path)));
}

/** Whether a file can be a text for people, as far as its name tells. */
export function isProse(name: string): boolean {
  return !NOT_PROSE.test(name) && !name.startsWith('.');
}

/**
 * The legal texts of a repository: the licence, the notice, and all others, in folders too. The root goes before folders, plain
 * names before fanciful ones; only a plain LICENSE at the root goes before what the model card names.
 *
 * @param linked path of the file that the model card's `license_link` names, whatever it is called
 */
export function legalFiles(files: readonly HubFile[], linked: string | null = null): LegalFiles {
  const legal = files
    .filter(({ path }) => path === linked || isLegalPath(path))
    .sort((a, b) => depth(a) - depth(b) || byteOrder(a.path, b.path));
  const license =
    firstOf(
      legal.filter((file) => depth(file) === 1),
      PLAIN_LICENSE_NAMES,
    ) ??
    legal.find(({ path }) => path === linked && !isNotice(path)) ??
    firstOf(legal, LICENSE_NAMES);
  const notice = firstOf(
    legal.filter((file) => file !== license && isNotice(file.path)),
    NOTICE_NAMES,
  );
  return { license, notice, others: legal.filter((file) => file !== license && file !== notice) };
}

/** All of them, the licence first. */
export function allLegalFiles({ license, notice, others }: LegalFiles): HubFile[] {
  return [license, notice, ...others].flatMap((file) => file ?? []);
}

/** Whether a legal file can be put into an image whatever else is there. */
export function isPlaceable({ path, size }: HubFile): boolean {
  return size <= MAX_LEGAL_FILE_BYTES && safePath(path) === null && !/^folder-(?:LICENSE|NOTICE)\//.test(path);
}

/** Why these legal files cannot be put into an image, in one sentence; null when they can. */
export function legalFilesProblem(legal: LegalFiles): string | null {
  const files = allLegalFiles(legal);
  if (files.length > MAX_LEGAL_FILES) {
    return `The repository has ${files.length} legal files, more than ${MAX_LEGAL_FILES}: choose another repository.`;
  }
  for (const { path } of files) {
    const problem = safePath(path);
    if (problem !== null) return problem;
  }
  const conflict = pathConflict(
    files.flatMap((file) => legalImagePaths(legal, file)),
    (path) => path,
  );
  if (conflict !== null) return conflict;
  const large = files.find(({ size }) => !(size <= MAX_LEGAL_FILE_BYTES));
  if (large === undefined) return null;
  return `The legal file ${quote(large.path)} is ${large.size} bytes, over the limit of ${MAX_LEGAL_FILE_BYTES}: choose another revision.`;
}

/**
 * Where a legal file lies below `/licenses/model`: under upstream's own name, and the licence and the notice under their plain
 * names too, which come first.
 */
export function legalImagePaths({ license, notice }: LegalFiles, file: HubFile): string[] {
  // A folder of that name cannot lie where the file does.
  const own = /^(?:LICENSE|NOTICE)\//.test(file.path) ? `folder-${file.path}` : file.path;
  const plain = file === license ? 'LICENSE' : file === notice ? 'NOTICE' : own;
  return plain === own ? [own] : [plain, own];
}

/**
 * What the legal files add to an image's identity: upstream's path, and its content, or `unreadable` where a gate hides it. In
 * order of path.
 */
export function legalIdentities(legal: LegalFiles, gated: boolean): { path: string; content: string }[] {
  return allLegalFiles(legal)
    .map(({ path, sha256, oid }) => ({
      path,
      content: gated ? 'unreadable' : sha256 === null ? `git:${oid}` : `sha256:${sha256}`,
    }))
    .sort((a, b) => byteOrder(a.path, b.path));
}

/** The best name of the least deep folder that has any. */
function firstOf(files: readonly HubFile[], names: readonly RegExp[]): HubFile | null {
  for (const level of new Set(files.map(depth))) {
    for (const name of names) {
      const found = files.find((file) => depth(file) === level && name.test(nameOf(file.path)));
      if (found !== undefined) return found;
    }
  }
  return null;
}

function isNotice(path: string): boolean {
  return /notice/i.test(nameOf(path)) && !/licen[cs]e/i.test(nameOf(path));
}

export function nameOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

function depth({ path }: HubFile): number {
  return path.split('/').length;
}
