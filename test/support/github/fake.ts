import { Buffer } from 'node:buffer';
import { PublisherError } from '../../../src/errors.ts';
import { markedBody } from '../../../src/github/comments.ts';
import { CHECK_OUTPUT_BYTES, cutBytes } from '../../../src/github/limits.ts';
import type {
  CheckRun,
  Comment,
  FileResult,
  GitHub,
  IssueState,
  PullRequest,
  Reaction,
  Release,
  Repo,
  Repository,
} from '../../../src/github/types.ts';
import { LIMITS } from './limits.ts';

type Method = keyof GitHub;

export type StoredCheck = CheckRun & { id: number };
export interface StoredComment extends Comment {
  reactions: Reaction[];
  /** Marker of a sticky comment of ours. */
  marker: string | null;
  /** How often it was written. */
  writes: number;
}

export interface StoredIssue extends IssueState {
  number: number;
  marker: string;
  writes: number;
}

/** The port in memory: one repository, as strict as the client and GitHub together. */
export interface FakeGitHub extends GitHub {
  readonly calls: readonly { method: Method; args: unknown[] }[];
  /** Latest state of each run, in the order of creation. */
  readonly checks: readonly StoredCheck[];
  /** Every state each run was put into, in order. */
  readonly checkHistory: readonly StoredCheck[];
  readonly comments: readonly StoredComment[];
  /** Ours. */
  readonly issues: readonly StoredIssue[];
  readonly releases: readonly Release[];
  addPullRequest(fields: Partial<PullRequest> & Pick<PullRequest, 'number' | 'headSha' | 'baseSha'>): PullRequest;
  /** Changes one that exists: a new head, closed, merged. */
  changePullRequest(number: number, fields: Partial<PullRequest>): void;
  /** A commit with its files; a string is a good text file. Commits not added are unknown. `time`: milliseconds since the epoch. */
  addCommit(sha: string, files: Record<string, string | FileResult>, time?: number): void;
  setTag(tag: string, sha: string): void;
  addRelease(fields: Pick<Release, 'tag'> & Partial<Release>): Release;
  /** An issue of somebody's, to be commented on. */
  addIssue(number: number): void;
  setBranch(branch: string, sha: string): void;
  setMergeBase(base: string, head: string, sha: string): void;
  setPermission(login: string, push: boolean): void;
  addComment(fields: { issueNumber: number; authorLogin: string; body: string; edited?: boolean }): number;
  deleteComment(id: number): void;
  /** The next calls of the method fail; `afterwards` lets them do their work first. */
  failNext(method: Method, error: PublisherError, options?: { times?: number; afterwards?: boolean }): void;
}

export interface FakeGitHubOptions {
  repository?: Partial<Repository>;
  /** Default `model-image-publisher`. */
  appSlug?: string;
  /** Of checks and comments; GitHub's are unique over all repositories. */
  firstId?: number;
}

const missing = (what: string) =>
  new PublisherError('github-unavailable', `GitHub has no ${what}`, { retryable: false });
const invalid = (what: string) => new PublisherError('internal', `GitHub would refuse ${what}`);

function assertCheck(run: CheckRun): void {
  if (run.name.trim() === '' || run.externalId === '') throw invalid('a check without name or external id');
  if (run.title === '' || run.summary === '') throw invalid(`check ${run.name} without title or summary`);
  for (const { path, startLine, endLine, message } of run.annotations) {
    if (path === '' || path.startsWith('/') || message === '') throw invalid(`an annotation of ${run.name}`);
    if (startLine < 1 || endLine < startLine) throw invalid(`lines ${startLine} to ${endLine} of ${run.name}`);
    if (Buffer.byteLength(message) > LIMITS.annotationMessageBytes) throw invalid('an annotation that long');
  }
  if (run.actions.length > LIMITS.actions) throw invalid(`${run.actions.length} buttons`);
  for (const { label, description, identifier } of run.actions) {
    const fits =
      label.length <= LIMITS.actionLabel &&
      description.length <= LIMITS.actionDescription &&
      identifier.length <= LIMITS.actionIdentifier;
    if (!fits || label === '' || description === '' || identifier === '') throw invalid(`button ${label}`);
  }
}

export function createFakeGitHub(options: FakeGitHubOptions = {}): FakeGitHub {
  const repository: Repository = {
    owner: 'acme',
    name: 'models',
    id: 4242,
    defaultBranch: 'main',
    private: false,
    ...options.repository,
  };
  const appLogin = `${options.appSlug ?? 'model-image-publisher'}[bot]`;
  const calls: { method: Method; args: unknown[] }[] = [];
  const pulls = new Map<number, PullRequest>();
  const commits = new Map<string, Map<string, FileResult>>();
  const branches = new Map<string, string>();
  const mergeBases = new Map<string, string>();
  const permissions = new Map<string, boolean>();
  const checks: StoredCheck[] = [];
  const checkHistory: StoredCheck[] = [];
  const comments: StoredComment[] = [];
  const times = new Map<string, number>();
  const tags = new Map<string, string>();
  const others = new Set<number>();
  const issues: StoredIssue[] = [];
  const releases: Release[] = [];
  let failures: { method: Method; error: PublisherError; left: number; afterwards: boolean }[] = [];
  let nextId = options.firstId ?? 1;

  /** Every method goes through here: recorded, checked, and failed when a test wants it. */
  async function act<T>(method: Method, repo: Repo, args: unknown[], work: () => T): Promise<T> {
    calls.push({ method, args: [repo, ...args] });
    if (repo.owner !== repository.owner || repo.name !== repository.name) {
      throw missing(`repository ${repo.owner}/${repo.name}`);
    }
    const failure = failures.find((candidate) => candidate.method === method);
    if (failure === undefined) return work();
    failure.left -= 1;
    if (failure.left === 0) failures = failures.filter((candidate) => candidate !== failure);
    if (failure.afterwards) work();
    throw failure.error;
  }

  function known<T>(value: T | undefined, what: string): T {
    if (value === undefined) throw missing(what);
    return value;
  }

  function insertComment(fields: Parameters<FakeGitHub['addComment']>[0], marker: string | null = null): StoredComment {
    const createdAt = '2030-01-01T00:00:00Z';
    const comment: StoredComment = {
      id: nextId++,
      body: fields.body,
      authorLogin: fields.authorLogin,
      authorType: fields.authorLogin.endsWith('[bot]') ? 'Bot' : 'User',
      createdAt,
      updatedAt: fields.edited === true ? '2030-01-01T00:01:00Z' : createdAt,
      issueNumber: fields.issueNumber,
      reactions: [],
      marker,
      writes: 1,
    };
    comments.push(comment);
    return comment;
  }

  function storeCheck(run: CheckRun): number {
    assertCheck(run);
    known(commits.get(run.headSha), `commit ${run.headSha}`);
    const existing = checks.findIndex(
      (check) => check.headSha === run.headSha && check.name === run.name && check.externalId === run.externalId,
    );
    const id = checks[existing]?.id ?? nextId++;
    const stored: StoredCheck = {
      ...structuredClone(run),
      id,
      summary: cutBytes(run.summary, CHECK_OUTPUT_BYTES),
      text: run.text === undefined ? undefined : cutBytes(run.text, CHECK_OUTPUT_BYTES),
    };
    if (existing === -1) checks.push(stored);
    else checks[existing] = stored;
    checkHistory.push(stored);
    return id;
  }

  function storeComment(issue: number, marker: string, body: string): number {
    assertIssue(issue);
    const marked = markedBody(marker, body);
    const existing = comments.find((comment) => comment.issueNumber === issue && comment.marker === marker);
    if (existing === undefined)
      return insertComment({ issueNumber: issue, authorLogin: appLogin, body: marked }, marker).id;
    if (existing.body !== marked) {
      existing.body = marked;
      existing.writes += 1;
    }
    return existing.id;
  }

  /** Numbers that can be commented on: pull requests and issues. */
  function assertIssue(number: number): void {
    if (pulls.has(number) || others.has(number) || issues.some((issue) => issue.number === number)) return;
    throw missing(`issue ${number}`);
  }

  function storeIssue(marker: string, wanted: IssueState): number | null {
    if (wanted.title.trim() === '' || wanted.title.length > LIMITS.issueTitleCharacters) throw invalid('that title');
    const state = { ...wanted, body: markedBody(marker, wanted.body) };
    const existing = issues.find((issue) => issue.marker === marker);
    if (existing === undefined) {
      if (!wanted.open) return null;
      const number = Math.max(1_000, ...issues.map((issue) => issue.number)) + 1;
      issues.push({ ...state, number, marker, writes: 1 });
      return number;
    }
    const same = existing.title === state.title && existing.body === state.body && existing.open === state.open;
    if (!same) Object.assign(existing, state, { writes: existing.writes + 1 });
    return existing.number;
  }

  return {
    calls,
    issues,
    releases,
    checks,
    checkHistory,
    comments,
    pullRequest: (repo, number) =>
      act('pullRequest', repo, [number], () => ({ ...known(pulls.get(number), `pull request ${number}`) })),
    mergeBase: (repo, base, head) =>
      act('mergeBase', repo, [base, head], () => {
        known(commits.get(base), `commit ${base}`);
        known(commits.get(head), `commit ${head}`);
        return mergeBases.get(`${base}...${head}`) ?? base;
      }),
    branchHead: (repo, branch) =>
      act('branchHead', repo, [branch], () => known(branches.get(branch), `branch ${branch}`)),
    repository: (repo) => act('repository', repo, [], () => ({ ...repository })),
    fileAt: (repo, sha, path, maxBytes) =>
      act('fileAt', repo, [sha, path, maxBytes], () => {
        const file = known(commits.get(sha), `commit ${sha}`).get(path) ?? { kind: 'absent' };
        if (file.kind !== 'file' || file.bytes <= maxBytes) return file;
        return { kind: 'invalid', reason: `it has ${file.bytes} bytes, more than the ${maxBytes} allowed` };
      }),
    permission: (repo, login) => act('permission', repo, [login], () => permissions.get(login.toLowerCase()) ?? false),
    comment: (repo, id) =>
      act('comment', repo, [id], () => {
        const found = comments.find((comment) => comment.id === id);
        if (found === undefined) return null;
        const { reactions: _, marker: __, writes: ___, ...comment } = found;
        return comment;
      }),
    react: (repo, commentId, reaction) =>
      act('react', repo, [commentId, reaction], () => {
        const comment = comments.find(({ id }) => id === commentId);
        if (comment !== undefined && !comment.reactions.includes(reaction)) comment.reactions.push(reaction);
      }),
    upsertCheck: (repo, run) => act('upsertCheck', repo, [run], () => storeCheck(run)),
    upsertComment: (repo, issue, marker, body) =>
      act('upsertComment', repo, [issue, marker, body], () => storeComment(issue, marker, body)),
    commitTime: (repo, sha) =>
      act('commitTime', repo, [sha], () => {
        known(commits.get(sha), `commit ${sha}`);
        return times.get(sha) ?? Date.parse('2030-01-01T00:00:00Z');
      }),
    mergedPulls: (repo, sha) =>
      act('mergedPulls', repo, [sha], () => {
        known(commits.get(sha), `commit ${sha}`);
        const brought = (pull: PullRequest) => pull.merged && (pull.mergeSha === sha || pull.headSha === sha);
        return [...pulls.values()]
          .filter((pull) => brought(pull) && pull.baseRef === repository.defaultBranch)
          .map(({ number }) => number)
          .sort((a, b) => a - b);
      }),
    resolveRef: (repo, ref) =>
      act('resolveRef', repo, [ref], () => {
        if (ref.startsWith('refs/heads/')) return branches.get(ref.slice(11)) ?? null;
        if (ref.startsWith('refs/tags/')) return tags.get(ref.slice(10)) ?? null;
        return tags.get(ref) ?? branches.get(ref) ?? null;
      }),
    upsertIssue: (repo, marker, issue) => act('upsertIssue', repo, [marker, issue], () => storeIssue(marker, issue)),
    release: (repo, tag) =>
      act('release', repo, [tag], () => {
        const found = releases.find((release) => release.tag === tag && !release.draft);
        return found === undefined ? null : { ...found };
      }),
    writeRelease: (repo, id, body) =>
      act('writeRelease', repo, [id, body], () => {
        const found = known(
          releases.find((release) => release.id === id),
          `release ${id}`,
        );
        found.body = body;
      }),
    reply: (repo, issue, body) =>
      act('reply', repo, [issue, body], () => {
        assertIssue(issue);
        return insertComment({ issueNumber: issue, authorLogin: appLogin, body }).id;
      }),

    addPullRequest(fields) {
      const pull: PullRequest = {
        state: 'open',
        merged: false,
        mergeSha: null,
        headRef: `branch-${fields.number}`,
        headRepoId: repository.id,
        baseRef: repository.defaultBranch,
        baseRepoId: repository.id,
        authorLogin: 'alice',
        authorType: 'User',
        ...fields,
      };
      pulls.set(pull.number, pull);
      return pull;
    },
    changePullRequest(number, fields) {
      pulls.set(number, { ...known(pulls.get(number), `pull request ${number}`), ...fields });
    },
    addCommit(sha, files, time) {
      if (time !== undefined) times.set(sha, time);
      const entries = Object.entries(files).map(([path, file]): [string, FileResult] => [
        path,
        typeof file === 'string' ? { kind: 'file', text: file, bytes: Buffer.byteLength(file) } : file,
      ]);
      commits.set(sha, new Map(entries));
    },
    setTag: (tag, sha) => void tags.set(tag, sha),
    addRelease(fields) {
      const release = { id: nextId++, draft: false, prerelease: false, body: '', authorLogin: 'alice', ...fields };
      releases.push(release);
      return release;
    },
    addIssue: (number) => void others.add(number),
    setBranch: (branch, sha) => void branches.set(branch, sha),
    setMergeBase: (base, head, sha) => void mergeBases.set(`${base}...${head}`, sha),
    setPermission: (login, push) => void permissions.set(login.toLowerCase(), push),
    addComment: (fields) => insertComment(fields).id,
    deleteComment(id) {
      const index = comments.findIndex((comment) => comment.id === id);
      if (index !== -1) comments.splice(index, 1);
    },
    failNext(method, error, { times = 1, afterwards = false } = {}) {
      failures.push({ method, error, left: times, afterwards });
    },
  };
}
