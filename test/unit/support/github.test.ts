import { createHmac } from 'node:crypto';
import { Probot, Server } from 'probot';
import { afterEach, expect, test } from 'vitest';
import { type GitHubStandIn, startGitHub, UnthrottledOctokit } from '../../support/github/index.ts';

const SECRET = 'a secret of the test';
const repo = { owner: 'acme', name: 'models' };
const cleanups: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function started(options: { tokenSeconds?: number } = {}): Promise<GitHubStandIn> {
  const github = await startGitHub({ webhookSecret: SECRET, ...options });
  cleanups.push(() => github.close());
  github.addUser('alice', 'write');
  await github.createRepo(repo, { files: { 'models.yaml': 'models: []\n' } });
  return github;
}

function probotOf(github: GitHubStandIn): Probot {
  return new Probot({
    appId: github.appId,
    privateKey: github.privateKey,
    secret: SECRET,
    baseUrl: github.url,
    logLevel: 'fatal',
    Octokit: UnthrottledOctokit,
  });
}

const installed = async (github: GitHubStandIn) => probotOf(github).auth(github.installationId);
const target = { owner: repo.owner, repo: repo.name };

test('a real Probot server authenticates and answers a pull request with a check and a comment', async () => {
  const github = await started();
  const server = new Server({
    Probot: Probot.defaults({
      appId: github.appId,
      privateKey: github.privateKey,
      secret: SECRET,
      baseUrl: github.url,
      logLevel: 'fatal',
      Octokit: UnthrottledOctokit,
    }),
    port: 0,
    host: '127.0.0.1',
  });
  await server.load((app) => {
    app.on('pull_request.opened', async ({ octokit, payload }) => {
      const { number, head } = payload.pull_request;
      await octokit.rest.checks.create({ ...target, name: 'model-images', head_sha: head.sha, status: 'in_progress' });
      await octokit.rest.issues.createComment({ ...target, issue_number: number, body: 'Hello' });
    });
  });
  const http = await server.start();
  cleanups.push(async () => {
    http.closeAllConnections();
    await server.stop();
  });
  const address = http.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  github.setWebhookTarget(`http://127.0.0.1:${address.port}/api/github/webhooks`);

  const pull = await github.openPullRequest(repo, { title: 'Add', branch: 'add', files: { a: '1' }, author: 'alice' });
  await github.settled();

  expect(github.deliveries.filter((delivery) => delivery.event === 'pull_request')).toMatchObject([{ status: 200 }]);
  expect(await github.checks(repo, pull.headSha)).toMatchObject([{ name: 'model-images', status: 'in_progress' }]);
  expect(await github.comments(repo, pull.number)).toMatchObject([
    { author: 'model-image-publisher[bot]', body: 'Hello' },
  ]);
});

test('deliveries are signed, and one delivered again has the same guid', async () => {
  const github = await started();
  const [push] = github.deliveries;
  if (push === undefined) throw new Error('no delivery');
  const signature = `sha256=${createHmac('sha256', SECRET).update(push.body).digest('hex')}`;
  expect(push).toMatchObject({ event: 'push', signature });
  expect(await github.redeliver(push.id)).toMatchObject({ guid: push.guid, redelivery: true });
  expect((await github.redeliver(push.id, 'another')).guid).toBe('another');
});

test('an expired installation token is refused', async () => {
  const github = await started();
  const octokit = await installed(github);
  await octokit.rest.repos.get(target);
  const { data } = await (await probotOf(github).auth()).rest.apps.createInstallationAccessToken({
    installation_id: github.installationId,
  });
  const authorization = `token ${data.token}`;
  expect((await fetch(`${github.url}/repos/acme/models`, { headers: { authorization } })).status).toBe(200);
  github.expireTokens();
  expect((await fetch(`${github.url}/repos/acme/models`, { headers: { authorization } })).status).toBe(401);
});

test('tokens live as long as asked for', async () => {
  const github = await started({ tokenSeconds: 5 });
  const before = Date.now();
  const { data } = await (await probotOf(github).auth()).rest.apps.createInstallationAccessToken({
    installation_id: github.installationId,
  });
  expect(Date.parse(data.expires_at) - before).toBeLessThan(6_000);
});

test('requests without a token, and with a wrong key, are refused', async () => {
  const github = await started();
  expect((await fetch(`${github.url}/repos/acme/models`)).status).toBe(401);
  const other = await startGitHub({ webhookSecret: SECRET });
  cleanups.push(() => other.close());
  const stranger = new Probot({
    appId: github.appId,
    privateKey: other.privateKey,
    secret: SECRET,
    baseUrl: github.url,
    logLevel: 'fatal',
    Octokit: UnthrottledOctokit,
  });
  await expect((await stranger.auth()).rest.apps.getAuthenticated()).rejects.toMatchObject({ status: 401 });
});

test('what the manifest does not allow is refused', async () => {
  const github = await started();
  const octokit = await installed(github);
  const blob = octokit.request('POST /repos/{owner}/{repo}/git/blobs', { ...target, content: 'x' });
  await expect(blob).rejects.toMatchObject({ status: 404 });
  const merge = octokit.request('PUT /repos/{owner}/{repo}/pulls/{n}/merge', { ...target, n: 1 });
  await expect(merge).rejects.toMatchObject({ status: 404 });
});

test('check runs keep GitHub’s limits', async () => {
  const github = await started();
  const octokit = await installed(github);
  const head_sha = await github.branchHead(repo, 'main');
  const create = (more: object) => octokit.rest.checks.create({ ...target, name: 'x', head_sha, ...more });
  const refused = (more: object) => expect(create(more)).rejects.toMatchObject({ status: 422 });
  const annotation = { path: 'a', start_line: 1, end_line: 1, annotation_level: 'failure', message: 'm' };
  const action = { label: 'l', description: 'd', identifier: 'i' };

  await refused({ output: { title: 't', summary: 'é'.repeat(32_768) } });
  await refused({ output: { title: 't', summary: 's', text: 'x'.repeat(65_536) } });
  await refused({ output: { title: 't', summary: 's', annotations: Array(51).fill(annotation) } });
  await refused({
    output: { title: 't', summary: 's', annotations: [{ ...annotation, end_line: 2, start_column: 1 }] },
  });
  await refused({ actions: Array(4).fill(action) });
  await refused({ actions: [{ ...action, label: 'x'.repeat(21) }] });
  await refused({ actions: [{ ...action, description: 'x'.repeat(41) }] });
  await refused({ actions: [{ ...action, identifier: 'x'.repeat(21) }] });
  await refused({ status: 'completed' });
  await refused({ head_sha: '0'.repeat(40) });
  await refused({ name: '' });
  expect(await github.checks(repo, head_sha)).toEqual([]);

  const { data } = await create({ conclusion: 'success', actions: [action], output: { title: 't', summary: 's' } });
  expect(data).toMatchObject({ status: 'completed', conclusion: 'success', app: { id: github.appId } });
});

test('annotations are appended, and listing pages by app and name', async () => {
  const github = await started();
  const octokit = await installed(github);
  const head_sha = await github.branchHead(repo, 'main');
  const annotation = { path: 'a', start_line: 1, end_line: 1, annotation_level: 'notice' as const, message: 'm' };
  const output = { title: 't', summary: 's', annotations: Array(50).fill(annotation) };
  const { data } = await octokit.rest.checks.create({ ...target, name: 'x', head_sha, output });
  await octokit.rest.checks.update({ ...target, check_run_id: data.id, output });
  await octokit.rest.checks.create({ ...target, name: 'x', head_sha, external_id: 'second' });
  await github.createForeignCheck(repo, { headSha: head_sha, name: 'x', externalId: '' });

  const list = (more: object) => octokit.rest.checks.listForRef({ ...target, ref: head_sha, ...more });
  expect((await list({})).data.total_count).toBe(2);
  expect((await list({ filter: 'all' })).data.total_count).toBe(3);
  expect((await list({ filter: 'all', app_id: github.appId })).data.total_count).toBe(2);
  expect((await list({ filter: 'all', per_page: 1, page: 2 })).data.check_runs).toHaveLength(1);
  const [first] = await github.checks(repo, head_sha);
  expect(first?.annotations).toHaveLength(100);
});

test('a push to a pull request’s branch is announced as synchronize and changes its files', async () => {
  const github = await started();
  const octokit = await installed(github);
  const pull = await github.openPullRequest(repo, { title: 'Add', branch: 'add', files: { a: '1' } });
  const sha = await github.pushToPullRequest(repo, pull.number, { 'models.yaml': null, 'd/b': '2' });
  const { data } = await octokit.rest.pulls.get({ ...target, pull_number: pull.number });
  expect(data.head).toMatchObject({ sha, ref: 'add', repo: { full_name: 'acme/models' } });
  const files = await octokit.rest.pulls.listFiles({ ...target, pull_number: pull.number });
  expect(files.data.map((file) => [file.filename, file.status])).toEqual([
    ['a', 'added'],
    ['d/b', 'added'],
    ['models.yaml', 'removed'],
  ]);
  const actions = github.deliveries.filter((d) => d.event === 'pull_request').map((d) => d.action);
  expect(actions).toEqual(['opened', 'synchronize']);
  const [suite] = (await octokit.rest.checks.create({ ...target, name: 'x', head_sha: sha })).data.pull_requests;
  expect(suite).toMatchObject({ number: pull.number });
});

test('a merge joins what both sides changed and pushes to the base', async () => {
  const github = await started();
  const octokit = await installed(github);
  const pull = await github.openPullRequest(repo, { title: 'Add', branch: 'add', files: { a: '1' } });
  await github.commitFiles(repo, 'main', { b: '2' });
  const sha = await github.mergePullRequest(repo, pull.number);
  const tree = await octokit.rest.git.getTree({ ...target, tree_sha: sha });
  expect(tree.data.tree.map((entry) => entry.path).sort()).toEqual(['README.md', 'a', 'b', 'models.yaml']);
  const { data } = await octokit.rest.pulls.get({ ...target, pull_number: pull.number });
  expect(data).toMatchObject({ state: 'closed', merged: true, merge_commit_sha: sha });
  expect(github.deliveries.slice(-2).map((d) => [d.event, d.action])).toEqual([
    ['pull_request', 'closed'],
    ['push', null],
  ]);
});

test('a fork’s commits are readable in the base repository, its branch is not', async () => {
  const github = await started();
  github.addUser('mallory', 'none');
  const octokit = await installed(github);
  const pull = await github.createForkPullRequest(repo, {
    title: 'Mine',
    branch: 'mine',
    files: { 'models.yaml': 'x' },
    author: 'mallory',
  });
  const { data } = await octokit.rest.pulls.get({ ...target, pull_number: pull.number });
  expect(data.head.repo).toMatchObject({ full_name: 'mallory/models', fork: true });
  expect(data.head.repo?.id).not.toBe(data.base.repo.id);
  await octokit.rest.git.getCommit({ ...target, commit_sha: pull.headSha });
  await expect(octokit.rest.repos.getBranch({ ...target, branch: 'mine' })).rejects.toMatchObject({ status: 404 });
  const next = await github.pushToPullRequest(repo, pull.number, { x: '1' });
  expect((await octokit.rest.pulls.get({ ...target, pull_number: pull.number })).data.head.sha).toBe(next);
  const { data: check } = await octokit.rest.checks.create({ ...target, name: 'x', head_sha: next });
  expect(check.pull_requests).toEqual([]);
  github.deleteFork(repo, pull.number);
  expect((await octokit.rest.pulls.get({ ...target, pull_number: pull.number })).data.head.repo).toBeNull();
});

test('permissions tell levels apart and know strangers', async () => {
  const github = await started();
  github.addUser('reader', 'read');
  github.addUser('custom', 'write', { roleName: 'model-keeper' });
  const octokit = await installed(github);
  const get = async (username: string) =>
    (await octokit.rest.repos.getCollaboratorPermissionLevel({ ...target, username })).data;
  expect(await get('alice')).toMatchObject({ permission: 'write', user: { permissions: { push: true } } });
  expect(await get('reader')).toMatchObject({ permission: 'read', user: { permissions: { push: false } } });
  expect(await get('custom')).toMatchObject({ role_name: 'model-keeper', user: { permissions: { push: true } } });
  await expect(get('nobody')).rejects.toMatchObject({ status: 404 });
});

test('comments are announced with their issue, take reactions, and show edits', async () => {
  const github = await started();
  const octokit = await installed(github);
  const { number } = await github.openPullRequest(repo, { title: 'Add', branch: 'add', files: { a: '1' } });
  const id = await github.comment(repo, number, 'alice', '/rebuild all');
  const event = JSON.parse(github.deliveries.at(-1)?.body ?? '{}');
  expect(event).toMatchObject({
    action: 'created',
    issue: { number, pull_request: {} },
    comment: { id, body: '/rebuild all', user: { login: 'alice', type: 'User' } },
    installation: { id: github.installationId },
  });
  const reaction = { ...target, comment_id: id, content: 'eyes' as const };
  expect((await octokit.rest.reactions.createForIssueComment(reaction)).status).toBe(201);
  expect((await octokit.rest.reactions.createForIssueComment(reaction)).status).toBe(200);
  const before = (await octokit.rest.issues.getComment({ ...target, comment_id: id })).data;
  expect(before.updated_at).toBe(before.created_at);
  await github.editComment(repo, id, 'alice', '/rebuild tiny');
  const after = (await octokit.rest.issues.getComment({ ...target, comment_id: id })).data;
  expect(after.updated_at).not.toBe(after.created_at);
  expect(await github.comments(repo, number)).toMatchObject([{ body: '/rebuild tiny', reactions: ['eyes'] }]);
  const tooLong = { ...target, issue_number: number, body: 'x'.repeat(65_537) };
  await expect(octokit.rest.issues.createComment(tooLong)).rejects.toMatchObject({ status: 422 });
  await github.deleteComment(repo, id, 'alice');
  await expect(octokit.rest.issues.getComment({ ...target, comment_id: id })).rejects.toMatchObject({ status: 404 });
});

test('a check’s button is announced only when the check offers it', async () => {
  const github = await started();
  const octokit = await installed(github);
  const head_sha = await github.branchHead(repo, 'main');
  const actions = [{ label: 'Approve', description: 'Build it', identifier: 'approve' }];
  const { data } = await octokit.rest.checks.create({ ...target, name: 'x', head_sha, actions });
  await expect(github.requestAction(repo, data.id, 'other', 'alice')).rejects.toThrow('offers no action');
  await github.requestAction(repo, data.id, 'approve', 'alice');
  await github.rerequestCheck(repo, data.id, 'alice');
  expect(github.deliveries.slice(-2).map((d) => d.action)).toEqual(['requested_action', 'rerequested']);
  expect(JSON.parse(github.deliveries.at(-2)?.body ?? '{}')).toMatchObject({
    requested_action: { identifier: 'approve' },
    check_run: { id: data.id, head_sha, app: { id: github.appId } },
    sender: { login: 'alice' },
  });
});

test('a merge queue announces its commit', async () => {
  const github = await started();
  const { number } = await github.openPullRequest(repo, { title: 'Add', branch: 'add', files: { a: '1' } });
  const head_sha = await github.enqueue(repo, number);
  expect(JSON.parse(github.deliveries.at(-1)?.body ?? '{}')).toMatchObject({
    action: 'checks_requested',
    merge_group: { head_sha, base_ref: 'refs/heads/main' },
  });
});

test('a fault answers once, and may come after the deed', async () => {
  const github = await started();
  const octokit = await installed(github);
  const head_sha = await github.branchHead(repo, 'main');
  github.faults.add({ method: 'POST', path: /check-runs$/, answer: { status: 502 }, afterwards: true });
  const create = () => octokit.rest.checks.create({ ...target, name: 'x', head_sha });
  await expect(create()).rejects.toMatchObject({ status: 502 });
  expect(await github.checks(repo, head_sha)).toHaveLength(1);
  github.faults.add({ path: /check-runs$/, answer: 'disconnect' });
  await expect(create()).rejects.toThrow();
  await create();
  expect(await github.checks(repo, head_sha)).toHaveLength(2);
});

test('contents over a mebibyte come without their content', async () => {
  const github = await started();
  const octokit = await installed(github);
  await github.commitFiles(repo, 'main', { big: 'x'.repeat(1024 * 1024 + 1) });
  const { data } = await octokit.rest.repos.getContent({ ...target, path: 'big' });
  expect(data).toMatchObject({ encoding: 'none', content: '' });
});
