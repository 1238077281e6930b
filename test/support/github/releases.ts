import { z } from 'zod';
import type { Git } from './git.ts';
import { type Json, notFound, paginate, type Router } from './http.ts';
import { assertReleaseBody } from './limits.ts';
import { envelope, type Person, type RepoName, repoOf, repoPath, userDocument, type World } from './world.ts';

export interface ReleaseFields {
  tag: string;
  body?: string;
  prerelease?: boolean;
  draft?: boolean;
  /** Commit or branch of a tag that does not exist yet; default the default branch. */
  target?: string;
}

export interface ReleaseView {
  id: number;
  tag: string;
  body: string;
}

const releaseDocument = z.looseObject({
  id: z.number(),
  tag_name: z.string(),
  body: z.string().nullable(),
  draft: z.boolean(),
});
type ReleaseDocument = z.infer<typeof releaseDocument>;

export interface Releases {
  create(repo: RepoName, author: Person, fields: ReleaseFields): Promise<number>;
  views(repo: RepoName): Promise<ReleaseView[]>;
}

/** Releases: emulate's records, with the author named and git tags made as publishing a release makes them. */
export function createReleases(world: World, git: Git, router: Router): Releases {
  const records: { repo: RepoName; id: number; author: Person }[] = [];
  const of = (repo: RepoName) => records.filter((r) => r.repo.owner === repo.owner && r.repo.name === repo.name);

  const dress = (author: Person, document: ReleaseDocument): Json => ({
    ...document,
    author: userDocument(world, author),
  });

  async function all(repo: RepoName): Promise<{ author: Person; document: ReleaseDocument }[]> {
    const reading = of(repo).map(async ({ id, author }) => {
      const document = await world.emulator.admin('GET', `${repoPath(repo)}/releases/${id}`);
      return { author, document: releaseDocument.parse(document) };
    });
    return Promise.all(reading);
  }

  async function find(repo: RepoName, matches: (document: ReleaseDocument) => boolean) {
    const found = (await all(repo)).find(({ document }) => matches(document));
    if (found === undefined) throw notFound();
    return found;
  }

  router.on('GET', '/repos/:owner/:repo/releases', async (call) => {
    const list = (await all(repoOf(call.params))).reverse().map(({ author, document }) => dress(author, document));
    const { page, headers } = paginate(list, call, world.url);
    return { status: 200, headers, body: page };
  });
  router.on('GET', '/repos/:owner/:repo/releases/tags/*tag', async (call) => {
    // Drafts have no tag yet, and are not found by the one they will get.
    const published = ({ tag_name: name, draft }: ReleaseDocument) => name === call.params.tag && !draft;
    const { author, document } = await find(repoOf(call.params), published);
    return { status: 200, body: dress(author, document) };
  });
  router.on('GET', '/repos/:owner/:repo/releases/:id', async (call) => {
    const { author, document } = await find(repoOf(call.params), ({ id }) => id === Number(call.params.id));
    return { status: 200, body: dress(author, document) };
  });
  router.on('PATCH', '/repos/:owner/:repo/releases/:id', async (call) => {
    const repo = repoOf(call.params);
    const { author } = await find(repo, ({ id }) => id === Number(call.params.id));
    assertReleaseBody(call.body.body);
    const reply = await world.emulator.forward('PATCH', call.path, call.authorization, call.body);
    if (reply.status !== 200) return reply;
    const release = dress(author, releaseDocument.parse(reply.body));
    const bot = userDocument(world, { login: `${world.app.slug}[bot]`, id: world.app.id, type: 'Bot' });
    world.webhooks.send('release', { action: 'edited', release, ...(await envelope(world, repo, bot)) });
    return { status: 200, body: release };
  });

  return {
    async create(repo, author, { tag, body = '', prerelease = false, draft = false, target }) {
      assertReleaseBody(body);
      if (!draft && !(await git.hasRef(repo, `tags/${tag}`))) {
        const branch = await git.branch(repo, target ?? 'main');
        await git.setRef(repo, `tags/${tag}`, branch ?? target ?? '');
      }
      const fields = {
        tag_name: tag,
        body,
        prerelease,
        draft,
        ...(target === undefined ? {} : { target_commitish: target }),
      };
      const document = await world.emulator.admin('POST', `${repoPath(repo)}/releases`, fields);
      const parsed = releaseDocument.parse(document);
      records.push({ repo, id: parsed.id, author });
      const published = ['published', prerelease ? 'prereleased' : 'released'];
      for (const action of ['created', ...(draft ? [] : published)]) {
        const rest = await envelope(world, repo, userDocument(world, author));
        world.webhooks.send('release', { action, release: dress(author, parsed), ...rest });
      }
      return parsed.id;
    },
    async views(repo) {
      return (await all(repo)).map(({ document: { id, tag_name: tag, body } }) => ({ id, tag, body: body ?? '' }));
    },
  };
}
