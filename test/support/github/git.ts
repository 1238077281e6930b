import { Buffer } from 'node:buffer';
import { z } from 'zod';
import type { GitHubEmulator } from './emulator.ts';
import { type RepoName, repoPath, secondsStamp } from './world.ts';

/** Text or bytes of a file; null removes it; a symlink or a submodule to test refusals. */
export type FileChange = string | Uint8Array | null | { symlink: string } | { submodule: string };
export type Files = Record<string, FileChange>;

const withSha = z.looseObject({ sha: z.string() });
const commitDocument = z.looseObject({ sha: z.string(), tree: withSha });
const refDocument = z.looseObject({ object: withSha });
const comparison = z.looseObject({
  merge_base_commit: withSha,
  files: z.array(
    z.looseObject({
      filename: z.string(),
      status: z.string(),
      sha: z.string().nullish(),
      previous_filename: z.string().optional(),
    }),
  ),
});

export type ChangedFile = z.infer<typeof comparison>['files'][number];

export interface Git {
  /** null when there is no such branch. */
  branch(repo: RepoName, name: string): Promise<string | null>;
  /** `date`: of author and committer, milliseconds since the epoch; default now. */
  commit(
    repo: RepoName,
    parent: string,
    files: Files,
    message: string,
    author: string,
    date?: number | undefined,
  ): Promise<string>;
  /** A commit with two parents whose tree is the base's with the head's changes since their merge base. */
  merge(repo: RepoName, base: string, head: string, message: string, author: string): Promise<string>;
  /** The same tree, on the base alone. */
  squash(repo: RepoName, base: string, head: string, message: string, author: string): Promise<string>;
  /** A new tag, annotated or not. */
  tag(repo: RepoName, name: string, sha: string, annotated: boolean): Promise<void>;
  hasRef(repo: RepoName, ref: string): Promise<boolean>;
  /** Creates or moves; `ref` without the leading `refs/`. */
  setRef(repo: RepoName, ref: string, sha: string): Promise<void>;
  deleteRef(repo: RepoName, ref: string): Promise<void>;
  changedFiles(repo: RepoName, base: string, head: string): Promise<ChangedFile[]>;
  exists(repo: RepoName, sha: string): Promise<boolean>;
}

export function createGit(emulator: GitHubEmulator): Git {
  const path = (repo: RepoName, rest: string) => `${repoPath(repo)}/${rest}`;

  async function writeBlob(repo: RepoName, content: string | Uint8Array): Promise<string> {
    const bytes = typeof content === 'string' ? Buffer.from(content) : Buffer.from(content);
    const body = { content: bytes.toString('base64'), encoding: 'base64' };
    return withSha.parse(await emulator.admin('POST', path(repo, 'git/blobs'), body)).sha;
  }

  async function entry(repo: RepoName, file: string, change: FileChange) {
    if (change === null) return { path: file, mode: '100644', type: 'blob', sha: null };
    if (typeof change === 'string' || change instanceof Uint8Array) {
      return { path: file, mode: '100644', type: 'blob', sha: await writeBlob(repo, change) };
    }
    if ('symlink' in change) {
      return { path: file, mode: '120000', type: 'blob', sha: await writeBlob(repo, change.symlink) };
    }
    return { path: file, mode: '160000', type: 'commit', sha: change.submodule };
  }

  async function treeOf(repo: RepoName, commit: string): Promise<string> {
    return commitDocument.parse(await emulator.admin('GET', path(repo, `git/commits/${commit}`))).tree.sha;
  }

  async function write(
    repo: RepoName,
    tree: string,
    parents: string[],
    message: string,
    author: string,
    date?: number,
  ) {
    const identity = {
      name: author,
      email: `${author}@users.noreply.github.com`,
      ...(date === undefined ? {} : { date: secondsStamp(date) }),
    };
    const body = { message, tree, parents, author: identity, committer: identity };
    return withSha.parse(await emulator.admin('POST', path(repo, 'git/commits'), body)).sha;
  }

  async function compare(repo: RepoName, base: string, head: string) {
    return comparison.parse(await emulator.admin('GET', path(repo, `compare/${base}...${head}`)));
  }

  async function writeTree(repo: RepoName, base: string, entries: object[]): Promise<string> {
    if (entries.length === 0) return treeOf(repo, base);
    const body = { base_tree: await treeOf(repo, base), tree: entries };
    return withSha.parse(await emulator.admin('POST', path(repo, 'git/trees'), body)).sha;
  }

  async function mergedTree(repo: RepoName, base: string, head: string): Promise<string> {
    const { files } = await compare(repo, base, head);
    const entries = files.flatMap((file) => {
      const gone = file.status === 'removed' ? file.filename : (file.previous_filename ?? null);
      const removed = gone === null ? [] : [{ path: gone, mode: '100644', type: 'blob', sha: null }];
      if (file.status === 'removed') return removed;
      return [...removed, { path: file.filename, mode: '100644', type: 'blob', sha: file.sha }];
    });
    return writeTree(repo, base, entries);
  }

  return {
    async branch(repo, name) {
      const found = await emulator.admin('GET', path(repo, `git/ref/heads/${name}`)).catch(() => null);
      return found === null ? null : refDocument.parse(found).object.sha;
    },
    async commit(repo, parent, files, message, author, date) {
      const entries: object[] = [];
      for (const [file, change] of Object.entries(files)) entries.push(await entry(repo, file, change));
      return write(repo, await writeTree(repo, parent, entries), [parent], message, author, date);
    },
    async merge(repo, base, head, message, author) {
      return write(repo, await mergedTree(repo, base, head), [base, head], message, author);
    },
    async squash(repo, base, head, message, author) {
      return write(repo, await mergedTree(repo, base, head), [base], message, author);
    },
    async tag(repo, name, sha, annotated) {
      const fields = { tag: name, message: name, object: sha, type: 'commit' };
      const object = annotated ? withSha.parse(await emulator.admin('POST', path(repo, 'git/tags'), fields)).sha : sha;
      await emulator.admin('POST', path(repo, 'git/refs'), { ref: `refs/tags/${name}`, sha: object });
    },
    async hasRef(repo, ref) {
      return emulator.admin('GET', path(repo, `git/ref/${ref}`)).then(
        () => true,
        () => false,
      );
    },
    async setRef(repo, ref, sha) {
      const created = { ref: `refs/${ref}`, sha };
      try {
        await emulator.admin('POST', path(repo, 'git/refs'), created);
      } catch {
        await emulator.admin('PATCH', path(repo, `git/refs/${ref}`), { sha, force: true });
      }
    },
    async deleteRef(repo, ref) {
      await emulator.admin('DELETE', path(repo, `git/refs/${ref}`));
    },
    async changedFiles(repo, base, head) {
      return (await compare(repo, base, head)).files;
    },
    async exists(repo, sha) {
      if (!/^[0-9a-f]{40}$/.test(sha)) return false;
      return emulator.admin('GET', path(repo, `git/commits/${sha}`)).then(
        () => true,
        () => false,
      );
    },
  };
}
