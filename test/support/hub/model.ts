import { createHash } from 'node:crypto';
import { type Content, fixed, gitOidOf, sha256Of } from './content.ts';

export interface StoredFile {
  path: string;
  content: Content;
  size: number;
  /** Git blob id: of the pointer for a file in LFS, else of the content. */
  oid: string;
  /** null for a file stored in git itself. */
  lfs: { oid: string; size: number; pointerSize: number } | null;
  security: string;
}

export interface Commit {
  sha: string;
  /** ISO 8601. */
  date: string;
  files: StoredFile[];
}

/** A model repository. Its fields may be changed while the server runs. */
export interface HubModel {
  id: string;
  /** Branches and tags → commit; `main` exists. */
  refs: Record<string, string>;
  commits: Commit[];
  gated: false | 'auto' | 'manual';
  private: boolean;
  disabled: boolean;
  cardData: Record<string, unknown>;
  tags: string[];
  config: Record<string, unknown>;
  baseModels: { relation: string; models: { _id: string; id: string }[] } | null;
}

type FileInput =
  | string
  | Uint8Array
  | Content
  | { content: string | Uint8Array | Content; lfs?: boolean; security?: string };
export type FilesInput = Record<string, FileInput>;

export interface ModelInput extends Partial<Omit<HubModel, 'refs' | 'commits'>> {
  id: string;
  files: FilesInput;
  /** ISO 8601. */
  date?: string;
}

/** What the `.gitattributes` of a new Hub repository sends to LFS; anything over 10 MB has to go there. */
const LFS_NAMES = /\.(safetensors|bin|pt|pth|gguf|onnx|msgpack|h5)$|(^|\/)tokenizer\.json$/;
const LFS_FROM = 10 * 1024 * 1024;

export function makeModel(input: ModelInput): HubModel {
  const { files, date = '2025-03-01T12:00:00.000Z', ...rest } = input;
  const model: HubModel = {
    refs: {},
    commits: [],
    gated: false,
    private: false,
    disabled: false,
    cardData: {},
    tags: licenseTags(rest.cardData?.license),
    config: {},
    baseModels: null,
    ...rest,
  };
  commitFiles(model, files, date);
  return model;
}

/** A new commit with exactly these files; `main` moves to it. */
export function commitFiles(model: HubModel, files: FilesInput, date: string): Commit {
  const stored = Object.entries(files).map(([path, file]) => store(path, file));
  stored.sort((a, b) => (a.path < b.path ? -1 : 1));
  const listing = stored.map(({ path, oid }) => `${oid} ${path}`).join('\n');
  const text = `${model.id}\n${model.refs.main ?? ''}\n${date}\n${listing}`;
  const commit = { sha: createHash('sha1').update(text).digest('hex'), date, files: stored };
  model.commits.push(commit);
  model.refs.main = commit.sha;
  return commit;
}

/** The commit a branch, a tag or a full commit id names. */
export function commitAt(model: HubModel, revision: string): Commit | undefined {
  const sha = model.refs[revision === 'HEAD' ? 'main' : revision] ?? revision;
  return model.commits.find((commit) => commit.sha === sha);
}

export function headOf(model: HubModel): Commit {
  const head = commitAt(model, 'main');
  if (head === undefined) throw new Error(`${model.id} has no main branch`);
  return head;
}

function store(path: string, input: FileInput): StoredFile {
  const detailed = typeof input === 'object' && 'content' in input ? input : { content: input };
  const { content: given, security = 'safe' } = detailed;
  const content = typeof given === 'object' && 'slice' in given && 'size' in given ? given : fixed(given);
  const { size } = content;
  const lfs = detailed.lfs ?? (LFS_NAMES.test(path) || size > LFS_FROM);
  if (!lfs) return { path, content, size, oid: gitOidOf(content), lfs: null, security };
  const oid = sha256Of(content);
  const pointer = fixed(`version https://git-lfs.github.com/spec/v1\noid sha256:${oid}\nsize ${size}\n`);
  return { path, content, size, oid: gitOidOf(pointer), lfs: { oid, size, pointerSize: pointer.size }, security };
}

function licenseTags(license: unknown): string[] {
  return [license]
    .flat()
    .filter((id) => typeof id === 'string')
    .map((id) => `license:${id}`);
}
