import { z } from 'zod';
import type { Clock } from '../clock.ts';
import { createKeyedLocks, type KeyedLocks } from '../keyed-locks.ts';
import type { Logger } from '../log.ts';
import { upsertCheck } from './checks.ts';
import { readComment, reply, upsertComment } from './comments.ts';
import { commitTime, mergedPulls, resolveRef } from './commits.ts';
import { at, type GitHubContext, nameOf, type Octokit } from './context.ts';
import { naming, orNull } from './errors.ts';
import { fileAt } from './files.ts';
import { upsertIssue } from './issues.ts';
import { readRelease, writeRelease } from './releases.ts';
import type { GitHub, PullRequest, Repo, Repository } from './types.ts';

export interface GitHubOptions {
  appId: number;
  appSlug: string;
  clock: Clock;
  logger: Logger;
  /** Shared by all clients of the process; without it two clients do not know of each other. */
  locks?: KeyedLocks;
}

const side = z.object({ sha: z.string(), ref: z.string(), repo: z.object({ id: z.number() }).nullable() });
const pullAnswer = z.object({
  number: z.number(),
  state: z.enum(['open', 'closed']),
  merged: z.boolean(),
  merge_commit_sha: z.string().nullable(),
  user: z.object({ login: z.string(), type: z.string() }).nullable(),
  head: side,
  base: side.extend({ repo: z.object({ id: z.number() }) }),
});
const repositoryAnswer = z.object({
  id: z.number(),
  name: z.string(),
  owner: z.object({ login: z.string() }),
  default_branch: z.string(),
  private: z.boolean(),
});
const comparison = z.object({ merge_base_commit: z.object({ sha: z.string() }) });
const reference = z.object({ object: z.object({ sha: z.string() }) });
const permissionAnswer = z.object({
  user: z.object({ login: z.string(), permissions: z.object({ push: z.boolean() }).optional() }).nullable(),
});

/** The port over Octokit, for one installation. */
export function createGitHub(octokit: Octokit, options: GitHubOptions): GitHub {
  const context: GitHubContext = { ...options, octokit, locks: options.locks ?? createKeyedLocks() };
  return {
    pullRequest: (repo, number) => pullRequest(octokit, repo, number),
    mergeBase: (repo, base, head) => mergeBase(octokit, repo, base, head),
    branchHead: (repo, branch) =>
      naming(`reading branch ${branch} of ${nameOf(repo)}`, async () => {
        const { data } = await octokit.rest.git.getRef({ ...at(repo), ref: `heads/${branch}` });
        return reference.parse(data).object.sha;
      }),
    repository: (repo) => repository(octokit, repo),
    fileAt: (repo, sha, path, maxBytes) => fileAt(context, repo, sha, path, maxBytes),
    permission: (repo, login) => permission(octokit, repo, login),
    comment: (repo, id) => readComment(context, repo, id),
    async react(repo, commentId, content) {
      const what = `reacting to comment ${commentId} of ${nameOf(repo)}`;
      const reaction = { ...at(repo), comment_id: commentId, content };
      const done = await orNull(what, () => octokit.rest.reactions.createForIssueComment(reaction));
      if (done === null) options.logger.info({ comment: commentId }, 'comment is gone, nothing to react to');
    },
    upsertCheck: (repo, run) => upsertCheck(context, repo, run),
    upsertComment: (repo, issue, marker, body) => upsertComment(context, repo, issue, marker, body),
    commitTime: (repo, sha) => commitTime(context, repo, sha),
    mergedPulls: (repo, sha) => mergedPulls(context, repo, sha),
    resolveRef: (repo, ref) => resolveRef(context, repo, ref),
    upsertIssue: (repo, marker, issue) => upsertIssue(context, repo, marker, issue),
    release: (repo, tag) => readRelease(context, repo, tag),
    writeRelease: (repo, id, body) => writeRelease(context, repo, id, body),
    reply: (repo, issue, body) => reply(context, repo, issue, body),
  };
}

function pullRequest(octokit: Octokit, repo: Repo, number: number): Promise<PullRequest> {
  return naming(`reading pull request ${nameOf(repo)}#${number}`, async () => {
    const { data } = await octokit.rest.pulls.get({ ...at(repo), pull_number: number });
    const { head, base, user, merge_commit_sha: mergeSha, ...pull } = pullAnswer.parse(data);
    return {
      ...pull,
      // Of one that is not merged it names GitHub's trial merge, a commit of no branch.
      mergeSha: pull.merged ? mergeSha : null,
      headSha: head.sha,
      headRef: head.ref,
      headRepoId: head.repo?.id ?? null,
      baseSha: base.sha,
      baseRef: base.ref,
      baseRepoId: base.repo.id,
      // GitHub shows deleted accounts as this one.
      authorLogin: user?.login ?? 'ghost',
      authorType: user?.type ?? 'User',
    };
  });
}

function mergeBase(octokit: Octokit, repo: Repo, base: string, head: string): Promise<string> {
  return naming(`comparing ${base.slice(0, 12)} with ${head.slice(0, 12)} in ${nameOf(repo)}`, async () => {
    // The first page carries up to 300 files with their patches; the second has only what is needed.
    const page = { per_page: 1, page: 2 };
    const basehead = `${base}...${head}`;
    const { data } = await octokit.rest.repos.compareCommitsWithBasehead({ ...at(repo), basehead, ...page });
    return comparison.parse(data).merge_base_commit.sha;
  });
}

function repository(octokit: Octokit, repo: Repo): Promise<Repository> {
  return naming(`reading repository ${nameOf(repo)}`, async () => {
    const { data } = await octokit.rest.repos.get(at(repo));
    const { id, name, owner, default_branch: defaultBranch, private: isPrivate } = repositoryAnswer.parse(data);
    return { id, owner: owner.login, name, defaultBranch, private: isPrivate };
  });
}

/** `role_name` may be a custom role and `permission` rounds it; only `user.permissions` says what it may do. */
async function permission(octokit: Octokit, repo: Repo, login: string): Promise<boolean> {
  const answer = await orNull(`reading what ${login} may do in ${nameOf(repo)}`, async () => {
    const { data } = await octokit.rest.repos.getCollaboratorPermissionLevel({ ...at(repo), username: login });
    return permissionAnswer.parse(data);
  });
  const user = answer?.user ?? null;
  if (user === null || user.login.toLowerCase() !== login.toLowerCase()) return false;
  return user.permissions?.push ?? false;
}
