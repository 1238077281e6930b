import { expect, test } from 'vitest';
import { PublisherError } from '../../../src/errors.ts';
import type { CheckRun } from '../../../src/github/types.ts';
import { createFakeGitHub } from '../../support/github/fake.ts';

const repo = { owner: 'acme', name: 'models' };
const head = 'a'.repeat(40);
const base = 'b'.repeat(40);
const run: CheckRun = {
  status: 'queued',
  headSha: head,
  name: 'model-images',
  externalId: 'pr-1',
  title: 'Waiting',
  summary: 'Waiting',
  annotations: [],
  actions: [],
};

function prepared() {
  const github = createFakeGitHub();
  github.addCommit(head, { 'models.yaml': 'models: []' });
  github.addCommit(base, {});
  github.addPullRequest({ number: 1, headSha: head, baseSha: base });
  return github;
}

test('files belong to their commit, and commits not added are unknown', async () => {
  const github = prepared();
  expect(await github.fileAt(repo, head, 'models.yaml', 100)).toEqual({ kind: 'file', text: 'models: []', bytes: 10 });
  expect(await github.fileAt(repo, base, 'models.yaml', 100)).toEqual({ kind: 'absent' });
  expect(await github.fileAt(repo, head, 'models.yaml', 9)).toMatchObject({ kind: 'invalid' });
  await expect(github.fileAt(repo, 'c'.repeat(40), 'models.yaml', 9)).rejects.toMatchObject({ retryable: false });
  await expect(github.repository({ owner: 'other', name: 'models' })).rejects.toThrow('other/models');
});

test('a check is one for its identity, and what GitHub refuses is refused', async () => {
  const github = prepared();
  const id = await github.upsertCheck(repo, run);
  expect(await github.upsertCheck(repo, { ...run, status: 'completed', conclusion: 'success' })).toBe(id);
  expect(github.checks).toMatchObject([{ id, status: 'completed' }]);
  expect(github.checkHistory).toHaveLength(2);
  const annotation = { path: 'models.yaml', startLine: 0, endLine: 1, level: 'failure' as const, message: 'm' };
  await expect(github.upsertCheck(repo, { ...run, annotations: [annotation] })).rejects.toThrow('lines 0 to 1');
  await expect(github.upsertCheck(repo, { ...run, summary: '' })).rejects.toThrow('without title or summary');
  await expect(github.upsertCheck(repo, { ...run, headSha: 'c'.repeat(40) })).rejects.toThrow('no commit');
  const button = { label: 'x'.repeat(21), description: 'd', identifier: 'i' };
  await expect(github.upsertCheck(repo, { ...run, actions: [button] })).rejects.toMatchObject({ code: 'internal' });
});

test('the sticky comment is one a marker, and writing the same is no write', async () => {
  const github = prepared();
  const id = await github.upsertComment(repo, 1, 'review', 'Hello');
  await github.upsertComment(repo, 1, 'review', 'Hello');
  expect(github.comments).toMatchObject([{ id, writes: 1, authorLogin: 'model-image-publisher[bot]' }]);
  await github.upsertComment(repo, 1, 'review', 'Other');
  expect(github.comments).toMatchObject([{ id, writes: 2 }]);
  expect(await github.reply(repo, 1, 'Done')).not.toBe(id);
});

test('comments are edited, reacted to and deleted', async () => {
  const github = prepared();
  github.setPermission('Alice', true);
  expect([await github.permission(repo, 'alice'), await github.permission(repo, 'bob')]).toEqual([true, false]);
  const id = github.addComment({ issueNumber: 1, authorLogin: 'alice', body: '/rebuild all', edited: true });
  const comment = await github.comment(repo, id);
  expect(comment?.createdAt).not.toBe(comment?.updatedAt);
  await github.react(repo, id, 'eyes');
  expect(github.comments).toMatchObject([{ reactions: ['eyes'] }]);
  github.deleteComment(id);
  expect(await github.comment(repo, id)).toBeNull();
});

test('a failure comes as often as asked, before or after the deed', async () => {
  const github = prepared();
  const error = new PublisherError('github-unavailable', 'down');
  github.failNext('upsertCheck', error, { afterwards: true });
  await expect(github.upsertCheck(repo, run)).rejects.toBe(error);
  expect(github.checks).toHaveLength(1);
  github.failNext('pullRequest', error, { times: 2 });
  await expect(github.pullRequest(repo, 1)).rejects.toBe(error);
  await expect(github.pullRequest(repo, 1)).rejects.toBe(error);
  expect(await github.pullRequest(repo, 1)).toMatchObject({ number: 1, headSha: head });
  expect(github.calls.map((call) => call.method)).toEqual(['upsertCheck', 'pullRequest', 'pullRequest', 'pullRequest']);
});

test('issues, releases, tags and merged pull requests are those of the client', async () => {
  const github = prepared();
  const wanted = { title: 'Findings', body: 'One', open: true };
  expect(await github.upsertIssue(repo, 'm', { ...wanted, open: false })).toBeNull();
  const number = await github.upsertIssue(repo, 'm', wanted);
  expect(await github.upsertIssue(repo, 'm', wanted)).toBe(number);
  await github.upsertIssue(repo, 'm', { ...wanted, open: false });
  expect(github.issues).toMatchObject([{ number, open: false, writes: 2 }]);
  await github.reply(repo, number ?? 0, 'Hello');
  await expect(github.reply(repo, 77, 'Hello')).rejects.toThrow('issue 77');

  const { id } = github.addRelease({ tag: 'v1' });
  github.addRelease({ tag: 'v2', draft: true });
  await github.writeRelease(repo, id, 'Notes');
  expect([await github.release(repo, 'v1'), await github.release(repo, 'v2')]).toMatchObject([{ body: 'Notes' }, null]);

  github.setBranch('main', base);
  github.setTag('v1', head);
  const refs = ['main', 'v1', 'refs/heads/v1', 'refs/tags/v1'];
  expect(await Promise.all(refs.map((ref) => github.resolveRef(repo, ref)))).toEqual([base, head, null, head]);

  github.changePullRequest(1, { state: 'closed', merged: true, mergeSha: base });
  expect(await github.mergedPulls(repo, base)).toEqual([1]);
  github.addCommit(head, {}, 1_000);
  expect(await github.commitTime(repo, head)).toBe(1_000);
});
