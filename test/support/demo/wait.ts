import { setTimeout as delay } from 'node:timers/promises';
import type { CheckView, GitHubStandIn, RepoName } from '../github/index.ts';

/** Waits until the required check of a commit has concluded, and returns all checks. */
export async function untilConcluded(
  github: GitHubStandIn,
  repo: RepoName,
  sha: string,
  options: { timeoutMs?: number; onChange?: (checks: CheckView[]) => void; signal?: AbortSignal } = {},
): Promise<CheckView[]> {
  const { timeoutMs = 60_000, onChange, signal } = options;
  const deadline = Date.now() + timeoutMs;
  let before = '';
  for (;;) {
    const checks = await github.checks(repo, sha);
    const now = JSON.stringify(checks.map(({ name, status, conclusion, title }) => [name, status, conclusion, title]));
    if (now !== before) onChange?.(checks);
    before = now;
    const required = checks.find(({ name }) => name === 'model-images');
    if (required?.status === 'completed') return checks;
    if (Date.now() > deadline) throw new Error(`model-images did not conclude within ${timeoutMs} ms: ${now}`);
    await delay(100, undefined, signal === undefined ? {} : { signal });
  }
}

/** Waits until `look` gives something other than null. */
export async function until<T>(
  what: string,
  look: () => Promise<T | null>,
  timeoutMs = 30_000,
  everyMs = 100,
): Promise<T> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    const found = await look();
    if (found !== null) return found;
    if (Date.now() > deadline) throw new Error(`waited ${timeoutMs} ms in vain for ${what}`);
    await delay(everyMs);
  }
}
