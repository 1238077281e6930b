import { createHash } from 'node:crypto';
import { errors, type HubError } from './errors.ts';
import { type Commit, commitAt, type HubModel } from './model.ts';

/** An answer of the metadata API, apart from HTTP. */
export type ApiAnswer = { json: unknown; link?: string } | { error: HubError };

const ALWAYS = ['_id', 'id'];
const EXPANDABLE = new Set(
  `author baseModels cardData childrenModelCount config createdAt disabled downloads downloadsAllTime evalResults gated gguf
   inference inferenceProviderMapping lastModified library_name likes mask_token model-index pipeline_tag private safetensors
   sha siblings spaces tags transformersInfo trendingScore usedStorage widgetData resourceGroup`.split(/\s+/),
);
const PAGE = 1000;
const PAGE_EXPANDED = 100;

/** `GET /api/models/{id}[/revision/{revision}]`: only what `expand` asks for, when it asks. */
export function modelInfo(model: HubModel, revision: string, query: URLSearchParams): ApiAnswer {
  const commit = commitAt(model, revision);
  if (commit === undefined) return { error: errors.noRevision(revision) };
  const blobs = query.get('blobs') === 'true';
  const expand = query.getAll('expand');
  if (expand.length > 0 && blobs) return { error: errors.badRequest('"blobs" cannot be combined with "expand"') };
  const unknown = expand.find((field) => !EXPANDABLE.has(field));
  if (unknown !== undefined)
    return { error: errors.badRequest(`"expand" must be one of its known values, not ${unknown}`) };
  const all: Record<string, unknown> = {
    _id: objectId(model.id),
    id: model.id,
    author: model.id.split('/')[0],
    private: model.private,
    disabled: model.disabled,
    gated: model.gated,
    sha: commit.sha,
    lastModified: commit.date,
    createdAt: '2025-01-01T00:00:00.000Z',
    downloads: 42,
    likes: 7,
    tags: model.tags,
    pipeline_tag: 'text-generation',
    library_name: 'transformers',
    cardData: model.cardData,
    config: model.config,
    siblings: commit.files.map((file) => sibling(file, blobs)),
    usedStorage: commit.files.reduce((sum, { size }) => sum + size, 0),
    ...(model.baseModels === null ? {} : { baseModels: model.baseModels }),
  };
  // Without `expand` the Hub leaves these two out.
  if (expand.length === 0)
    return { json: { ...all, modelId: model.id, baseModels: undefined, childrenModelCount: undefined } };
  return { json: Object.fromEntries([...ALWAYS, ...expand].filter((key) => key in all).map((key) => [key, all[key]])) };
}

/** `GET /api/models/{id}/tree/{revision}[/folder]`, with pages linked by a cursor. */
export function tree(model: HubModel, revision: string, folder: string, url: URL): ApiAnswer {
  const commit = commitAt(model, revision);
  if (commit === undefined) return { error: errors.noRevision(revision) };
  const expand = url.searchParams.get('expand') === 'true';
  const entries = treeEntries(commit, folder, url.searchParams.get('recursive') === 'true', expand);
  if (folder !== '' && entries.length === 0) return { error: errors.noEntry(folder) };
  const largest = expand ? PAGE_EXPANDED : PAGE;
  const page = Math.min(largest, Number(url.searchParams.get('limit') ?? largest));
  const start = Number(Buffer.from(url.searchParams.get('cursor') ?? '', 'base64url').toString() || 0);
  const json = entries.slice(start, start + page);
  if (start + page >= entries.length) return { json };
  const next = new URL(url);
  next.searchParams.set('cursor', Buffer.from(String(start + page)).toString('base64url'));
  return { json, link: `<${next.href}>; rel="next"` };
}

/** `POST /api/models/{id}/paths-info/{revision}`: entries of the paths that exist. */
export function pathsInfo(model: HubModel, revision: string, paths: readonly string[], expand: boolean): ApiAnswer {
  const commit = commitAt(model, revision);
  if (commit === undefined) return { error: errors.noRevision(revision) };
  return { json: treeEntries(commit, '', true, expand).filter(({ path }) => paths.includes(path)) };
}

/** `GET /api/models/{id}/scan`. */
export function scan(model: HubModel): ApiAnswer {
  const files = commitAt(model, 'main')?.files ?? [];
  const flagged = files.filter(({ security }) => ['caution', 'suspicious', 'unsafe'].includes(security));
  return {
    json: { scansDone: true, filesWithIssues: flagged.map(({ path, security }) => ({ path, level: security })) },
  };
}

function treeEntries(commit: Commit, folder: string, recursive: boolean, expand: boolean) {
  const prefix = folder === '' ? '' : `${folder}/`;
  const inside = commit.files.filter(({ path }) => path.startsWith(prefix));
  const lastCommit = { id: commit.sha, title: 'Upload', date: commit.date };
  const files = inside.map(({ path, oid, size, lfs, security }) => ({
    type: 'file',
    oid,
    size,
    ...(lfs === null ? {} : { lfs }),
    path,
    ...(expand ? { lastCommit, securityFileStatus: { status: security } } : {}),
  }));
  const folders = [...new Set(inside.flatMap(({ path }) => ancestors(path)))]
    .filter((path) => path.startsWith(prefix))
    .map((path) => ({ type: 'directory', oid: sha1(path), size: 0, path, ...(expand ? { lastCommit } : {}) }));
  const all = [...folders, ...files].sort((a, b) => (a.path < b.path ? -1 : 1));
  return recursive ? all : all.filter(({ path }) => !path.slice(prefix.length).includes('/'));
}

function ancestors(path: string): string[] {
  const parts = path.split('/').slice(0, -1);
  return parts.map((_, index) => parts.slice(0, index + 1).join('/'));
}

function sibling({ path, size, oid, lfs }: Commit['files'][number], blobs: boolean) {
  if (!blobs) return { rfilename: path };
  const pointer = lfs === null ? {} : { lfs: { sha256: lfs.oid, size: lfs.size, pointerSize: lfs.pointerSize } };
  return { rfilename: path, size, blobId: oid, ...pointer };
}

function objectId(id: string): string {
  return sha1(id).slice(0, 24);
}

function sha1(text: string): string {
  return createHash('sha1').update(text).digest('hex');
}
