import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import type { GitHub } from '../../../src/github/types.ts';
import { clientFor, type GitHubStandIn, startGitHub } from '../../support/github/index.ts';

const repo = { owner: 'acme', name: 'models' };
let github: GitHubStandIn;
let client: GitHub;

beforeAll(async () => {
  github = await startGitHub({ webhookSecret: 'secret' });
  github.addUser('alice', 'write');
  await github.createRepo(repo);
  client = await clientFor(github);
});
afterEach(() => github.setPermission('contents', 'write'));
afterAll(() => github.close());

test('a release is read by its tag, whose commit it makes where there is none', async () => {
  const id = await github.createRelease(repo, { tag: 'v1.0.0', body: 'First', author: 'alice' });
  expect(await client.release(repo, 'v1.0.0')).toEqual({
    id,
    tag: 'v1.0.0',
    draft: false,
    prerelease: false,
    body: 'First',
    authorLogin: 'alice',
  });
  expect(await client.resolveRef(repo, 'refs/tags/v1.0.0')).toBe(await github.branchHead(repo, 'main'));
  expect(await client.release(repo, 'v9')).toBeNull();
});

test('publishing one is told, a draft is neither told as published nor found', async () => {
  const seen = github.deliveries.length;
  await github.createRelease(repo, { tag: 'v1.1.0', prerelease: true });
  await github.createRelease(repo, { tag: 'models/v2', draft: true });
  const told = github.deliveries.slice(seen).filter(({ event }) => event === 'release');
  expect(told.map(({ action }) => action)).toEqual(['created', 'published', 'prereleased', 'created']);
  expect(await client.release(repo, 'models/v2')).toBeNull();
  await github.createRelease(repo, { tag: 'models/v3' });
  expect(await client.release(repo, 'models/v3')).toMatchObject({ tag: 'models/v3' });
});

test('its text is replaced, cut to what GitHub takes, and nothing else', async () => {
  const id = await github.createRelease(repo, { tag: 'v1.2.0', body: 'Mine', author: 'alice' });
  await client.writeRelease(repo, id, 'Mine\n\nNotes');
  expect(await client.release(repo, 'v1.2.0')).toMatchObject({
    body: 'Mine\n\nNotes',
    authorLogin: 'alice',
    draft: false,
  });
  await client.writeRelease(repo, id, 'x'.repeat(130_000));
  expect((await client.release(repo, 'v1.2.0'))?.body).toMatch(/truncated$/);
});

test('without contents: write the text is denied, reading goes on', async () => {
  const id = await github.createRelease(repo, { tag: 'v1.3.0', body: 'Mine' });
  github.setPermission('contents', 'read');
  expect(await client.release(repo, 'v1.3.0')).toMatchObject({ id });
  await expect(client.writeRelease(repo, id, 'Ours')).rejects.toMatchObject({ code: 'denied' });
  expect(await client.release(repo, 'v1.3.0')).toMatchObject({ body: 'Mine' });
});
