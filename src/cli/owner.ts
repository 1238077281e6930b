import { run } from '../exec.ts';
import type { CommandContext } from './command.ts';

/** The account `{owner}` stands for: `--owner`, `GITHUB_REPOSITORY_OWNER`, the git remote; null when none tells. */
export async function ownerOf({ arguments: given, variables, signal }: CommandContext): Promise<string | null> {
  const named = given.text('owner') ?? variables.GITHUB_REPOSITORY_OWNER;
  if (named !== undefined && named !== '') return named;
  try {
    const { stdout } = await run('git', ['remote', 'get-url', 'origin'], {
      cwd: process.cwd(),
      timeoutMs: 5_000,
      signal,
    });
    return ownerIn(stdout.trim());
  } catch {
    return null;
  }
}

/** `https://host/owner/name.git`, `ssh://git@host/owner/name`, `git@host:owner/name`; a folder of this machine names nobody. */
export function ownerIn(remote: string): string | null {
  const path = /^(?:(?:https?|ssh|git):\/\/[^/]+\/|[^/@\s]+@[^/:\s]+:)(.+)$/.exec(remote)?.[1] ?? '';
  return /^([A-Za-z0-9][A-Za-z0-9-]*)\/[^/]+$/.exec(path)?.[1] ?? null;
}
