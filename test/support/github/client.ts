import { Probot } from 'probot';
import { createGitHub } from '../../../src/github/octokit-github.ts';
import type { GitHub } from '../../../src/github/types.ts';
import { silentLogger } from '../../../src/log.ts';
import { UnthrottledOctokit } from './octokit.ts';
import type { GitHubStandIn } from './stand-in.ts';

/** The App's Probot, authenticating against the stand-in. */
export function probotFor(github: GitHubStandIn): Probot {
  return new Probot({
    appId: github.appId,
    privateKey: github.privateKey,
    secret: 'unused',
    baseUrl: github.url,
    logLevel: 'fatal',
    Octokit: UnthrottledOctokit,
  });
}

/** The product's client of the stand-in's first installation. Its clock does not wait. */
export async function clientFor(github: GitHubStandIn): Promise<GitHub> {
  const octokit = await probotFor(github).auth(github.installationId);
  const clock = { now: () => Date.now(), sleep: async () => {} };
  return createGitHub(octokit, { appId: github.appId, appSlug: github.appSlug, clock, logger: silentLogger });
}
