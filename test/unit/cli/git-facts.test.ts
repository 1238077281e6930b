import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { gitFacts, webAddress } from '../../../src/cli/git-facts.ts';
import { find, run } from '../../../src/exec.ts';

const { signal } = new AbortController();
const COMMITTED = Date.UTC(2026, 10, 5, 9, 7, 30);
const hasGit = (await find('git')) !== null;

describe.skipIf(!hasGit)('what git knows of a catalog (needs git)', () => {
  let folder = '';
  let commit = '';
  const git = async (...args: string[]) =>
    (
      await run('git', ['-c', 'user.name=t', '-c', 'user.email=t@example.org', ...args], {
        cwd: folder,
        env: { GIT_COMMITTER_DATE: new Date(COMMITTED).toISOString() },
      })
    ).stdout.trim();
  const facts = (variables: Record<string, string> = {}, path = 'team/models.yaml') =>
    gitFacts(join(folder, path), { variables, signal });

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'publisher-git-'));
    await mkdir(join(folder, 'team'));
    await writeFile(join(folder, 'team', 'models.yaml'), 'models: []\n');
    await git('init', '--quiet', '--initial-branch=feat/add-login');
    await git('remote', 'add', 'origin', 'git@example.org:acme/models.git');
    await git('add', '.');
    await git('commit', '--quiet', '-m', 'first');
    commit = await git('rev-parse', 'HEAD');
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it('is the commit, its time, the branch and where it is from', async () => {
    expect(await facts()).toEqual({
      branch: 'feat/add-login',
      defaultBranch: 'main',
      commit,
      committedAt: COMMITTED,
      source: { repository: 'https://example.org/acme/models', commit, path: 'team/models.yaml' },
    });
  });

  it('has the branch of a pull request from the environment', async () => {
    expect(await facts({ GITHUB_HEAD_REF: 'fix/it' })).toMatchObject({ branch: 'fix/it' });
  });

  it('names no commit for a catalog that differs from it', async () => {
    await writeFile(join(folder, 'team', 'models.yaml'), 'models: [] # changed\n');
    expect(await facts()).toMatchObject({ commit: null, committedAt: null, source: { commit: null } });
    await writeFile(join(folder, 'other.yaml'), 'models: []\n');
    expect(await facts({}, 'other.yaml')).toMatchObject({ commit: null, source: { path: 'other.yaml' } });
    await git('checkout', '--quiet', '--', 'team');
  });

  it('is nothing in a folder that is no repository', async () => {
    const plain = await mkdtemp(join(tmpdir(), 'publisher-plain-'));
    expect(await gitFacts(join(plain, 'models.yaml'), { variables: {}, signal })).toEqual({
      branch: null,
      defaultBranch: 'main',
      commit: null,
      committedAt: null,
      source: { repository: null, commit: null, path: 'models.yaml' },
    });
    await rm(plain, { recursive: true });
  });
});

describe('the address of a remote', () => {
  it.each([
    ['https://example.org/acme/models.git', 'https://example.org/acme/models'],
    ['https://user:secret@example.org/acme/models', 'https://example.org/acme/models'],
    ['ssh://git@example.org:2222/acme/models.git', 'https://example.org/acme/models'],
    ['git@example.org:acme/models', 'https://example.org/acme/models'],
    ['/srv/git/models.git', null],
    ['', null],
  ])('%s is %s', (remote, address) => {
    expect(webAddress(remote)).toBe(address);
  });
});
