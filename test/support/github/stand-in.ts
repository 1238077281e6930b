import type { CheckView } from './checks.ts';
import type { CommentView } from './comments.ts';
import type { Faults } from './faults.ts';
import type { Files } from './git.ts';
import type { IssueView } from './issues.ts';
import type { ReleaseFields, ReleaseView } from './releases.ts';
import type { Delivery } from './webhooks.ts';
import type { PermissionLevel, RepoName } from './world.ts';

export interface GitHubOptions {
  webhookSecret: string;
  /** Where deliveries go, e.g. `http://127.0.0.1:3000/api/github/webhooks`; null until `setWebhookTarget`. */
  webhookTarget?: string | null;
  /** Default 12345. */
  appId?: number;
  /** Default `model-image-publisher`. */
  appSlug?: string;
  /** Organisations with the App installed, the first owning the App. Default `['acme']`. */
  owners?: string[];
  /** Life of an installation token in seconds; GitHub's is 3600. */
  tokenSeconds?: number;
}

export interface CommitOptions {
  author?: string;
  message?: string;
  /** Of author and committer, milliseconds since the epoch; default now. */
  date?: number;
}

export interface OpenedPullRequest {
  number: number;
  headSha: string;
}

/** A GitHub on loopback: what the App may call, strict as the real one, and what people do, as methods. */
export interface GitHubStandIn {
  readonly url: string;
  readonly appId: number;
  readonly appSlug: string;
  /** PEM, PKCS#1. */
  readonly privateKey: string;
  /** Of the first owner; the others follow in order. */
  readonly installationId: number;
  readonly deliveries: readonly Delivery[];
  readonly faults: Faults;
  /** Every request a client made, in order. */
  readonly requests: readonly { method: string; path: string; status: number }[];
  /** What the installation grants from now on. */
  setPermission(name: string, level: 'none' | 'read' | 'write'): void;
  setWebhookTarget(url: string | null): void;
  /** Sends a recorded delivery again, with its own guid or another one. */
  redeliver(id: number, guid?: string): Promise<Delivery>;
  /** Resolves when every delivery was answered. */
  settled(): Promise<void>;
  expireTokens(): void;
  addUser(login: string, permission: PermissionLevel, options?: { roleName?: string; type?: 'User' | 'Bot' }): void;
  /** With a first commit on `main`. The owner must be one of `owners`. */
  createRepo(repo: RepoName, options?: { private?: boolean; files?: Files }): Promise<{ id: number; sha: string }>;
  /** Pushes one commit; a new branch starts at `main`. Open pull requests of the branch follow. */
  commitFiles(repo: RepoName, branch: string, files: Files, options?: CommitOptions): Promise<string>;
  branchHead(repo: RepoName, branch: string): Promise<string>;
  /** Commits `files` to a new branch and opens a pull request into `base` (default `main`). */
  openPullRequest(
    repo: RepoName,
    fields: { title: string; branch: string; files: Files; author?: string; base?: string; body?: string },
  ): Promise<OpenedPullRequest>;
  /** The same from the author's fork, whose commits the base repository can read by their hash. */
  createForkPullRequest(
    repo: RepoName,
    fields: { title: string; branch: string; files: Files; author: string },
  ): Promise<OpenedPullRequest>;
  pushToPullRequest(repo: RepoName, number: number, files: Files, options?: CommitOptions): Promise<string>;
  /** The head branch is moved to a commit it had before. */
  forcePush(repo: RepoName, number: number, sha: string): Promise<void>;
  /** Another base branch. */
  retargetPullRequest(repo: RepoName, number: number, base: string): Promise<void>;
  /** With a merge commit, or squashed: one new commit on the base branch. Returns that commit; `push` and `closed` follow. */
  mergePullRequest(repo: RepoName, number: number, by?: string, method?: 'merge' | 'squash'): Promise<string>;
  closePullRequest(repo: RepoName, number: number, by?: string): Promise<void>;
  reopenPullRequest(repo: RepoName, number: number, by?: string): Promise<void>;
  /** The fork's owner deletes it. */
  deleteFork(repo: RepoName, number: number): void;
  /** Puts the pull request into a merge queue: a commit of its own, and `merge_group`. */
  enqueue(repo: RepoName, number: number): Promise<string>;
  /** An issue of somebody's; comments go on it as on a pull request. */
  openIssue(repo: RepoName, login: string, fields: { title: string; body: string }): Promise<number>;
  closeIssue(repo: RepoName, number: number, login: string): Promise<void>;
  reopenIssue(repo: RepoName, number: number, login: string): Promise<void>;
  /** Those that are no pull requests, oldest first. */
  issues(repo: RepoName): Promise<IssueView[]>;
  /** A commit at a new git tag; an annotated one names it through a tag object. */
  createTag(repo: RepoName, tag: string, sha: string, options?: { annotated?: boolean }): Promise<void>;
  /** Publishes a release, with its git tag where there is none; returns its id. */
  createRelease(repo: RepoName, fields: ReleaseFields & { author?: string }): Promise<number>;
  releases(repo: RepoName): Promise<ReleaseView[]>;
  comment(repo: RepoName, number: number, login: string, body: string): Promise<number>;
  editComment(repo: RepoName, id: number, login: string, body: string): Promise<void>;
  deleteComment(repo: RepoName, id: number, login: string): Promise<void>;
  comments(repo: RepoName, number: number): Promise<CommentView[]>;
  checks(repo: RepoName, sha: string): Promise<CheckView[]>;
  rerequestCheck(repo: RepoName, id: number, login: string): Promise<void>;
  rerequestSuite(repo: RepoName, sha: string, login: string): Promise<void>;
  /** A click on a check run's button; fails when the run does not offer it. */
  requestAction(repo: RepoName, id: number, identifier: string, login: string): Promise<void>;
  /** A check run of another App. */
  createForeignCheck(repo: RepoName, run: { headSha: string; name: string; externalId: string }): Promise<number>;
  close(): Promise<void>;
}
