import { readFile } from 'node:fs/promises';
import { parse } from 'yaml';
import { z } from 'zod';
import { type Access, createAccess } from './access.ts';
import { createChecks } from './checks.ts';
import { createComments } from './comments.ts';
import { startEmulator } from './emulator.ts';
import { createFaults } from './faults.ts';
import { createGit, type Files } from './git.ts';
import { createRouter, listen } from './http.ts';
import { createIssues } from './issues.ts';
import { addPassThrough } from './pass-through.ts';
import { createPulls, type PullRecord } from './pulls.ts';
import { createReleases } from './releases.ts';
import { serve } from './serve.ts';
import type { CommitOptions, GitHubOptions, GitHubStandIn, OpenedPullRequest } from './stand-in.ts';
import { createWebhooks } from './webhooks.ts';
import { envelope, type PermissionLevel, personOf, type RepoName, userDocument, type World } from './world.ts';

const manifest = z.looseObject({
  default_permissions: z.record(z.string(), z.string()),
  default_events: z.array(z.string()),
});
const FIRST_INSTALLATION_ID = 4001;
const FIRST_PERSON_ID = 5001;
const identified = z.looseObject({ id: z.number() });

/** Starts the stand-in with the permissions and events of the project's own `app.yml`. */
export async function startGitHub(options: GitHubOptions): Promise<GitHubStandIn> {
  const text = await readFile(new URL('../../../app.yml', import.meta.url), 'utf8');
  const { default_permissions: permissions, default_events: events } = manifest.parse(parse(text));
  const owners = options.owners ?? ['acme'];
  const [firstOwner] = owners;
  if (firstOwner === undefined) throw new Error('the stand-in needs an owner');
  const app = {
    id: options.appId ?? 12_345,
    slug: options.appSlug ?? 'model-image-publisher',
    name: 'Model Image Publisher',
    owner: firstOwner,
  };

  const router = createRouter();
  const faults = createFaults();
  const requests: { method: string; path: string; status: number }[] = [];
  const boot: { access: Access | null } = { access: null };
  const listener = await listen((request, response) => serve(request, response, { router, faults, requests, boot }));
  const emulator = await startEmulator(
    {
      appId: app.id,
      appSlug: app.slug,
      appName: app.name,
      owners,
      installationId: FIRST_INSTALLATION_ID,
      permissions,
      events,
    },
    () => listener.url,
  );
  const access = createAccess(emulator, options.tokenSeconds ?? 3600);
  boot.access = access;
  const webhooks = createWebhooks(options.webhookSecret, events, options.webhookTarget ?? null);
  const world: World = {
    url: listener.url,
    emulator,
    webhooks,
    app,
    people: new Map(),
    installationId: (owner) => (owners.includes(owner) ? FIRST_INSTALLATION_ID + owners.indexOf(owner) : null),
  };
  const git = createGit(emulator);
  const pulls = createPulls(world, git, router);
  const checks = createChecks(world, git, router, pulls.briefs);
  const issues = createIssues(world, router, pulls);
  const releases = createReleases(world, git, router);
  const comments = createComments(world, router, issues.document);
  addPassThrough(world, router, access);

  const person = (login: string) => personOf(world, login);
  const senderOf = (login: string) => userDocument(world, person(login));
  addUser('maintainer', 'admin');

  function addUser(
    login: string,
    permission: PermissionLevel,
    { roleName = null, type = 'User' }: { roleName?: string | null; type?: 'User' | 'Bot' } = {},
  ) {
    const id = world.people.get(login)?.id ?? FIRST_PERSON_ID + world.people.size;
    world.people.set(login, { login, id, type, permission, roleName });
  }

  async function requireBranch(repo: RepoName, branch: string): Promise<string> {
    const sha = await git.branch(repo, branch);
    if (sha === null) throw new Error(`${repo.owner}/${repo.name} has no branch ${branch}`);
    return sha;
  }

  async function announcePush(repo: RepoName, branch: string, before: string | null, after: string, login: string) {
    webhooks.send('push', {
      ref: `refs/heads/${branch}`,
      before: before ?? '0'.repeat(40),
      after,
      created: before === null,
      deleted: false,
      forced: false,
      commits: [{ id: after }],
      head_commit: { id: after },
      pusher: { name: login },
      ...(await envelope(world, repo, senderOf(login))),
    });
  }

  async function commitFiles(repo: RepoName, branch: string, files: Files, commit: CommitOptions = {}) {
    const author = commit.author ?? 'maintainer';
    const before = await git.branch(repo, branch);
    const parent = before ?? (await requireBranch(repo, 'main'));
    const sha = await git.commit(repo, parent, files, commit.message ?? `Change ${branch}`, author, commit.date);
    await git.setRef(repo, `heads/${branch}`, sha);
    await announcePush(repo, branch, before, sha, author);
    for (const pull of pulls.ofBranch(repo, branch)) await pulls.synchronize(pull, sha, person(author));
    return sha;
  }

  const opened = ({ number, headSha }: PullRecord): OpenedPullRequest => ({ number, headSha });

  return {
    url: listener.url,
    appId: app.id,
    appSlug: app.slug,
    privateKey: emulator.privateKey,
    installationId: FIRST_INSTALLATION_ID,
    deliveries: webhooks.deliveries,
    faults,
    requests,
    setWebhookTarget: (url) => webhooks.setTarget(url),
    redeliver: (id, guid) => webhooks.redeliver(id, guid),
    settled: () => webhooks.settled(),
    setPermission: (name, level) => access.setPermission(name, level),
    expireTokens: () => access.expireAll(),
    addUser,
    async createRepo(repo, { private: isPrivate = false, files = {} } = {}) {
      const body = { name: repo.name, private: isPrivate, auto_init: true };
      const { id } = identified.parse(await emulator.admin('POST', `/orgs/${repo.owner}/repos`, body));
      if (Object.keys(files).length === 0) return { id, sha: await requireBranch(repo, 'main') };
      return { id, sha: await commitFiles(repo, 'main', files, { message: 'First commit' }) };
    },
    commitFiles,
    branchHead: requireBranch,
    async openPullRequest(repo, { title, branch, files, author = 'maintainer', base = 'main', body = '' }) {
      await commitFiles(repo, branch, files, { author, message: title });
      return opened(await pulls.open(repo, person(author), { title, body, head: branch, base }));
    },
    async createForkPullRequest(repo, { title, branch, files, author }) {
      const sha = await git.commit(repo, await requireBranch(repo, 'main'), files, title, author);
      await git.setRef(repo, `heads/${branch}`, sha);
      const fields = { title, body: '', head: branch, base: 'main', fork: true };
      const pull = await pulls.open(repo, person(author), fields);
      await git.deleteRef(repo, `heads/${branch}`);
      return opened(pull);
    },
    async pushToPullRequest(repo, number, files, commit = {}) {
      const pull = pulls.find(repo, number);
      const author = commit.author ?? pull.author.login;
      if (pull.fork === undefined) return commitFiles(repo, pull.headRef, files, { ...commit, author });
      const sha = await git.commit(repo, pull.headSha, files, commit.message ?? 'More', author);
      await pulls.synchronize(pull, sha, person(author));
      return sha;
    },
    async forcePush(repo, number, sha) {
      const pull = pulls.find(repo, number);
      await git.setRef(repo, `heads/${pull.headRef}`, sha);
      await announcePush(repo, pull.headRef, pull.headSha, sha, pull.author.login);
      await pulls.synchronize(pull, sha, pull.author);
    },
    retargetPullRequest: (repo, number, base) => pulls.retarget(pulls.find(repo, number), base, person('maintainer')),
    async mergePullRequest(repo, number, by = 'maintainer', method = 'merge') {
      const pull = pulls.find(repo, number);
      const before = await requireBranch(repo, pull.baseRef);
      const message = method === 'merge' ? `Merge pull request #${number}` : `${pull.title} (#${number})`;
      const sha = await git[method](repo, before, pull.headSha, message, by);
      await git.setRef(repo, `heads/${pull.baseRef}`, sha);
      await pulls.close(pull, person(by), sha);
      await announcePush(repo, pull.baseRef, before, sha, by);
      return sha;
    },
    closePullRequest: (repo, number, by = 'maintainer') => pulls.close(pulls.find(repo, number), person(by)),
    reopenPullRequest: (repo, number, by = 'maintainer') => pulls.reopen(pulls.find(repo, number), person(by)),
    deleteFork(repo, number) {
      pulls.find(repo, number).fork = null;
    },
    async enqueue(repo, number) {
      const pull = pulls.find(repo, number);
      const base = await requireBranch(repo, pull.baseRef);
      const head = await git.merge(repo, base, pull.headSha, `Merge queue: #${number}`, 'maintainer');
      const ref = `heads/gh-readonly-queue/${pull.baseRef}/pr-${number}-${base}`;
      await git.setRef(repo, ref, head);
      const group = { head_sha: head, head_ref: `refs/${ref}`, base_sha: base, base_ref: `refs/heads/${pull.baseRef}` };
      const rest = await envelope(world, repo, senderOf('maintainer'));
      webhooks.send('merge_group', { action: 'checks_requested', merge_group: group, ...rest });
      return head;
    },
    openIssue: (repo, login, fields) => issues.open(repo, person(login), fields),
    closeIssue: (repo, number, login) => issues.setState(repo, number, person(login), 'closed'),
    reopenIssue: (repo, number, login) => issues.setState(repo, number, person(login), 'open'),
    issues: (repo) => issues.views(repo),
    createTag: (repo, tag, sha, { annotated = false } = {}) => git.tag(repo, tag, sha, annotated),
    createRelease: (repo, { author = 'maintainer', ...fields }) => releases.create(repo, person(author), fields),
    releases: (repo) => releases.views(repo),
    comment: (repo, number, login, body) => comments.post(repo, number, person(login), body),
    editComment: (repo, id, login, body) => comments.edit(repo, id, person(login), body),
    deleteComment: (repo, id, login) => comments.remove(repo, id, person(login)),
    comments: (repo, number) => comments.views(repo, number),
    checks: (repo, sha) => checks.views(repo, sha),
    rerequestCheck: (repo, id, login) => checks.rerequest(repo, id, senderOf(login)),
    rerequestSuite: (repo, sha, login) => checks.rerequestSuite(repo, sha, senderOf(login)),
    requestAction: (repo, id, identifier, login) => checks.requestAction(repo, id, identifier, senderOf(login)),
    createForeignCheck: (repo, run) => checks.createForeign(repo, run),
    async close() {
      webhooks.setTarget(null);
      await listener.close();
      await emulator.close();
    },
  };
}
