import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { GitHub } from '../../../src/github/types.ts';
import { clientFor, type GitHubStandIn, probotFor, startGitHub } from '../../support/github/index.ts';

let github: GitHubStandIn;
let client: GitHub;
let repo = { owner: 'acme', name: 'models' };
let repositories = 0;

beforeAll(async () => {
  github = await startGitHub({ webhookSecret: 'secret' });
  github.addUser('alice', 'write');
  client = await clientFor(github);
});
beforeEach(async () => {
  github.faults.clear();
  repositories += 1;
  repo = { owner: 'acme', name: `models-${repositories}` };
  await github.createRepo(repo);
});
afterAll(() => github.close());

const wanted = { title: 'Findings in qwen', body: 'One finding', open: true };
const writes = () =>
  github.requests.filter(({ method, path }) => method !== 'GET' && path.includes(`${repo.name}/issues`));

test('an issue is one for its marker: opened once, rewritten where it differs, closed and opened again', async () => {
  const number = await client.upsertIssue(repo, 'rescan qwen', wanted);
  expect(await client.upsertIssue(repo, 'rescan qwen', wanted)).toBe(number);
  expect(writes()).toHaveLength(1);
  const [opened] = await github.issues(repo);
  expect(opened).toMatchObject({
    number,
    title: 'Findings in qwen',
    state: 'open',
    author: 'model-image-publisher[bot]',
  });
  expect(opened?.body).toContain('One finding');

  await client.upsertIssue(repo, 'rescan qwen', { ...wanted, body: 'Two findings' });
  await client.upsertIssue(repo, 'rescan qwen', { title: 'Clean', body: 'None', open: false });
  expect(await github.issues(repo)).toMatchObject([{ title: 'Clean', state: 'closed' }]);
  await client.upsertIssue(repo, 'rescan qwen', wanted);
  expect(await github.issues(repo)).toMatchObject([{ number, title: wanted.title, state: 'open' }]);
  expect(writes()).toHaveLength(4);
});

test('one to be closed that was never opened is left so', async () => {
  expect(await client.upsertIssue(repo, 'rescan qwen', { ...wanted, open: false })).toBeNull();
  expect(await github.issues(repo)).toEqual([]);
});

test('one that somebody closed or renamed is put right', async () => {
  const number = await client.upsertIssue(repo, 'rescan qwen', wanted);
  await github.closeIssue(repo, number ?? 0, 'alice');
  expect(await client.upsertIssue(repo, 'rescan qwen', wanted)).toBe(number);
  expect(await github.issues(repo)).toMatchObject([{ state: 'open' }]);
});

test('the marker counts in our own issues only, and not in pull requests', async () => {
  const first = await client.upsertIssue(repo, 'a', wanted);
  const body = (await github.issues(repo))[0]?.body ?? '';
  const copied = await github.openIssue(repo, 'alice', {
    title: 'Mine',
    body: body.replace('publisher:a ', 'publisher:b '),
  });
  const files = { 'models.yaml': 'models: []\n' };
  await github.openPullRequest(repo, { title: 'Pull', branch: 'b', files, body });
  const second = await client.upsertIssue(repo, 'b', wanted);
  expect(new Set([first, copied, second]).size).toBe(3);
  expect(await client.upsertIssue(repo, 'a', wanted)).toBe(first);
});

test('it is found on a later page of the list', async () => {
  const first = await client.upsertIssue(repo, 'marker 0', wanted);
  const octokit = await probotFor(github).auth(github.installationId);
  for (let n = 1; n <= 100; n += 1) {
    await octokit.rest.issues.create({ owner: repo.owner, repo: repo.name, title: `Another ${n}` });
  }
  expect(await client.upsertIssue(repo, 'marker 0', { ...wanted, body: 'New' })).toBe(first);
  expect(await github.issues(repo)).toHaveLength(101);
}, 20_000);

test.each([false, true])(
  'after a lost answer it is looked for before it is opened again (carried out: %s)',
  async (afterwards) => {
    github.faults.add({ method: 'POST', path: /\/issues$/, answer: { status: 502, body: {} }, afterwards });
    const number = await client.upsertIssue(repo, 'rescan qwen', wanted);
    expect(await github.issues(repo)).toMatchObject([{ number }]);
  },
);

test('two at a time make one', async () => {
  const [a, b] = await Promise.all([
    client.upsertIssue(repo, 'rescan qwen', wanted),
    client.upsertIssue(repo, 'rescan qwen', wanted),
  ]);
  expect(a).toBe(b);
  expect(await github.issues(repo)).toHaveLength(1);
});

test('title and text are cut to what GitHub takes', async () => {
  await client.upsertIssue(repo, 'long', { title: 'x'.repeat(300), body: 'y'.repeat(70_000), open: true });
  const [issue] = await github.issues(repo);
  expect(issue?.title).toHaveLength(256);
  expect(issue?.body).toContain('truncated');
});

test('on an issue one can comment and reply as on a pull request', async () => {
  const number = await github.openIssue(repo, 'alice', { title: 'Ship it', body: '' });
  const id = await github.comment(repo, number, 'alice', '/release v1.0.0');
  expect(await client.comment(repo, id)).toMatchObject({ issueNumber: number, body: '/release v1.0.0' });
  await client.reply(repo, number, 'Done');
  expect(await github.comments(repo, number)).toHaveLength(2);
});
