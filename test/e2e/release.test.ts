import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { assertWhole, catalogOf, createTeam, entry, settle } from '../support/demo/stories.ts';
import { startWorld, type World } from '../support/demo/world.ts';
import { tinyModel } from '../support/hub/tiny.ts';

const OPEN = 'acme/tiny-chat';
const OTHER = 'acme/tiny-other';
const BROKEN = 'acme/tiny-broken';

let world: World;
beforeAll(async () => {
  world = await startWorld({
    models: [tinyModel({ id: OPEN }), tinyModel({ id: OTHER })],
    // No Trivy, wherever this runs.
    variables: { SCAN: 'optional', PATH: '/nonexistent' },
  });
  world.github.addUser('reader', 'read');
});
afterAll(() => world.close());

const settled = () => settle(world, world.bot.url);

/** Tags of a repository with what they name, without the owner's marker and the immutable ones of inputs keys. */
function tagsOf(repository: string): Record<string, string> {
  const found = world.registry.storage.repositories.get(repository);
  const tags = [...(found?.tags ?? [])].filter(([tag]) => !/^(publisher-owner$|i[0-9a-f]{12}-|sha256-)/.test(tag));
  return Object.fromEntries(tags);
}

describe('a release published on GitHub', () => {
  test('publishes the whole catalog of its commit, and writes its notes below the author’s text', async () => {
    const { repo } = await createTeam(world, 'story', catalogOf(world, [entry(OPEN, 'story-open')]));
    await settled();
    const first = await world.github.createRelease(repo, { tag: 'v1.2.0', body: 'Our first.' });
    await settled();

    const tags = tagsOf('acme/hf-story-open');
    for (const variant of ['slim', 'fat']) {
      const digest = tags[`1.2.0-${variant}`] ?? '';
      assertWhole(world, 'acme/hf-story-open', digest);
      expect([tags[`1.2-${variant}`], tags[`1-${variant}`]]).toEqual([digest, digest]);
    }
    expect(Object.keys(tags).some((tag) => tag.startsWith('latest'))).toBe(false);
    const [release] = await world.github.releases(repo);
    expect(release).toMatchObject({ id: first, body: expect.stringMatching(/^Our first\.\n\n[\s\S]*### Added/) });
    expect(release?.body).toContain('`story-open`');
    expect(await world.github.issues(repo)).toEqual([]);

    const files = { 'models.yaml': catalogOf(world, [entry(OPEN, 'story-open'), entry(OTHER, 'story-other')]) };
    await world.github.commitFiles(repo, 'main', files);
    await settled();
    await world.github.createRelease(repo, { tag: 'v1.3.0' });
    await settled();
    expect(tagsOf('acme/hf-story-open')['1.3.0-slim']).toBe(tags['1.2.0-slim']);
    expect(tagsOf('acme/hf-story-other')).toHaveProperty('1.3.0-slim');
    const [, second] = await world.github.releases(repo);
    expect(second?.body).toMatch(/Since `v1\.2\.0`:\n\n### Added\n\n- `story-other`/);
  });

  test('whose text the App may not write has its notes in an issue', async () => {
    const { repo } = await createTeam(world, 'read-only', catalogOf(world, [entry(OPEN, 'read-only')]));
    await settled();
    world.github.setPermission('contents', 'read');
    try {
      await world.github.createRelease(repo, { tag: 'v1.0.0', body: 'Mine' });
      await settled();
    } finally {
      world.github.setPermission('contents', 'write');
    }
    expect(await world.github.releases(repo)).toMatchObject([{ body: 'Mine' }]);
    expect(await world.github.issues(repo)).toMatchObject([{ title: 'Released v1.0.0', state: 'open' }]);
    expect(tagsOf('acme/hf-read-only')).toHaveProperty('1.0.0-slim');
  });

  test('of a repository without a catalog is nothing to us', async () => {
    const repo = { owner: 'acme', name: 'no-catalog' };
    await world.github.createRepo(repo, { files: { 'README.md': 'hello' } });
    await world.github.createRelease(repo, { tag: 'v1.0.0', body: 'Mine' });
    await settled();
    expect(await world.github.issues(repo)).toEqual([]);
    expect(await world.github.releases(repo)).toMatchObject([{ body: 'Mine' }]);
  });

  test('tags nothing when one target fails, and opens one issue that says why', async () => {
    const broken = catalogOf(world, [entry(OPEN, 'half-open'), entry(BROKEN, 'half-broken')]);
    const { repo } = await createTeam(world, 'half', broken);
    await settled();
    const before = tagsOf('acme/hf-half-open');
    await world.github.createRelease(repo, { tag: 'v1.0.0' });
    await settled();
    expect(tagsOf('acme/hf-half-open')).toEqual(before);
    const releaseIssues = async () =>
      (await world.github.issues(repo)).filter(({ title }) => title.startsWith('Release'));
    const [issue, ...more] = await releaseIssues();
    expect(more).toEqual([]);
    expect(issue).toMatchObject({ title: 'Release v1.0.0 failed', state: 'open' });
    expect(issue?.body).toContain('half-broken');
    expect(issue?.body).toContain('Nothing was tagged');
  });
});

describe('/release', () => {
  test('from a maintainer, on an issue, publishes the default branch’s head, with latest when asked', async () => {
    const { repo } = await createTeam(world, 'asked', catalogOf(world, [entry(OPEN, 'asked')]));
    await settled();
    const number = await world.github.openIssue(repo, 'maintainer', { title: 'Ship it', body: '' });
    await world.github.comment(repo, number, 'maintainer', '/release v2.0.0-rc.1 --latest');
    await settled();
    const tags = tagsOf('acme/hf-asked');
    expect(Object.keys(tags)).toEqual(expect.arrayContaining(['2.0.0-rc.1-slim', 'latest-slim', 'latest-fat']));
    expect(tags).not.toHaveProperty('2.0-slim');
    expect(tags['latest-slim']).toBe(tags['2.0.0-rc.1-slim']);
    const answers = (await world.github.comments(repo, number)).filter(({ author }) => author.endsWith('[bot]'));
    expect(answers).toMatchObject([{ body: expect.stringContaining('`v2.0.0-rc.1` is released') }]);
    expect((await world.github.issues(repo)).map(({ title }) => title)).toEqual(['Ship it', 'Released v2.0.0-rc.1']);
  });

  test('that failed is asked for again once the catalog is repaired; its issue is closed then', async () => {
    const broken = catalogOf(world, [entry(OPEN, 'again'), entry(BROKEN, 'again-broken')]);
    const { repo } = await createTeam(world, 'again', broken);
    await settled();
    const number = await world.github.openIssue(repo, 'maintainer', { title: 'Ship it', body: '' });
    const failure = async () =>
      (await world.github.issues(repo)).find(({ title }) => title === 'Release nightly failed');
    await world.github.comment(repo, number, 'maintainer', '/release nightly');
    await settled();
    expect(await failure()).toMatchObject({ state: 'open' });
    expect(tagsOf('acme/hf-again')).not.toHaveProperty('nightly-slim');
    await world.github.commitFiles(repo, 'main', { 'models.yaml': catalogOf(world, [entry(OPEN, 'again')]) });
    await settled();
    await world.github.comment(repo, number, 'maintainer', '/release nightly');
    await settled();
    expect(await failure()).toMatchObject({ state: 'closed' });
    expect(tagsOf('acme/hf-again')).toHaveProperty('nightly-slim');
  });

  test('from somebody without write access, or malformed, publishes nothing', async () => {
    const { repo } = await createTeam(world, 'refused', catalogOf(world, [entry(OPEN, 'refused')]));
    await settled();
    const before = tagsOf('acme/hf-refused');
    const number = await world.github.openIssue(repo, 'maintainer', { title: 'Ship it', body: '' });
    await world.github.comment(repo, number, 'reader', '/release v1.0.0');
    await world.github.comment(repo, number, 'maintainer', '/release v1.0.0 --set X');
    await world.github.comment(repo, number, 'maintainer', '/rebuild all');
    await settled();
    const comments = await world.github.comments(repo, number);
    expect(comments.map(({ reactions }) => reactions)).toEqual([['-1'], ['confused'], [], []]);
    expect(comments.at(-1)?.body).toContain('ARG=VALUE');
    expect(tagsOf('acme/hf-refused')).toEqual(before);
  });

  test('an argument that no runtime declares fails the release with the names there are', async () => {
    const { repo } = await createTeam(world, 'argument', catalogOf(world, [entry(OPEN, 'argument')]));
    await settled();
    const number = await world.github.openIssue(repo, 'maintainer', { title: 'Ship it', body: '' });
    await world.github.comment(repo, number, 'maintainer', '/release v1.0.0 --set VLLM_VERSION=1');
    await settled();
    const answer = (await world.github.comments(repo, number)).at(-1)?.body ?? '';
    expect(answer).toContain('declares the argument VLLM');
    expect(tagsOf('acme/hf-argument')).not.toHaveProperty('1.0.0-slim');
  });
});
