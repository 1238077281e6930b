import { z } from 'zod';
import type { Git } from './git.ts';
import { type Json, notFound, paginate, type Router } from './http.ts';
import {
  envelope,
  fullName,
  type Person,
  type RepoName,
  repoOf,
  repoPath,
  secondsStamp,
  userDocument,
  type World,
} from './world.ts';

/** What emulate forgets of a pull request: it keeps the head's commit of the first day. */
export interface PullRecord {
  repo: RepoName;
  number: number;
  author: Person;
  title: string;
  headRef: string;
  headSha: string;
  /** The fork it comes from; null once deleted, absent for a branch of the repository itself. */
  fork: { id: number; owner: Person } | null | undefined;
  baseRef: string;
  baseSha: string;
  state: 'open' | 'closed';
  mergeSha: string | null;
}

export interface Pulls {
  find(repo: RepoName, number: number): PullRecord;
  open(
    repo: RepoName,
    author: Person,
    fields: { title: string; body: string; head: string; base: string; fork?: boolean },
  ): Promise<PullRecord>;
  /** The head branch has a new commit: moves the record and says `synchronize`. */
  synchronize(pull: PullRecord, sha: string, sender: Person): Promise<void>;
  close(pull: PullRecord, sender: Person, mergeSha?: string): Promise<void>;
  /** Moves the record to another base branch and says `edited`. */
  retarget(pull: PullRecord, base: string, sender: Person): Promise<void>;
  reopen(pull: PullRecord, sender: Person): Promise<void>;
  /** Open ones from the branch. */
  ofBranch(repo: RepoName, branch: string): PullRecord[];
  /** As check-run payloads list them: never those from forks. */
  briefs(repo: RepoName, sha: string): Json[];
  /** The issue behind it, as comment payloads have it. */
  issue(repo: RepoName, number: number): Json;
  /** The same of all, open or closed. */
  issues(repo: RepoName): Json[];
}

const numbered = z.looseObject({ number: z.number() });
const FIRST_FORK_ID = 700_000;

export function createPulls(world: World, git: Git, router: Router): Pulls {
  const records: PullRecord[] = [];
  const same = (a: RepoName, b: RepoName) => a.owner === b.owner && a.name === b.name;
  const stamps = new Map<PullRecord, string>();

  function find(repo: RepoName, number: number): PullRecord {
    const record = records.find((r) => same(r.repo, repo) && r.number === number);
    if (record === undefined) throw notFound();
    return record;
  }

  function headRepository(record: PullRecord, base: Json): Json | null {
    if (record.fork === undefined) return base;
    if (record.fork === null) return null;
    const { id, owner } = record.fork;
    const name = `${owner.login}/${record.repo.name}`;
    return {
      ...base,
      id,
      full_name: name,
      owner: userDocument(world, owner),
      fork: true,
      url: `${world.url}/repos/${name}`,
    };
  }

  async function dress(record: PullRecord): Promise<Json> {
    const document = await world.emulator.admin('GET', `${repoPath(record.repo)}/pulls/${record.number}`);
    const base = await world.emulator.admin('GET', repoPath(record.repo));
    const merged = record.mergeSha !== null;
    const closedAt = stamps.get(record) ?? null;
    const headOwner = record.fork === undefined ? record.repo.owner : (record.fork?.owner.login ?? 'unknown');
    return {
      ...document,
      state: record.state,
      title: record.title,
      user: userDocument(world, record.author),
      merged,
      merged_at: merged ? closedAt : null,
      closed_at: closedAt,
      merge_commit_sha: record.mergeSha,
      head: {
        label: `${headOwner}:${record.headRef}`,
        ref: record.headRef,
        sha: record.headSha,
        user: record.fork === null ? null : userDocument(world, record.author),
        repo: headRepository(record, base),
      },
      base: {
        label: `${record.repo.owner}:${record.baseRef}`,
        ref: record.baseRef,
        sha: record.baseSha,
        repo: base,
      },
    };
  }

  async function announce(record: PullRecord, action: string, sender: Person, more: Json = {}) {
    world.webhooks.send('pull_request', {
      action,
      number: record.number,
      pull_request: await dress(record),
      ...more,
      ...(await envelope(world, record.repo, userDocument(world, sender))),
    });
  }

  router.on('GET', '/repos/:owner/:repo/pulls', async (call) => {
    const state = call.query.get('state') ?? 'open';
    const mine = records
      .filter((record) => same(record.repo, repoOf(call.params)) && (state === 'all' || record.state === state))
      .sort((a, b) => b.number - a.number);
    const { page, headers } = paginate(mine, call, world.url);
    return { status: 200, headers, body: await Promise.all(page.map(dress)) };
  });
  router.on('GET', '/repos/:owner/:repo/pulls/:number', async (call) => ({
    status: 200,
    body: await dress(find(repoOf(call.params), Number(call.params.number))),
  }));
  router.on('GET', '/repos/:owner/:repo/pulls/:number/files', async (call) => {
    const record = find(repoOf(call.params), Number(call.params.number));
    const files = await git.changedFiles(record.repo, record.baseSha, record.headSha);
    const { page, headers } = paginate(files.slice(0, 3000), call, world.url);
    return { status: 200, headers, body: page };
  });

  function issue(repo: RepoName, number: number): Json {
    const record = find(repo, number);
    const url = `${world.url}${repoPath(repo)}`;
    return {
      id: 800_000 + number,
      number,
      title: record.title,
      state: record.state,
      locked: false,
      user: userDocument(world, record.author),
      url: `${url}/issues/${number}`,
      comments_url: `${url}/issues/${number}/comments`,
      labels: [],
      pull_request: { url: `${url}/pulls/${number}` },
    };
  }

  router.on('GET', '/repos/:owner/:repo/commits/:sha/pulls', async (call) => {
    const { sha } = call.params;
    const mine = records.filter(
      (record) => same(record.repo, repoOf(call.params)) && (record.mergeSha === sha || record.headSha === sha),
    );
    const { page, headers } = paginate(mine, call, world.url);
    return { status: 200, headers, body: await Promise.all(page.map(dress)) };
  });

  return {
    find,
    async open(repo, author, { title, body, head, base, fork = false }) {
      const headSha = await git.branch(repo, head);
      const baseSha = await git.branch(repo, base);
      if (headSha === null || baseSha === null) throw new Error(`no branch ${headSha === null ? head : base}`);
      const document = await world.emulator.admin('POST', `${repoPath(repo)}/pulls`, { title, body, head, base });
      const { number } = numbered.parse(document);
      const record: PullRecord = {
        repo,
        number,
        author,
        title,
        headRef: head,
        headSha,
        fork: fork ? { id: FIRST_FORK_ID + number, owner: author } : undefined,
        baseRef: base,
        baseSha,
        state: 'open',
        mergeSha: null,
      };
      records.push(record);
      await git.setRef(repo, `pull/${number}/head`, headSha);
      await announce(record, 'opened', author);
      return record;
    },
    async synchronize(record, sha, sender) {
      const before = record.headSha;
      record.headSha = sha;
      await git.setRef(record.repo, `pull/${record.number}/head`, sha);
      await announce(record, 'synchronize', sender, { before, after: sha });
    },
    async close(record, sender, mergeSha) {
      if (record.state === 'closed') throw new Error(`pull request ${record.number} is closed already`);
      record.state = 'closed';
      record.mergeSha = mergeSha ?? null;
      stamps.set(record, secondsStamp(Date.now()));
      await announce(record, 'closed', sender);
    },
    async retarget(record, base, sender) {
      const baseSha = await git.branch(record.repo, base);
      if (baseSha === null) throw new Error(`no branch ${base}`);
      const changes = { base: { ref: { from: record.baseRef }, sha: { from: record.baseSha } } };
      record.baseRef = base;
      record.baseSha = baseSha;
      await announce(record, 'edited', sender, { changes });
    },
    async reopen(record, sender) {
      if (record.mergeSha !== null) throw new Error(`pull request ${record.number} is merged`);
      record.state = 'open';
      stamps.delete(record);
      await announce(record, 'reopened', sender);
    },
    ofBranch: (repo, branch) =>
      records.filter((r) => same(r.repo, repo) && r.headRef === branch && r.state === 'open' && r.fork === undefined),
    briefs: (repo, sha) =>
      records
        .filter((r) => same(r.repo, repo) && r.headSha === sha && r.state === 'open' && r.fork === undefined)
        .map((r) => ({
          number: r.number,
          url: `${world.url}${repoPath(repo)}/pulls/${r.number}`,
          head: {
            ref: r.headRef,
            sha: r.headSha,
            repo: { name: repo.name, url: `${world.url}/repos/${fullName(repo)}` },
          },
          base: {
            ref: r.baseRef,
            sha: r.baseSha,
            repo: { name: repo.name, url: `${world.url}/repos/${fullName(repo)}` },
          },
        })),
    issue,
    issues: (repo) => records.filter((record) => same(record.repo, repo)).map(({ number }) => issue(repo, number)),
  };
}
