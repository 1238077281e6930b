/** What the rest of the product needs of GitHub: plain data in, plain data out, every limit kept behind it. */

export interface Repo {
  owner: string;
  name: string;
}

export interface Repository extends Repo {
  /** Numeric and lasting: survives renames and transfers. */
  id: number;
  defaultBranch: string;
  private: boolean;
}

export interface PullRequest {
  number: number;
  state: 'open' | 'closed';
  merged: boolean;
  headSha: string;
  headRef: string;
  /** null when the fork was deleted; another id than `baseRepoId` when it is a fork. */
  headRepoId: number | null;
  baseSha: string;
  baseRef: string;
  baseRepoId: number;
  authorLogin: string;
  authorType: string;
  /** Commit on the base branch; null unless merged. */
  mergeSha: string | null;
}

/** A release of the repository. */
export interface Release {
  id: number;
  /** Name of its git tag. */
  tag: string;
  draft: boolean;
  prerelease: boolean;
  body: string;
  authorLogin: string;
}

/** An issue of ours, found again by its marker. */
export interface IssueState {
  title: string;
  /** Markdown. */
  body: string;
  open: boolean;
}

/** A file at a commit. Only `file` can be used; a file that cannot is never taken for an empty or absent one. */
export type FileResult =
  | { kind: 'file'; text: string; bytes: number }
  | { kind: 'absent' }
  | { kind: 'invalid'; reason: string };

export interface Comment {
  id: number;
  body: string;
  authorLogin: string;
  authorType: string;
  /** ISO 8601, whole seconds; different `updatedAt` means edited. */
  createdAt: string;
  updatedAt: string;
  issueNumber: number;
}

export type Reaction = '+1' | '-1' | 'eyes' | 'confused' | 'rocket';

export type Conclusion = 'action_required' | 'cancelled' | 'failure' | 'neutral' | 'skipped' | 'success' | 'timed_out';

export interface Annotation {
  path: string;
  /** 1-based, like all of these. */
  startLine: number;
  endLine: number;
  /** Left out by GitHub when the annotation spans lines. */
  startColumn?: number;
  endColumn?: number;
  level: 'notice' | 'warning' | 'failure';
  message: string;
  title?: string;
}

/** A button on a check run, at most three. */
export interface CheckAction {
  /** At most 20 characters. */
  label: string;
  /** At most 40 characters. */
  description: string;
  /** At most 20 characters. */
  identifier: string;
}

/** A conclusion exists exactly when the run is completed. */
export type CheckState =
  | { status: 'queued' | 'in_progress'; conclusion?: undefined }
  | { status: 'completed'; conclusion: Conclusion };

export type CheckRun = CheckState & {
  headSha: string;
  name: string;
  /** With `headSha` and `name` the identity of the run. */
  externalId: string;
  title: string;
  /** Markdown; cut to 65,535 bytes. */
  summary: string;
  text?: string | undefined;
  annotations: Annotation[];
  actions: CheckAction[];
  /** ISO 8601. */
  startedAt?: string | undefined;
  completedAt?: string | undefined;
  detailsUrl?: string | undefined;
  /** Id of an earlier answer: saves the search. */
  id?: number | undefined;
};

/**
 * Every method throws PublisherError `github-unavailable` (retryable for 5xx, rate limits and network failures) or
 * `denied` when the installation lacks a permission.
 */
export interface GitHub {
  pullRequest(repo: Repo, number: number): Promise<PullRequest>;
  /** Commit both sides share last. */
  mergeBase(repo: Repo, base: string, head: string): Promise<string>;
  branchHead(repo: Repo, branch: string): Promise<string>;
  repository(repo: Repo): Promise<Repository>;
  /** The file as the commit's tree holds it, symlinks not followed. */
  fileAt(repo: Repo, sha: string, path: string, maxBytes: number): Promise<FileResult>;
  /** Whether the account may push. Unknown accounts may not. */
  permission(repo: Repo, login: string): Promise<boolean>;
  /** null when it was deleted. */
  comment(repo: Repo, id: number): Promise<Comment | null>;
  /** Reacting twice is reacting once; a deleted comment is nothing to react to. */
  react(repo: Repo, commentId: number, reaction: Reaction): Promise<void>;
  /** Finds the run by its identity or creates it; returns its id. */
  upsertCheck(repo: Repo, run: CheckRun): Promise<number>;
  /** Our one comment with this marker, written only when the body differs; returns its id. */
  upsertComment(repo: Repo, issue: number, marker: string, body: string): Promise<number>;
  /** Milliseconds since the epoch at which a commit was made (committer date). */
  commitTime(repo: Repo, sha: string): Promise<number>;
  /** Numbers of the merged pull requests that a commit of the default branch came with. */
  mergedPulls(repo: Repo, sha: string): Promise<number[]>;
  /** The commit a branch or tag names; null when there is no such name. */
  resolveRef(repo: Repo, ref: string): Promise<string | null>;
  /**
   * Our one issue with this marker: opened, rewritten where it differs, closed and opened again. One to be closed that was never opened is
   * left so. Returns its number, or null.
   */
  upsertIssue(repo: Repo, marker: string, issue: IssueState): Promise<number | null>;
  /** null when there is no such release. */
  release(repo: Repo, tag: string): Promise<Release | null>;
  /** Replaces a release's text. @throws PublisherError `denied` without `contents: write` */
  writeRelease(repo: Repo, id: number, body: string): Promise<void>;
  /** A new comment; returns its id. */
  reply(repo: Repo, issue: number, body: string): Promise<number>;
}
