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
    return /[:/]([A-Za-z0-9][A-Za-z0-9-]*)\/[^/]+?(\.git)?\s*$/.exec(stdout)?.[1] ?? null;
  } catch {
    return null;
  }
}
