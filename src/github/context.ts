import type { ProbotOctokit } from 'probot';
import type { Clock } from '../clock.ts';
import type { KeyedLocks } from '../keyed-locks.ts';
import type { Logger } from '../log.ts';
import { isAmbiguous, naming } from './errors.ts';
import type { Repo } from './types.ts';

/** `context.octokit`, or what `app.auth(installationId)` resolves to. */
export type Octokit = Pick<InstanceType<typeof ProbotOctokit>, 'rest' | 'request' | 'paginate'>;

/** What the clients of this folder share. */
export interface GitHubContext {
  octokit: Octokit;
  appId: number;
  /** The App comments as `<slug>[bot]`. */
  appSlug: string;
  clock: Clock;
  logger: Logger;
  locks: KeyedLocks;
}

export const at = (repo: Repo) => ({ owner: repo.owner, repo: repo.name });
export const nameOf = (repo: Repo): string => `${repo.owner}/${repo.name}`;

/** Octokit repeats a POST that was answered with 5xx, which makes two of one: never for creations. */
export const ONCE = { request: { retries: 0 } };

const ATTEMPTS = 3;
const PAUSE_MS = 1_000;

/**
 * Creates something at most once. After an answer that leaves open whether it exists, `find` looks before the next
 * attempt; GitHub may list it a moment later, hence the pause.
 */
export async function createOnce<T>(
  { clock, logger }: Pick<GitHubContext, 'clock' | 'logger'>,
  what: string,
  steps: { create: () => Promise<T>; find: () => Promise<T | null> },
): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await steps.create();
    } catch (thrown) {
      if (!isAmbiguous(thrown) || attempt === ATTEMPTS) return naming(what, () => Promise.reject(thrown));
      logger.warn({ what, attempt }, 'creation on GitHub left open, looking for it');
      await clock.sleep(PAUSE_MS * attempt);
      const found = await steps.find();
      if (found !== null) return found;
    }
  }
}
