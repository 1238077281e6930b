import { z } from 'zod';
import { type Call, type Json, notFound, paginate, Rejection, type Reply, type Router } from './http.ts';
import { assertCommentBody } from './limits.ts';
import {
  appDocument,
  envelope,
  type Person,
  type RepoName,
  repoOf,
  repoPath,
  secondsStamp,
  userDocument,
  type World,
} from './world.ts';

const REACTIONS = new Set(['+1', '-1', 'laugh', 'confused', 'heart', 'hooray', 'rocket', 'eyes']);

/** What emulate forgets of a comment. */
interface Extra {
  repo: RepoName;
  issue: number;
  /** null: the App. */
  author: Person | null;
  createdAt: number;
  updatedAt: number;
  reactions: string[];
}

export interface CommentView {
  id: number;
  author: string;
  body: string;
  createdAt: string;
  updatedAt: string;
  reactions: string[];
}

const commentDocument = z.looseObject({ id: z.number(), body: z.string() });
type CommentDocument = z.infer<typeof commentDocument>;

export interface Comments {
  views(repo: RepoName, issue: number): Promise<CommentView[]>;
  post(repo: RepoName, issue: number, author: Person, body: string): Promise<number>;
  edit(repo: RepoName, id: number, editor: Person, body: string): Promise<void>;
  remove(repo: RepoName, id: number, sender: Person): Promise<void>;
}

export function createComments(
  world: World,
  router: Router,
  issueOf: (repo: RepoName, number: number) => Promise<Json>,
) {
  const extras = new Map<number, Extra>();
  const bot = () => userDocument(world, { login: `${world.app.slug}[bot]`, id: world.app.id, type: 'Bot' });

  function extraOf(repo: RepoName, id: number): Extra {
    const extra = extras.get(id);
    if (extra === undefined || extra.repo.owner !== repo.owner || extra.repo.name !== repo.name) throw notFound();
    return extra;
  }

  function dress(document: CommentDocument): Json {
    const extra = extras.get(document.id);
    if (extra === undefined) throw notFound();
    const counts = Object.fromEntries([...REACTIONS].map((c) => [c, extra.reactions.filter((r) => r === c).length]));
    return {
      ...document,
      user: extra.author === null ? bot() : userDocument(world, extra.author),
      created_at: secondsStamp(extra.createdAt),
      updated_at: secondsStamp(extra.updatedAt),
      performed_via_github_app: extra.author === null ? appDocument(world) : null,
      reactions: { total_count: extra.reactions.length, ...counts },
    };
  }

  async function read(repo: RepoName, id: number): Promise<CommentDocument> {
    extraOf(repo, id);
    return commentDocument.parse(await world.emulator.admin('GET', `${repoPath(repo)}/issues/comments/${id}`));
  }

  async function announce(repo: RepoName, action: string, id: number, sender: Json, document?: CommentDocument) {
    const { issue } = extraOf(repo, id);
    world.webhooks.send('issue_comment', {
      action,
      issue: await issueOf(repo, issue),
      comment: dress(document ?? (await read(repo, id))),
      ...(await envelope(world, repo, sender)),
    });
  }

  async function list(repo: RepoName, issue: number): Promise<Json[]> {
    const mine = [...extras].filter(([, extra]) => extra.repo.owner === repo.owner && extra.repo.name === repo.name);
    const documents = mine.filter(([, extra]) => extra.issue === issue).map(([id]) => read(repo, id));
    return (await Promise.all(documents)).map(dress);
  }

  function record(repo: RepoName, issue: number, author: Person | null, document: CommentDocument) {
    const now = Date.now();
    extras.set(document.id, { repo, issue, author, createdAt: now, updatedAt: now, reactions: [] });
  }

  /** An edit always shows: GitHub's stamps have whole seconds, so the next one is used. */
  function touch(extra: Extra) {
    extra.updatedAt = Math.max(Date.now(), extra.updatedAt + 1000);
  }

  router.on('GET', '/repos/:owner/:repo/issues/:number/comments', async (call) => {
    const { page, headers } = paginate(await list(repoOf(call.params), Number(call.params.number)), call, world.url);
    return { status: 200, headers, body: page };
  });
  router.on('POST', '/repos/:owner/:repo/issues/:number/comments', async (call): Promise<Reply> => {
    const repo = repoOf(call.params);
    assertCommentBody(call.body.body);
    const reply = await world.emulator.forward('POST', call.path, call.authorization, call.body);
    if (reply.status !== 201) return reply;
    const document = commentDocument.parse(reply.body);
    record(repo, Number(call.params.number), null, document);
    await announce(repo, 'created', document.id, bot());
    return { status: 201, body: dress(document) };
  });
  router.on('GET', '/repos/:owner/:repo/issues/comments/:id', async (call) => ({
    status: 200,
    body: dress(await read(repoOf(call.params), Number(call.params.id))),
  }));
  router.on('PATCH', '/repos/:owner/:repo/issues/comments/:id', async (call): Promise<Reply> => {
    const repo = repoOf(call.params);
    const extra = extraOf(repo, Number(call.params.id));
    assertCommentBody(call.body.body);
    const reply = await world.emulator.forward('PATCH', call.path, call.authorization, call.body);
    if (reply.status !== 200) return reply;
    touch(extra);
    const document = commentDocument.parse(reply.body);
    await announce(repo, 'edited', document.id, bot());
    return { status: 200, body: dress(document) };
  });
  router.on('POST', '/repos/:owner/:repo/issues/comments/:id/reactions', (call: Call): Reply => {
    const extra = extraOf(repoOf(call.params), Number(call.params.id));
    const content = String(call.body.content);
    if (!REACTIONS.has(content)) throw new Rejection(422, 'Validation Failed');
    const again = extra.reactions.includes(content);
    if (!again) extra.reactions.push(content);
    return { status: again ? 200 : 201, body: { id: extra.reactions.indexOf(content) + 1, content, user: bot() } };
  });
  router.on('GET', '/repos/:owner/:repo/issues/comments/:id/reactions', (call: Call): Reply => {
    const extra = extraOf(repoOf(call.params), Number(call.params.id));
    return { status: 200, body: extra.reactions.map((content, index) => ({ id: index + 1, content, user: bot() })) };
  });

  const comments: Comments = {
    async views(repo, issue) {
      const ids = [...extras].filter(
        ([, e]) => e.repo.name === repo.name && e.repo.owner === repo.owner && e.issue === issue,
      );
      return Promise.all(
        ids.map(async ([id, extra]) => ({
          id,
          author: extra.author?.login ?? `${world.app.slug}[bot]`,
          body: (await read(repo, id)).body,
          createdAt: secondsStamp(extra.createdAt),
          updatedAt: secondsStamp(extra.updatedAt),
          reactions: [...extra.reactions],
        })),
      );
    },
    async post(repo, issue, author, body) {
      assertCommentBody(body);
      const path = `${repoPath(repo)}/issues/${issue}/comments`;
      const document = commentDocument.parse(await world.emulator.admin('POST', path, { body }));
      record(repo, issue, author, document);
      await announce(repo, 'created', document.id, userDocument(world, author));
      return document.id;
    },
    async edit(repo, id, editor, body) {
      assertCommentBody(body);
      touch(extraOf(repo, id));
      await world.emulator.admin('PATCH', `${repoPath(repo)}/issues/comments/${id}`, { body });
      await announce(repo, 'edited', id, userDocument(world, editor));
    },
    async remove(repo, id, sender) {
      const document = await read(repo, id);
      await world.emulator.admin('DELETE', `${repoPath(repo)}/issues/comments/${id}`);
      await announce(repo, 'deleted', id, userDocument(world, sender), document);
      extras.delete(id);
    },
  };
  return comments;
}
