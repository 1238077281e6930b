import { basename, dirname, join, resolve } from 'node:path';
import { run } from '../exec.ts';
import type { CatalogSource } from '../publish/types.ts';
import type { CommandContext } from './command.ts';

/** What git knows of the folder a catalog lies in. */
export interface GitFacts {
  /** `GITHUB_HEAD_REF`, else the branch that is checked out; null on none. */
  branch: string | null;
  /** Of `origin`, as it was last fetched; `main` where nobody says. */
  defaultBranch: string;
  /** 40 hex; null where there is no repository, or the catalog differs from what the commit has. */
  commit: string | null;
  /** Of that commit, milliseconds since the epoch. */
  committedAt: number | null;
  source: CatalogSource;
}

const TIMEOUT_MS = 5_000;

/** Asks git about a catalog's folder; a folder that is no repository, or a machine without git, knows nothing. */
export async function gitFacts(
  catalog: string,
  { variables, signal }: Pick<CommandContext, 'variables' | 'signal'>,
): Promise<GitFacts> {
  const cwd = dirname(resolve(catalog));
  const name = basename(catalog);
  const git = async (...args: string[]): Promise<string | null> => {
    try {
      const { stdout } = await run('git', args, { cwd, timeoutMs: TIMEOUT_MS, signal });
      return stdout.trim();
    } catch {
      return null;
    }
  };
  const prefix = await git('rev-parse', '--show-prefix');
  const given = variables.GITHUB_HEAD_REF ?? '';
  if (prefix === null) {
    const source = { repository: null, commit: null, path: name };
    return { branch: given || null, defaultBranch: 'main', commit: null, committedAt: null, source };
  }
  const [head, changed, branch, remoteHead, remote] = await Promise.all([
    git('log', '-1', '--format=%H %ct'),
    git('status', '--porcelain', '--', name),
    git('symbolic-ref', '--quiet', '--short', 'HEAD'),
    git('symbolic-ref', '--quiet', '--short', 'refs/remotes/origin/HEAD'),
    git('remote', 'get-url', 'origin'),
  ]);
  const found = changed === '' ? /^([0-9a-f]{40}) (\d+)$/.exec(head ?? '') : null;
  const commit = found?.[1] ?? null;
  return {
    branch: given || branch || null,
    defaultBranch: remoteHead?.replace(/^origin\//, '') || 'main',
    commit,
    committedAt: found === null ? null : Number(found[2]) * 1000,
    source: { repository: webAddress(remote ?? ''), commit, path: join(prefix, name) },
  };
}

/** `https://host/owner/name` of a remote, without logins; null for one that is no server's. */
export function webAddress(remote: string): string | null {
  const match =
    /^(?:(?:https?|ssh|git):\/\/(?:[^/@]*@)?([^/:]+)(?::\d+)?\/|[^/@\s]+@([^/:\s]+):)(.+?)(?:\.git)?\/?$/.exec(remote);
  const host = match?.[1] ?? match?.[2];
  return match === null || host === undefined ? null : `https://${host}/${match[3]}`;
}
