import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { CheckRun, Conclusion, GitHub } from '../../../src/github/types.ts';
import { clientFor, type GitHubStandIn, startGitHub } from '../../support/github/index.ts';

const repo = { owner: 'acme', name: 'models' };
let github: GitHubStandIn;
let client: GitHub;
let main: string;
let branches = 0;

beforeAll(async () => {
  github = await startGitHub({ webhookSecret: 'secret' });
  github.addUser('alice', 'write');
  github.addUser('reader', 'read');
  github.addUser('mallory', 'none');
  ({ sha: main } = await github.createRepo(repo, { files: { 'models.yaml': 'models: []\n' } }));
  client = await clientFor(github);
});
beforeEach(() => github.faults.clear());
afterAll(() => github.close());

/** A commit nobody else uses. */
const commit = (files: Parameters<GitHubStandIn['commitFiles']>[2] = {}) => {
  branches += 1;
  return github.commitFiles(repo, `branch-${branches}`, { n: String(branches), ...files });
};
const open = async () => {
  branches += 1;
  return github.openPullRequest(repo, {
    title: 'Add',
    branch: `pull-${branches}`,
    files: { n: String(branches) },
    author: 'alice',
  });
};

describe('pull requests and repositories', () => {
  test('are read as plain data', async () => {
    const { number, headSha } = await open();
    expect(await client.pullRequest(repo, number)).toMatchObject({
      number,
      state: 'open',
      merged: false,
      headSha,
      baseRef: 'main',
      baseSha: main,
      authorLogin: 'alice',
      authorType: 'User',
    });
    const facts = await client.repository(repo);
    expect(facts).toMatchObject({ ...repo, defaultBranch: 'main', private: false });
    expect((await client.pullRequest(repo, number)).headRepoId).toBe(facts.id);
  });

  test('of a fork have another head repository, of a deleted one none', async () => {
    const fields = { title: 'Mine', branch: 'mine', files: { a: '1' }, author: 'mallory' };
    const { number } = await github.createForkPullRequest(repo, fields);
    const pull = await client.pullRequest(repo, number);
    expect(pull.headRepoId).not.toBe(pull.baseRepoId);
    github.deleteFork(repo, number);
    expect((await client.pullRequest(repo, number)).headRepoId).toBeNull();
  });

  test('the merge base is where the branches parted', async () => {
    const { headSha } = await open();
    expect(await client.mergeBase(repo, 'main', headSha)).toBe(main);
    expect(await client.branchHead(repo, 'main')).toBe(main);
  });

  test('what is not there fails for good, naming what was asked', async () => {
    await expect(client.pullRequest(repo, 4711)).rejects.toMatchObject({
      code: 'github-unavailable',
      retryable: false,
      message: expect.stringContaining('acme/models#4711'),
    });
  });
});

describe('files', () => {
  test('are read at their commit, in folders too', async () => {
    const sha = await commit({ 'a/b/models.yaml': 'é\n' });
    expect(await client.fileAt(repo, sha, 'a/b/models.yaml', 100)).toEqual({ kind: 'file', text: 'é\n', bytes: 3 });
    expect(await client.fileAt(repo, main, 'a/b/models.yaml', 100)).toEqual({ kind: 'absent' });
    expect(await client.fileAt(repo, sha, 'models.yaml/x', 100)).toEqual({ kind: 'absent' });
  });

  test('that cannot be used say why and are never empty', async () => {
    const sha = await commit({
      link: { symlink: 'models.yaml' },
      module: { submodule: 'a'.repeat(40) },
      'folder/x': '1',
      big: 'x'.repeat(1024 * 1024 + 1),
      binary: new Uint8Array([0xff, 0xfe, 0x00]),
    });
    const reason = async (path: string) => client.fileAt(repo, sha, path, 1024 * 1024);
    expect(await reason('link')).toMatchObject({ kind: 'invalid', reason: expect.stringContaining('symbolic link') });
    expect(await reason('module')).toMatchObject({ kind: 'invalid', reason: expect.stringContaining('submodule') });
    expect(await reason('folder')).toMatchObject({ kind: 'invalid', reason: expect.stringContaining('directory') });
    expect(await reason('big')).toMatchObject({ kind: 'invalid', reason: expect.stringContaining('1048577 bytes') });
    expect(await reason('binary')).toMatchObject({ kind: 'invalid', reason: expect.stringContaining('UTF-8') });
  });

  test('over GitHub’s megabyte are read when the caller allows them', async () => {
    const text = 'x'.repeat(1024 * 1024 + 1);
    const sha = await commit({ big: text });
    expect(await client.fileAt(repo, sha, 'big', 2 * 1024 * 1024)).toMatchObject({ kind: 'file', text });
  });
});

describe('people and comments', () => {
  test('only who may push has permission', async () => {
    github.addUser('keeper', 'write', { roleName: 'model-keeper' });
    const may = (login: string) => client.permission(repo, login);
    expect(await Promise.all(['alice', 'keeper', 'reader', 'mallory', 'nobody'].map(may))).toEqual([
      true,
      true,
      false,
      false,
      false,
    ]);
  });

  test('a comment is read with its author and issue, a deleted one is null', async () => {
    const { number } = await open();
    const id = await github.comment(repo, number, 'alice', '/rebuild all');
    const comment = await client.comment(repo, id);
    expect(comment).toMatchObject({ id, body: '/rebuild all', authorLogin: 'alice', issueNumber: number });
    expect(comment?.createdAt).toBe(comment?.updatedAt);
    await client.react(repo, id, 'eyes');
    await client.react(repo, id, 'eyes');
    expect(await github.comments(repo, number)).toMatchObject([{ reactions: ['eyes'] }]);
    await github.deleteComment(repo, id, 'alice');
    expect(await client.comment(repo, id)).toBeNull();
    await client.react(repo, id, 'rocket');
  });
});

type Details = Partial<Omit<CheckRun, 'status' | 'conclusion'>>;
const check = (headSha: string, details: Details = {}, conclusion?: Conclusion): CheckRun => ({
  headSha,
  name: 'tiny · slim',
  externalId: 'pr-1:tiny:slim',
  title: 'Building',
  summary: 'Step 1',
  annotations: [],
  actions: [],
  ...details,
  ...(conclusion === undefined ? { status: 'in_progress' } : { status: 'completed', conclusion }),
});
const annotations = (count: number): CheckRun['annotations'] =>
  Array.from({ length: count }, (_, index) => ({
    path: 'models.yaml',
    startLine: index + 1,
    endLine: index + 1,
    startColumn: 3,
    level: 'failure',
    message: `Problem ${index + 1}`,
  }));

describe('checks', () => {
  test('are created once and then updated, with or without the id', async () => {
    const sha = await commit();
    const id = await client.upsertCheck(repo, check(sha));
    const again = await client.upsertCheck(repo, check(sha, {}, 'neutral'));
    expect(again).toBe(id);
    expect(await client.upsertCheck(repo, check(sha, { id, title: 'Again' }))).toBe(id);
    expect(await github.checks(repo, sha)).toMatchObject([{ id, status: 'in_progress', title: 'Again' }]);
    expect(await github.checks(repo, sha)).toHaveLength(1);
  });

  test('of another external id or another App are left alone', async () => {
    const sha = await commit();
    const run = check(sha);
    const foreign = await github.createForeignCheck(repo, { headSha: sha, name: run.name, externalId: run.externalId });
    const first = await client.upsertCheck(repo, run);
    const second = await client.upsertCheck(repo, check(sha, { externalId: 'other', id: foreign }));
    expect(new Set([foreign, first, second]).size).toBe(3);
    expect(await client.upsertCheck(repo, run)).toBe(first);
  });

  test('asked for at once become one', async () => {
    const sha = await commit();
    const ids = await Promise.all(Array.from({ length: 5 }, () => client.upsertCheck(repo, check(sha))));
    expect(new Set(ids).size).toBe(1);
    expect(await github.checks(repo, sha)).toHaveLength(1);
  });

  test.each([
    { answer: { status: 502 }, afterwards: true },
    { answer: 'disconnect' as const, afterwards: true },
    { answer: { status: 502 }, afterwards: false },
  ])('are one after a lost answer ($answer, carried out: $afterwards)', async (fault) => {
    const sha = await commit();
    github.faults.add({ method: 'POST', path: /check-runs$/, ...fault });
    const id = await client.upsertCheck(repo, check(sha, { annotations: annotations(60) }, 'success'));
    const [run, ...others] = await github.checks(repo, sha);
    expect(others).toEqual([]);
    expect(run).toMatchObject({ id, status: 'completed', conclusion: 'success' });
    expect(run?.annotations).toHaveLength(60);
  });

  test('show every annotation once, however many and however often sent', async () => {
    const sha = await commit();
    const run = check(sha, { annotations: annotations(120) }, 'failure');
    await client.upsertCheck(repo, run);
    await client.upsertCheck(repo, run);
    const [shown] = await github.checks(repo, sha);
    expect(shown).toMatchObject({ status: 'completed', conclusion: 'failure' });
    expect(shown?.annotations).toHaveLength(120);
  });

  test('are not concluded before their last annotations arrived', async () => {
    const sha = await commit();
    github.faults.add({ method: 'PATCH', path: /check-runs/, answer: { status: 500 } });
    const run = check(sha, { annotations: annotations(60) }, 'failure');
    await expect(client.upsertCheck(repo, run)).rejects.toMatchObject({ code: 'github-unavailable', retryable: true });
    expect(await github.checks(repo, sha)).toMatchObject([{ status: 'in_progress', conclusion: null }]);
    await client.upsertCheck(repo, run);
    const [shown] = await github.checks(repo, sha);
    expect(shown).toMatchObject({ status: 'completed' });
    expect(shown?.annotations).toHaveLength(60);
  });

  test('cut what is too long, on a character', async () => {
    const sha = await commit();
    await client.upsertCheck(repo, check(sha, { summary: 'é'.repeat(40_000), text: '🙂'.repeat(20_000) }));
    const [run] = await github.checks(repo, sha);
    expect(run?.summary).toMatch(/é\n\n… truncated$/);
    expect(run?.text).toMatch(/🙂\n\n… truncated$/u);
    expect(Buffer.byteLength(run?.summary ?? '')).toBeLessThanOrEqual(65_535);
  });

  test('take buttons away when none are given, and refuse ones GitHub would refuse', async () => {
    const sha = await commit();
    const button = { label: 'Approve', description: 'Build this commit', identifier: 'approve' };
    await client.upsertCheck(repo, check(sha, { actions: [button] }));
    await client.upsertCheck(repo, check(sha));
    expect(await github.checks(repo, sha)).toMatchObject([{ actions: [] }]);
    const long = check(sha, { actions: [{ ...button, label: 'x'.repeat(21) }] });
    await expect(client.upsertCheck(repo, long)).rejects.toMatchObject({ code: 'internal' });
  });
});

describe('the sticky comment', () => {
  test('is one, written again only when it changes', async () => {
    const { number } = await open();
    const id = await client.upsertComment(repo, number, 'review', 'Hello');
    const writes = () => github.requests.filter(({ method, path }) => method !== 'GET' && path.includes('comments'));
    const before = writes().length;
    expect(await client.upsertComment(repo, number, 'review', 'Hello')).toBe(id);
    expect(writes()).toHaveLength(before);
    expect(await client.upsertComment(repo, number, 'review', 'Other')).toBe(id);
    expect(await github.comments(repo, number)).toMatchObject([
      { id, body: expect.stringMatching(/^Other\n\n<!-- .* -->$/) },
    ]);
    expect(await client.upsertComment(repo, number, 'review-two', 'Second')).not.toBe(id);
  });

  test('is not somebody else’s with the same marker, and is found behind many others', async () => {
    const { number } = await open();
    const forged = await github.comment(
      repo,
      number,
      'mallory',
      'Mine\n\n<!-- model-image-publisher:review sha256=0 -->',
    );
    const id = await client.upsertComment(repo, number, 'review', 'Hello');
    expect(id).not.toBe(forged);
    for (let index = 0; index < 101; index += 1) await client.reply(repo, number, `Reply ${index}`);
    await client.upsertComment(repo, number, 'late', 'Late');
    const late = await client.upsertComment(repo, number, 'late', 'Later');
    expect((await github.comments(repo, number)).filter(({ body }) => body.includes(':late '))).toMatchObject([
      { id: late },
    ]);
  });

  test('and replies are one after a lost answer', async () => {
    const { number } = await open();
    const lose = () =>
      github.faults.add({ method: 'POST', path: /comments$/, answer: { status: 503 }, afterwards: true });
    lose();
    await client.upsertComment(repo, number, 'review', 'Hello');
    lose();
    await client.reply(repo, number, 'Done');
    expect(await github.comments(repo, number)).toHaveLength(2);
  });

  test('is cut below GitHub’s limit', async () => {
    const { number } = await open();
    await client.upsertComment(repo, number, 'review', '🙂'.repeat(40_000));
    const [comment] = await github.comments(repo, number);
    expect(comment?.body.length).toBeLessThanOrEqual(60_000);
    expect(comment?.body).toMatch(/truncated: the comment is over GitHub’s limit\n\n<!-- .* -->$/);
  });
});

describe('failures', () => {
  test.each([
    { answer: { status: 502 }, code: 'github-unavailable', retryable: true },
    { answer: { status: 429 }, code: 'github-unavailable', retryable: true },
    { answer: { status: 403, headers: { 'retry-after': '60' } }, code: 'github-unavailable', retryable: true },
    {
      answer: { status: 403, body: { message: 'You have exceeded a secondary rate limit.' } },
      code: 'github-unavailable',
      retryable: true,
    },
    {
      answer: { status: 403, body: { message: 'Resource not accessible by integration' } },
      code: 'denied',
      retryable: false,
    },
    { answer: 'disconnect' as const, code: 'github-unavailable', retryable: true },
    { answer: { status: 200, body: { id: 'x' } }, code: 'github-unavailable', retryable: true },
    { answer: { status: 422, body: { message: 'No' } }, code: 'github-unavailable', retryable: false },
  ])('$answer is $code, retryable: $retryable', async ({ answer, code, retryable }) => {
    github.faults.add({ path: /^\/repos\/acme\/models$/, answer });
    await expect(client.repository(repo)).rejects.toMatchObject({
      code,
      retryable,
      message: expect.stringContaining('reading repository acme/models'),
    });
  });
});
