import { afterAll, beforeAll, expect, test } from 'vitest';
import type { GitHub } from '../../../src/github/types.ts';
import { clientFor, type GitHubStandIn, startGitHub } from '../../support/github/index.ts';

const repo = { owner: 'acme', name: 'models' };
let github: GitHubStandIn;
let client: GitHub;

beforeAll(async () => {
  github = await startGitHub({ webhookSecret: 'secret' });
  github.addUser('alice', 'write');
  await github.createRepo(repo, { files: { 'models.yaml': 'models: []\n' } });
  client = await clientFor(github);
});
afterAll(() => github.close());

const open = (branch: string) =>
  github.openPullRequest(repo, { title: `Add ${branch}`, branch, files: { [branch]: '1' }, author: 'alice' });

test('a commit’s time is its committer’s', async () => {
  const date = Date.parse('2031-02-03T04:05:06Z');
  const sha = await github.commitFiles(repo, 'dated', { a: '1' }, { date });
  expect(await client.commitTime(repo, sha)).toBe(date);
  await expect(client.commitTime(repo, 'f'.repeat(40))).rejects.toMatchObject({ retryable: false });
});

test.each(['merge', 'squash'] as const)(
  'a commit of the default branch names the pull request it came with: %s',
  async (method) => {
    const { number, headSha } = await open(`by-${method}`);
    const direct = await github.branchHead(repo, 'main');
    expect(await client.mergedPulls(repo, direct)).not.toContain(number);
    expect((await client.pullRequest(repo, number)).mergeSha).toBeNull();

    const sha = await github.mergePullRequest(repo, number, 'maintainer', method);
    expect(sha).not.toBe(headSha);
    expect(await client.branchHead(repo, 'main')).toBe(sha);
    expect(await client.mergedPulls(repo, sha)).toEqual([number]);
    expect(await client.pullRequest(repo, number)).toMatchObject({ merged: true, state: 'closed', mergeSha: sha });
    expect(await client.fileAt(repo, sha, `by-${method}`, 10)).toMatchObject({ kind: 'file' });
  },
);

test('neither open pull requests, nor direct pushes, nor those merged elsewhere are named', async () => {
  const { headSha } = await open('waiting');
  expect(await client.mergedPulls(repo, headSha)).toEqual([]);
  const pushed = await github.commitFiles(repo, 'main', { direct: '1' });
  expect(await client.mergedPulls(repo, pushed)).toEqual([]);

  await github.commitFiles(repo, 'next', { n: '1' });
  const fields = { title: 'Elsewhere', branch: 'elsewhere', base: 'next', files: { e: '1' } };
  const { number } = await github.openPullRequest(repo, fields);
  expect(await client.mergedPulls(repo, await github.mergePullRequest(repo, number))).toEqual([]);
});

test('a merge is told by a push of the base branch and by the closed pull request', async () => {
  const { number } = await open('told');
  const seen = github.deliveries.length;
  const sha = await github.mergePullRequest(repo, number, 'alice', 'squash');
  const told = github.deliveries.slice(seen).map(({ event, body }) => ({ event, payload: JSON.parse(body) }));
  expect(told).toMatchObject([
    { event: 'pull_request', payload: { action: 'closed', pull_request: { merged: true, merge_commit_sha: sha } } },
    { event: 'push', payload: { ref: 'refs/heads/main', after: sha } },
  ]);
});

test('names resolve to commits: branches, tags, annotated tags, a tag before a branch', async () => {
  const main = await github.branchHead(repo, 'main');
  const other = await github.commitFiles(repo, 'v3', { v: '3' });
  await github.createTag(repo, 'v1', main);
  await github.createTag(repo, 'v2', main, { annotated: true });
  await github.createTag(repo, 'v3', main);
  expect(await client.resolveRef(repo, 'main')).toBe(main);
  expect(await client.resolveRef(repo, 'v1')).toBe(main);
  expect(await client.resolveRef(repo, 'v2')).toBe(main);
  expect(await client.resolveRef(repo, 'v3')).toBe(main);
  expect(await client.resolveRef(repo, 'refs/heads/v3')).toBe(other);
  expect(await client.resolveRef(repo, 'refs/tags/main')).toBeNull();
  expect(await client.resolveRef(repo, 'v4')).toBeNull();
});
