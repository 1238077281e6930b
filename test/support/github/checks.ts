import { z } from 'zod';
import type { Git } from './git.ts';
import { type Call, isJson, type Json, notFound, paginate, Rejection, type Reply, type Router } from './http.ts';
import { assertCheckRun, LIMITS } from './limits.ts';
import { appDocument, envelope, type RepoName, repoOf, repoPath, userDocument, type World } from './world.ts';

/** What emulate forgets of a check run. */
interface Extra {
  repo: RepoName;
  appId: number;
  annotations: Json[];
  actions: Json[];
}

export interface CheckView {
  id: number;
  name: string;
  headSha: string;
  externalId: string;
  status: string;
  conclusion: string | null;
  title: string | null;
  summary: string | null;
  text: string | null;
  startedAt: string | null;
  completedAt: string | null;
  annotations: Json[];
  actions: Json[];
  appId: number;
}

const runDocument = z.looseObject({
  id: z.number(),
  name: z.string(),
  head_sha: z.string(),
  external_id: z.string(),
  status: z.string(),
  conclusion: z.string().nullable(),
  started_at: z.string().nullable(),
  completed_at: z.string().nullable(),
  output: z.looseObject({
    title: z.string().nullable(),
    summary: z.string().nullable(),
    text: z.string().nullable(),
  }),
  check_suite: z.looseObject({ id: z.number(), head_branch: z.string().nullable() }),
});
type RunDocument = z.infer<typeof runDocument>;
const runList = z.looseObject({ check_runs: z.array(runDocument) });

export interface Checks {
  views(repo: RepoName, sha: string): Promise<CheckView[]>;
  /** A run of another App with the same look. */
  createForeign(repo: RepoName, fields: { headSha: string; name: string; externalId: string }): Promise<number>;
  rerequest(repo: RepoName, id: number, sender: Json): Promise<void>;
  requestAction(repo: RepoName, id: number, identifier: string, sender: Json): Promise<void>;
  rerequestSuite(repo: RepoName, sha: string, sender: Json): Promise<void>;
}

export const FOREIGN_APP_ID = 999_999;

/** Check runs: emulate's records with the limits enforced, annotations appended, actions kept and the App named. */
export function createChecks(
  world: World,
  git: Git,
  router: Router,
  pullsOf: (repo: RepoName, sha: string) => Json[],
): Checks {
  const extras = new Map<number, Extra>();

  function dress(document: RunDocument, repo: RepoName): Json {
    const extra = extras.get(document.id);
    const foreign = extra?.appId === FOREIGN_APP_ID;
    const app = foreign ? { id: FOREIGN_APP_ID, slug: 'another', name: 'Another' } : appDocument(world);
    const pulls = pullsOf(repo, document.head_sha);
    return {
      ...document,
      app,
      output: {
        ...document.output,
        annotations_count: extra?.annotations.length ?? 0,
        annotations_url: `${world.url}${repoPath(repo)}/check-runs/${document.id}/annotations`,
      },
      check_suite: { ...document.check_suite, head_sha: document.head_sha, pull_requests: pulls, app },
      pull_requests: pulls,
    };
  }

  async function all(repo: RepoName, sha: string): Promise<RunDocument[]> {
    const path = `${repoPath(repo)}/commits/${encodeURIComponent(sha)}/check-runs?filter=all`;
    return runList.parse(await world.emulator.admin('GET', path)).check_runs;
  }

  async function one(repo: RepoName, id: number): Promise<RunDocument> {
    const extra = extras.get(id);
    if (extra === undefined || extra.repo.owner !== repo.owner || extra.repo.name !== repo.name) throw notFound();
    return runDocument.parse(await world.emulator.admin('GET', `${repoPath(repo)}/check-runs/${id}`));
  }

  /** "Providing conclusion will automatically set the status parameter to completed." */
  function forwarded(body: Json): Json {
    const { annotations: _, ...output } = isJson(body.output) ? body.output : {};
    return {
      ...body,
      ...(body.conclusion === undefined ? {} : { status: 'completed' }),
      actions: undefined,
      output: isJson(body.output) ? output : undefined,
    };
  }

  const jsonList = (value: unknown): Json[] => (Array.isArray(value) ? value.filter(isJson) : []);
  const annotationsOf = (body: Json): Json[] => (isJson(body.output) ? jsonList(body.output.annotations) : []);

  async function announce(repo: RepoName, action: string, document: RunDocument, sender: Json, more: Json = {}) {
    world.webhooks.send('check_run', {
      action,
      check_run: dress(document, repo),
      ...more,
      ...(await envelope(world, repo, sender)),
    });
  }

  const bot = () => userDocument(world, { login: `${world.app.slug}[bot]`, id: world.app.id, type: 'Bot' });

  async function create(call: Call): Promise<Reply> {
    const repo = repoOf(call.params);
    assertCheckRun(call.body, true);
    const sha = String(call.body.head_sha);
    if (!(await git.exists(repo, sha))) throw new Rejection(422, `No commit found for SHA: ${sha}`);
    const sameName = (await all(repo, sha)).filter((run) => run.name === call.body.name);
    if (sameName.length >= LIMITS.runsOfOneName) throw new Rejection(422, 'Too many check runs of this name');
    const reply = await world.emulator.forward(
      'POST',
      `${repoPath(repo)}/check-runs`,
      call.authorization,
      forwarded(call.body),
    );
    if (reply.status !== 201) return reply;
    const document = runDocument.parse(reply.body);
    const annotations = annotationsOf(call.body);
    extras.set(document.id, { repo, appId: world.app.id, annotations, actions: jsonList(call.body.actions) });
    await announce(repo, 'created', document, bot());
    return { status: 201, body: dress(document, repo) };
  }

  async function update(call: Call): Promise<Reply> {
    const repo = repoOf(call.params);
    const id = Number(call.params.id);
    const before = await one(repo, id);
    const extra = extras.get(id);
    if (extra === undefined) throw notFound();
    if (extra.appId !== world.app.id) throw new Rejection(403, 'Invalid app_id: the check run belongs to another App');
    assertCheckRun(call.body, false);
    const path = `${repoPath(repo)}/check-runs/${id}`;
    const reply = await world.emulator.forward('PATCH', path, call.authorization, forwarded(call.body));
    if (reply.status !== 200) return reply;
    extra.annotations.push(...annotationsOf(call.body));
    if (call.body.actions !== undefined) extra.actions = jsonList(call.body.actions);
    const document = runDocument.parse(reply.body);
    if (before.status !== 'completed' && document.status === 'completed') {
      await announce(repo, 'completed', document, bot());
    }
    return { status: 200, body: dress(document, repo) };
  }

  function latest(runs: RunDocument[]): RunDocument[] {
    const newest = new Map<string, RunDocument>();
    for (const run of [...runs].sort((a, b) => a.id - b.id))
      newest.set(`${extras.get(run.id)?.appId} ${run.name}`, run);
    return [...newest.values()];
  }

  async function list(call: Call): Promise<Reply> {
    const repo = repoOf(call.params);
    const sha = String(call.params.ref);
    const { query } = call;
    let runs = await all(repo, sha);
    if ((query.get('filter') ?? 'latest') === 'latest') runs = latest(runs);
    const name = query.get('check_name');
    const appId = query.get('app_id');
    const status = query.get('status');
    runs = runs
      .filter((run) => name === null || run.name === name)
      .filter((run) => appId === null || extras.get(run.id)?.appId === Number(appId))
      .filter((run) => status === null || run.status === status)
      .sort((a, b) => b.id - a.id);
    const { page, headers } = paginate(runs, call, world.url);
    const body = { total_count: runs.length, check_runs: page.map((run) => dress(run, repo)) };
    return { status: 200, headers, body };
  }

  router.on('POST', '/repos/:owner/:repo/check-runs', create);
  router.on('PATCH', '/repos/:owner/:repo/check-runs/:id', update);
  router.on('GET', '/repos/:owner/:repo/commits/:ref/check-runs', list);
  router.on('GET', '/repos/:owner/:repo/check-runs/:id', async (call) => {
    const repo = repoOf(call.params);
    return { status: 200, body: dress(await one(repo, Number(call.params.id)), repo) };
  });
  router.on('GET', '/repos/:owner/:repo/check-runs/:id/annotations', async (call) => {
    const run = await one(repoOf(call.params), Number(call.params.id));
    const { page, headers } = paginate(extras.get(run.id)?.annotations ?? [], call, world.url);
    return { status: 200, headers, body: page };
  });

  return {
    async views(repo, sha) {
      const runs = (await all(repo, sha)).sort((a, b) => a.id - b.id);
      return runs.map((run) => ({
        id: run.id,
        name: run.name,
        headSha: run.head_sha,
        externalId: run.external_id,
        status: run.status,
        conclusion: run.conclusion,
        title: run.output.title,
        summary: run.output.summary,
        text: run.output.text,
        startedAt: run.started_at,
        completedAt: run.completed_at,
        annotations: extras.get(run.id)?.annotations ?? [],
        actions: extras.get(run.id)?.actions ?? [],
        appId: extras.get(run.id)?.appId ?? 0,
      }));
    },
    async createForeign(repo, { headSha, name, externalId }) {
      const body = { name, head_sha: headSha, external_id: externalId };
      const document = runDocument.parse(await world.emulator.admin('POST', `${repoPath(repo)}/check-runs`, body));
      extras.set(document.id, { repo, appId: FOREIGN_APP_ID, annotations: [], actions: [] });
      return document.id;
    },
    async rerequest(repo, id, sender) {
      await announce(repo, 'rerequested', await one(repo, id), sender);
    },
    async requestAction(repo, id, identifier, sender) {
      const document = await one(repo, id);
      const offered = extras.get(id)?.actions ?? [];
      if (!offered.some((action) => action.identifier === identifier)) {
        throw new Error(`check run ${id} (${document.name}) offers no action ${identifier}`);
      }
      await announce(repo, 'requested_action', document, sender, { requested_action: { identifier } });
    },
    async rerequestSuite(repo, sha, sender) {
      const [first] = await all(repo, sha);
      if (first === undefined) throw new Error(`no check suite for ${sha}`);
      world.webhooks.send('check_suite', {
        action: 'rerequested',
        check_suite: {
          ...first.check_suite,
          head_sha: sha,
          status: 'completed',
          conclusion: null,
          pull_requests: pullsOf(repo, sha),
          app: appDocument(world),
        },
        ...(await envelope(world, repo, sender)),
      });
    },
  };
}
