import { createHash } from 'node:crypto';
import { PublisherError } from '../errors.ts';
import { isCommit, type TreeEntry } from './schema.ts';
import type { HubFile, SecurityStatus } from './types.ts';

/** Verdicts of the Hub's scanners, as the tree names them and `/scan` its levels. */
const STATUSES: readonly SecurityStatus[] = ['unscanned', 'safe', 'queued', 'error', 'caution', 'suspicious', 'unsafe'];

/**
 * The files of a tree listing, sorted by path in code units.
 * @throws PublisherError `hub-unavailable` when the listing contradicts itself
 */
export function filesOf(id: string, entries: readonly TreeEntry[]): HubFile[] {
  const files = entries.filter(({ type }) => type === 'file').map((entry) => fileOf(id, entry));
  files.sort((a, b) => (a.path < b.path ? -1 : 1));
  const twice = files.find((file, index) => file.path === files[index + 1]?.path);
  if (twice !== undefined) throw nonsense(id, `lists ${twice.path} twice`);
  return files;
}

/** The newest commit named in the listing, ISO 8601: a property of the revision alone. null unless every file names one. */
export function newestCommit(entries: readonly TreeEntry[]): string | null {
  const dates = entries
    .filter(({ type }) => type === 'file')
    .map(({ lastCommit }) => Date.parse(lastCommit?.date ?? ''));
  if (dates.length === 0 || dates.some(Number.isNaN)) return null;
  return new Date(dates.reduce((a, b) => Math.max(a, b))).toISOString();
}

/** Git's object id of a blob: SHA-1 over `blob <size>\0` and the content. */
export function gitBlobSha1(content: string): string {
  return createHash('sha1')
    .update(`blob ${Buffer.byteLength(content)}\0${content}`)
    .digest('hex');
}

/** The text git stores in place of a large file (Git LFS specification, "The Pointer"). */
export function lfsPointer(sha256: string, size: number): string {
  return `version https://git-lfs.github.com/spec/v1\noid sha256:${sha256}\nsize ${size}\n`;
}

function fileOf(id: string, entry: TreeEntry): HubFile {
  const { path, lfs } = entry;
  const size = lfs?.size ?? entry.size;
  if (size === undefined || size === null) throw nonsense(id, `gives no size for ${path}`);
  const security = statusOf(entry.securityFileStatus?.status);
  const oid = entry.oid ?? '';
  if (lfs !== undefined && lfs !== null) {
    return { path, size, sha256: lfs.oid, oid: isCommit(oid) ? oid : gitBlobSha1(lfsPointer(lfs.oid, size)), security };
  }
  if (!isCommit(oid)) throw nonsense(id, `gives no hash for ${path}`);
  return { path, size, sha256: null, oid, security };
}

export function statusOf(text: string | null | undefined): SecurityStatus | null {
  return STATUSES.find((status) => status === text) ?? null;
}

function nonsense(id: string, what: string): PublisherError {
  return new PublisherError('hub-unavailable', `The Hub's file list of ${id} ${what}`, { retryable: false });
}
