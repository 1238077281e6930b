import { z } from 'zod';
import { type Call, isJson, type Json, notFound, paginate, Rejection, type Reply, type Router } from './http.ts';
import { assertIssue } from './limits.ts';
import type { Pulls } from './pulls.ts';
import {
  appDocument,
  envelope,
  type Person,
  type RepoName,
  repoOf,
  repoPath,
  userDocument,
  type World,
} from './world.ts';

export interface IssueView {
  number: number;
  title: string;
  body: string;
  state: string;
  author: string;
}

/** What emulate forgets of an issue. */
interface Extra {
  repo: RepoName;
  number: number;
  /** null: the App. */
  author: Person | null;
}

const issueDocument = z.looseObject({
  number: z.number(),
  title: z.string(),
  body: z.string().nullable(),
  state: z.string(),
});
type IssueDocument = z.infer<typeof issueDocument>;

export interface Issues {
  /** Those that are no pull requests, in the order of their numbers. */
  views(repo: RepoName): Promise<IssueView[]>;
  open(repo: RepoName, author: Person, fields: { title: string; body: string }): Promise<number>;
  setState(repo: RepoName, number: number, sender: Person, state: 'open' | 'closed'): Promise<void>;
  /** An issue or a pull request, as comment payloads have it. */
  document(repo: RepoName, number: number): Promise<Json>;
}

/** Issues: emulate's records with the limits enforced, the author named, and pull requests listed among them. */
export function createIssues(world: World, router: Router, pulls: Pulls): Issues {
  const extras: Extra[] = [];
  const bot = () => userDocument(world, { login: `${world.app.slug}[bot]`, id: world.app.id, type: 'Bot' });
  const of = (repo: RepoName) => extras.filter((e) => e.repo.owner === repo.owner && e.repo.name === repo.name);

  function dress(extra: Extra, document: IssueDocument): Json {
    return {
      ...document,
      user: extra.author === null ? bot() : userDocument(world, extra.author),
      performed_via_github_app: extra.author === null ? appDocument(world) : null,
    };
  }

  async function read(extra: Extra): Promise<IssueDocument> {
    return issueDocument.parse(await world.emulator.admin('GET', `${repoPath(extra.repo)}/issues/${extra.number}`));
  }

  function find(repo: RepoName, number: number): Extra {
    const extra = of(repo).find((candidate) => candidate.number === number);
    if (extra === undefined) throw notFound();
    return extra;
  }

  async function document(repo: RepoName, number: number): Promise<Json> {
    const extra = of(repo).find((candidate) => candidate.number === number);
    return extra === undefined ? pulls.issue(repo, number) : dress(extra, await read(extra));
  }

  async function announce(extra: Extra, action: string, sender: Json) {
    const issue = dress(extra, await read(extra));
    world.webhooks.send('issues', { action, issue, ...(await envelope(world, extra.repo, sender)) });
  }

  async function list(call: Call): Promise<Reply> {
    const repo = repoOf(call.params);
    const state = call.query.get('state') ?? 'open';
    const creator = call.query.get('creator');
    const issues = await Promise.all(of(repo).map(async (extra) => dress(extra, await read(extra))));
    const all = [...issues, ...pulls.issues(repo)]
      .filter((issue) => state === 'all' || issue.state === state)
      .filter((issue) => creator === null || (isJson(issue.user) && issue.user.login === creator))
      .sort((a, b) => Number(b.number) - Number(a.number));
    const { page, headers } = paginate(all, call, world.url);
    return { status: 200, headers, body: page };
  }

  async function create(call: Call): Promise<Reply> {
    const repo = repoOf(call.params);
    assertIssue(call.body, true);
    const reply = await world.emulator.forward('POST', call.path, call.authorization, call.body);
    if (reply.status !== 201) return reply;
    const created = issueDocument.parse(reply.body);
    const extra: Extra = { repo, number: created.number, author: null };
    extras.push(extra);
    await announce(extra, 'opened', bot());
    return { status: 201, body: dress(extra, created) };
  }

  async function update(call: Call): Promise<Reply> {
    const extra = find(repoOf(call.params), Number(call.params.number));
    assertIssue(call.body, false);
    const before = await read(extra);
    const reply = await world.emulator.forward('PATCH', call.path, call.authorization, call.body);
    if (reply.status !== 200) return reply;
    const after = issueDocument.parse(reply.body);
    if (after.title !== before.title || after.body !== before.body) await announce(extra, 'edited', bot());
    if (after.state !== before.state) await announce(extra, after.state === 'open' ? 'reopened' : 'closed', bot());
    return { status: 200, body: dress(extra, after) };
  }

  router.on('GET', '/repos/:owner/:repo/issues', list);
  router.on('POST', '/repos/:owner/:repo/issues', create);
  router.on('PATCH', '/repos/:owner/:repo/issues/:number', update);
  router.on('GET', '/repos/:owner/:repo/issues/:number', async (call) => ({
    status: 200,
    body: await document(repoOf(call.params), Number(call.params.number)),
  }));

  return {
    document,
    async views(repo) {
      const documents = await Promise.all(of(repo).map(async (extra) => ({ extra, issue: await read(extra) })));
      return documents.map(({ extra, issue }) => ({
        number: issue.number,
        title: issue.title,
        body: issue.body ?? '',
        state: issue.state,
        author: extra.author?.login ?? `${world.app.slug}[bot]`,
      }));
    },
    async open(repo, author, fields) {
      assertIssue(fields, true);
      const created = await world.emulator.admin('POST', `${repoPath(repo)}/issues`, fields);
      const extra: Extra = { repo, number: issueDocument.parse(created).number, author };
      extras.push(extra);
      await announce(extra, 'opened', userDocument(world, author));
      return extra.number;
    },
    async setState(repo, number, sender, state) {
      const extra = find(repo, number);
      const { state: before } = await read(extra);
      if (before === state) throw new Rejection(422, `issue ${number} is ${state} already`);
      await world.emulator.admin('PATCH', `${repoPath(repo)}/issues/${number}`, { state });
      await announce(extra, state === 'open' ? 'reopened' : 'closed', userDocument(world, sender));
    },
  };
}
