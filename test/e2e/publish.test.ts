import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import {
  botComments,
  catalogOf,
  checkNamed,
  createTeam,
  entry,
  imageTagsOf,
  openPull,
  outcomes,
  type Pull,
  reportOf,
  settle,
} from '../support/demo/stories.ts';
import { until } from '../support/demo/wait.ts';
import { startWorld, type World } from '../support/demo/world.ts';
import { commitFiles } from '../support/hub/model.ts';
import { tinyModel } from '../support/hub/tiny.ts';
import { pushBaseImage } from '../support/registry/index.ts';

const OPEN = 'acme/tiny-chat';
const MOVES = 'acme/tiny-moves';
const LATER = 'acme/tiny-later';

// Each is a story of several builds and publications.
vi.setConfig({ testTimeout: 240_000, hookTimeout: 120_000 });

let world: World;
beforeAll(async () => {
  world = await startWorld({
    models: [tinyModel({ id: OPEN }), tinyModel({ id: MOVES }), tinyModel({ id: LATER })],
    // No Trivy, wherever this runs.
    variables: { SCAN: 'optional', PATH: '/nonexistent', MAX_BUILDS_PER_OWNER: '4' },
    queue: { leaseSeconds: 3 },
  });
});
afterAll(() => world.close());

const settled = () => settle(world, world.bot.url, 120_000);

/** Digests of a pull request's images, as its comment shows them, by variant. */
async function shown(pull: Pull): Promise<Record<string, string>> {
  const report = await reportOf(world, pull);
  const lines = [...report.matchAll(/^- `\S+ (\S+)`: `[^@`]+@(sha256:[0-9a-f]{64})`$/gm)];
  return Object.fromEntries(lines.map(([, variant = '', digest = '']) => [variant, digest]));
}

const imageTags = (short: string) => imageTagsOf(world, `acme/hf-${short}`);
const downloads = () => world.hub?.requests.filter(({ server }) => server === 'cdn').length ?? 0;

describe('a pull request that is merged', () => {
  test('has previews before, and is published with the same digests and without one weight byte after', async () => {
    const pull = await openPull(world, 'merged', [entry(OPEN, 'merged')]);
    await settled();
    const { slim, fat } = await shown(pull);
    expect(imageTags('merged')).toEqual({ 'pr-1-slim': slim, 'pr-1-fat': fat });
    expect(await reportOf(world, pull)).toContain('Tags after the merge');
    const before = downloads();
    const layers = new Set(world.registry.storage.repository('acme/hf-merged').blobs);
    const merge = await world.github.mergePullRequest(pull.repo, pull.number);
    await settled();
    const tags = imageTags('merged');
    expect(tags).toMatchObject({ 'v1.2.3-slim': slim, 'v1.2.3-fat': fat });
    expect(Object.keys(tags).filter((tag) => /^r[0-9a-f]{40}-(slim|fat)$/.test(tag))).toHaveLength(2);
    expect(Object.keys(tags).filter((tag) => /^i[0-9a-f]{12}-(slim|fat)$/.test(tag))).toHaveLength(2);
    expect(Object.keys(tags).filter((tag) => tag.startsWith('pr-'))).toEqual([]);
    expect(downloads()).toBe(before);
    const { blobs } = world.registry.storage.repository('acme/hf-merged');
    const added = [...blobs].filter((digest) => !layers.has(digest));
    // Statements about the images, and the owner's marker.
    for (const digest of added) {
      expect(world.registry.storage.blob('acme/hf-merged', digest)?.length).toBeLessThan(20_000);
    }
    expect(outcomes(await world.github.checks(pull.repo, merge))).toMatchObject({ 'model-images': 'success' });
    const replies = (await botComments(world, pull)).filter(({ body }) => body.includes(':publication '));
    expect(replies).toHaveLength(1);
    for (const word of ['`v1.2.3-fat`', fat, slim]) expect(replies[0]?.body).toContain(word);
    const again = world.registry.requests.length;
    await world.github.commitFiles(pull.repo, 'main', { 'README.md': 'more' });
    await settled();
    expect(world.registry.requests.slice(again).filter(({ method }) => method !== 'GET' && method !== 'HEAD')).toEqual(
      [],
    );
  });

  test('squashed, while the model and the base moved: the digest is the one that the comment showed', async () => {
    const pull = await openPull(world, 'squashed', [entry(MOVES, 'squashed')]);
    await settled();
    const { slim, fat } = await shown(pull);
    const model = world.hub?.models.find(({ id }) => id === MOVES);
    if (model === undefined) throw new Error('the Hub lost a model');
    commitFiles(model, { 'README.md': '---\nlicense: apache-2.0\n---\nmoved' }, '2026-01-01T00:00:00.000Z');
    await pushBaseImage(world.repository('base/runtime'), { tag: 'v1.2.3', labels: { 'org.example.moved': 'yes' } });
    await world.github.mergePullRequest(pull.repo, pull.number, 'maintainer', 'squash');
    await settled();
    expect(imageTags('squashed')).toMatchObject({ 'v1.2.3-slim': slim, 'v1.2.3-fat': fat });
  });

  test('gated meanwhile: fat gets no tag, slim does, and people read why', async () => {
    const pull = await openPull(world, 'gated-later', [entry(LATER, 'gated-later')]);
    await settled();
    const model = world.hub?.models.find(({ id }) => id === LATER);
    if (model === undefined) throw new Error('the Hub lost a model');
    const { slim } = await shown(pull);
    model.gated = 'manual';
    await world.github.mergePullRequest(pull.repo, pull.number);
    await settled();
    const tags = Object.keys(imageTags('gated-later'));
    expect(imageTags('gated-later')['v1.2.3-slim']).toBe(slim);
    expect(tags.filter((tag) => tag.endsWith('fat'))).toEqual([]);
    const [reply] = (await botComments(world, pull)).filter(({ body }) => body.includes(':publication '));
    expect(reply?.body).toContain('fat not permitted: gated on the Hub');
  });
});

describe('what needs no pull request', () => {
  test('a direct push is built and published, and a second one that changes it moves the tags', async () => {
    const { repo } = await createTeam(world, 'direct');
    const first = await world.github.commitFiles(repo, 'main', {
      'models.yaml': catalogOf(world, [entry(OPEN, 'direct')]),
    });
    await settled();
    const before = imageTags('direct');
    expect(Object.keys(before)).toContain('v1.2.3-fat');
    expect(outcomes(await world.github.checks(repo, first))).toEqual({ 'model-images': 'success' });
    await world.github.commitFiles(repo, 'main', {
      'models.yaml': catalogOf(world, [entry(OPEN, 'direct', 'serve_args: ["--port", "9"]')]),
    });
    await settled();
    expect(imageTags('direct')['v1.2.3-fat']).not.toBe(before['v1.2.3-fat']);
    // What is immutable still names what it named.
    for (const [tag, digest] of Object.entries(before)) {
      if (tag.startsWith('i')) expect(imageTags('direct')[tag]).toBe(digest);
    }
  });
});

describe('two pushes', () => {
  const serving = (port: number) => entry(OPEN, 'ordered', `serve_args: ["--port", "${port}"]`);

  test.each([
    ['its upload', 'POST', /acme\/hf-ordered\/blobs\/uploads/],
    ['the move of its tag', 'PUT', /acme\/hf-ordered\/manifests\/v1\.2\.3-slim$/],
  ])('the first one slowed in %s: the tags end at the second', async (what, method, path) => {
    const { repo } = await createTeam(world, method === 'PUT' ? 'slow-tag' : 'slow-upload');
    const short = `ordered-${method.toLowerCase()}`;
    const text = (port: number) => catalogOf(world, [serving(port).replace('short: "ordered"', `short: "${short}"`)]);
    const slowed = new RegExp(path.source.replace('hf-ordered', `hf-${short}`));
    world.registry.faults.push({ kind: 'slow', ms: 4_000, method, path: slowed });
    await world.github.commitFiles(repo, 'main', { 'models.yaml': text(1) });
    const seen = () => world.registry.requests.some((one) => one.method === method && slowed.test(one.path));
    await until(`the first one to be slowed in ${what}`, async () => (seen() ? true : null), 60_000, 25);
    const first = new Set(Object.values(imageTags(short)));
    const head = await world.github.commitFiles(repo, 'main', { 'models.yaml': text(2) });
    await settled();
    const tags = imageTags(short);
    for (const variant of ['slim', 'fat']) {
      const digest = tags[`v1.2.3-${variant}`] ?? '';
      expect(first.has(digest)).toBe(false);
      const immutable = Object.entries(tags).filter(([tag]) => tag.startsWith('i') && tag.endsWith(variant));
      expect(immutable.map(([, named]) => named)).toContain(digest);
    }
    expect(outcomes(await world.github.checks(repo, head))).toEqual({ 'model-images': 'success' });
  });
});

describe('a pull request that is closed', () => {
  test('loses its previews one by one: what another one and a publication share stays', async () => {
    const team = await createTeam(world, 'shared');
    const open = (branch: string) =>
      world.github.openPullRequest(team.repo, {
        title: branch,
        branch,
        files: { 'models.yaml': catalogOf(world, [entry(OPEN, 'shared')]) },
        author: 'maintainer',
      });
    const [one, two, three] = [await open('one'), await open('two'), await open('three')];
    await settled();
    expect(new Set(Object.values(imageTags('shared'))).size).toBe(2);
    expect(Object.keys(imageTags('shared'))).toHaveLength(6);
    await world.github.mergePullRequest(team.repo, three.number);
    await settled();
    await world.github.closePullRequest(team.repo, one.number);
    await settled();
    const tags = imageTags('shared');
    const previews = Object.keys(tags).filter((tag) => tag.startsWith('pr-'));
    expect(previews.filter((tag) => !tag.startsWith(`pr-${two.number}-`))).toEqual([]);
    const digest = tags['v1.2.3-fat'] ?? '';
    expect(world.registry.storage.manifest('acme/hf-shared', digest)).not.toBeNull();
  });
});

describe('a registry repository', () => {
  test('of another catalog is refused in words, with no request beyond', async () => {
    const pull = await openPull(world, 'owner-two', [entry(OPEN, 'merged')]);
    const before = world.registry.requests.length;
    await settled();
    const asked = world.registry.requests.slice(before).filter(({ path }) => path.includes('acme/hf-merged'));
    expect(asked).toEqual([]);
    const checks = await world.github.checks(pull.repo, pull.headSha);
    expect(checkNamed(checks, 'merged · slim').conclusion).toBe('failure');
    expect(checkNamed(checks, 'merged · slim').title).toContain('belongs to catalog');
  });

  test('with content of nobody knows whom is refused, until a maintainer adopts it', async () => {
    const target = world.repository('acme/hf-adopted');
    await pushBaseImage(target, { tag: 'v0' });
    const pull = await openPull(world, 'adopting', [entry(OPEN, 'adopted')]);
    await settled();
    const failed = await world.github.checks(pull.repo, pull.headSha);
    expect(checkNamed(failed, 'adopted · slim').title).toContain('already holds images');
    await world.github.comment(pull.repo, pull.number, 'maintainer', '/adopt adopted');
    await settled();
    expect(outcomes(await world.github.checks(pull.repo, pull.headSha))).toMatchObject({
      'adopted · slim': 'success',
      'model-images': 'success',
    });
  });

  test('outside the operator’s list is refused, with no request', async () => {
    const catalog = catalogOf(world, [entry(OPEN, 'outside')]).replace('/{owner}"', '/acme-evil"');
    const { repo } = await createTeam(world, 'outside', catalog);
    const before = world.registry.requests.length;
    const sha = await world.github.commitFiles(repo, 'main', { 'README.md': 'look' });
    await settled();
    expect(world.registry.requests.slice(before).filter(({ path }) => path.includes('acme-evil'))).toEqual([]);
    const check = checkNamed(await world.github.checks(repo, sha), 'model-images');
    expect(check.conclusion).toBe('failure');
    expect(check.summary).toContain('does not allow publishing');
    const issues = (await world.github.issues(repo)).filter(({ state }) => state === 'open');
    expect(issues.map(({ title }) => title)).toEqual(['Publishing outside failed']);
    await world.github.commitFiles(repo, 'main', { 'models.yaml': catalogOf(world, [entry(OPEN, 'outside')]) });
    await settled();
    expect((await world.github.issues(repo)).map(({ state }) => state)).toEqual(['closed']);
  });
});
