import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { QUEUES } from '../../src/jobs/queues.ts';
import {
  catalogOf,
  checkNamed,
  entry,
  openPull,
  outcomes,
  type Pull,
  pushed,
  reportOf,
  settle,
} from '../support/demo/stories.ts';
import { startWorld, type World } from '../support/demo/world.ts';
import { commitFiles, headOf } from '../support/hub/model.ts';
import { tinyModel } from '../support/hub/tiny.ts';

const OPEN = 'acme/tiny-chat';
const GATED = 'acme/tiny-gated';
const MOVING = 'acme/tiny-moving';

let world: World;
let pull: Pull;
beforeAll(async () => {
  const soon = { limit: 1, baseMs: 10, maxMs: 10 };
  world = await startWorld({
    models: [tinyModel({ id: OPEN }), tinyModel({ id: GATED, gated: 'auto' }), tinyModel({ id: MOVING })],
    variables: { SCAN: 'optional', PATH: '/nonexistent' },
    queue: { retries: { ...QUEUES, build: soon, review: soon } },
  });
  world.github.addUser('reader', 'read');
  world.github.addUser('writer', 'write');
  world.github.addUser('dependabot[bot]', 'write', { type: 'Bot' });
  pull = await openPull(world, 'commands', [entry(OPEN, 'cmd-open'), entry(GATED, 'cmd-gated')]);
  await settled();
});
afterAll(() => world.close());
beforeEach(() => {
  world.registry.requests.length = 0;
});

const settled = () => settle(world, world.bot.url);
const puts = (repository: string) =>
  world.registry.requests.filter(
    ({ method, path }) => method === 'PUT' && path.startsWith(`/v2/${repository}/manifests/`),
  ).length;

/** What became of a comment: its reactions, and what the bot answered. */
async function say(author: string, body: string): Promise<{ reactions: string[]; answer: string | null }> {
  const before = (await world.github.comments(pull.repo, pull.number)).length;
  const id = await world.github.comment(pull.repo, pull.number, author, body);
  await settled();
  const comments = await world.github.comments(pull.repo, pull.number);
  const reactions = comments.find((comment) => comment.id === id)?.reactions ?? [];
  return { reactions, answer: comments.slice(before + 1)[0]?.body ?? null };
}

describe('/rebuild', () => {
  test('of a model builds both its images again, to the same digests', async () => {
    const before = await reportOf(world, pull);
    expect(await say('writer', '/rebuild cmd-open')).toEqual({ reactions: ['rocket'], answer: null });
    expect(puts('acme/hf-cmd-open')).toBeGreaterThanOrEqual(2);
    expect(puts('acme/hf-cmd-gated')).toBe(0);
    expect(await reportOf(world, pull)).toBe(before);
    expect(outcomes(await world.github.checks(pull.repo, pull.headSha))['model-images']).toBe('success');
  });

  test('of one variant builds only that one', async () => {
    expect((await say('maintainer', '/rebuild cmd-open fat')).reactions).toEqual(['rocket']);
    const once = puts('acme/hf-cmd-open');
    world.registry.requests.length = 0;
    expect((await say('maintainer', '/rebuild cmd-open')).reactions).toEqual(['rocket']);
    expect(puts('acme/hf-cmd-open')).toBe(2 * once);
  });

  test('of everything builds everything that is permitted', async () => {
    expect((await say('maintainer', '/rebuild all')).reactions).toEqual(['rocket']);
    expect(puts('acme/hf-cmd-open')).toBeGreaterThan(0);
    expect(puts('acme/hf-cmd-gated')).toBeGreaterThan(0);
  });

  test('of a fat image that policy denies is refused with a sentence', async () => {
    const { reactions, answer } = await say('maintainer', '/rebuild cmd-gated fat');
    expect(reactions).toEqual(['confused']);
    expect(answer).toContain('A fat image of `cmd-gated` is not permitted');
    expect(puts('acme/hf-cmd-gated')).toBe(0);
  });

  test('of a model that is not in the pull request names those that are', async () => {
    const { reactions, answer } = await say('maintainer', '/rebuild nobody');
    expect(reactions).toEqual(['confused']);
    expect(answer).toContain('does not change a model `nobody`; it changes `cmd-open`, `cmd-gated`');
  });

  test('by somebody who may not push is refused with -1, and nothing is built', async () => {
    expect(await say('reader', '/rebuild all')).toEqual({ reactions: ['-1'], answer: null });
    expect(world.registry.requests).toEqual([]);
  });

  test.each([
    ['by a bot', 'dependabot[bot]', '/rebuild all'],
    ['in a quote', 'maintainer', '> /rebuild all'],
    ['in mid-sentence', 'maintainer', 'you could /rebuild all'],
    ['of another bot', 'maintainer', '/retest all'],
  ])('%s is conversation', async (_, author, body) => {
    expect(await say(author, body)).toEqual({ reactions: [], answer: null });
    expect(world.registry.requests).toEqual([]);
  });

  test('written by an edit is not a command, whoever redelivers it', async () => {
    world.github.setWebhookTarget(null);
    const id = await world.github.comment(pull.repo, pull.number, 'maintainer', '/rebuild all');
    const created = world.github.deliveries.at(-1);
    await world.github.editComment(pull.repo, id, 'maintainer', '/rebuild all ');
    world.github.setWebhookTarget(`${world.bot.url}/api/github/webhooks`);
    await world.github.redeliver(created?.id ?? 0);
    await settled();
    expect(
      (await world.github.comments(pull.repo, pull.number)).find((comment) => comment.id === id)?.reactions,
    ).toEqual([]);
    expect(world.registry.requests).toEqual([]);
  });

  test('delivered several times runs once', async () => {
    const id = await world.github.comment(pull.repo, pull.number, 'maintainer', '/rebuild cmd-gated');
    const created = world.github.deliveries.findLast(({ event }) => event === 'issue_comment');
    await settled();
    const once = puts('acme/hf-cmd-gated');
    expect(once).toBeGreaterThan(0);
    for (const guid of [undefined, 'fresh-1', 'fresh-2']) await world.github.redeliver(created?.id ?? 0, guid);
    await settled();
    expect(puts('acme/hf-cmd-gated')).toBe(once);
    expect(
      (await world.github.comments(pull.repo, pull.number)).find((comment) => comment.id === id)?.reactions,
    ).toEqual(['rocket']);
  });

  test('that is not understood is answered with what to write', async () => {
    const { reactions, answer } = await say('maintainer', '/rebuild');
    expect(reactions).toEqual(['confused']);
    expect(answer).toContain('`/rebuild <short> [slim|fat] [--experimental]`');
    expect((await say('maintainer', '/help')).reactions).toEqual(['+1']);
  });

  test('on a closed pull request is refused', async () => {
    const closed = await openPull(world, 'closed', [entry(OPEN, 'closed')]);
    await settled();
    await world.github.closePullRequest(closed.repo, closed.number);
    // Its previews go.
    await settled();
    world.registry.requests.length = 0;
    const id = await world.github.comment(closed.repo, closed.number, 'maintainer', '/rebuild all');
    await settled();
    const comments = await world.github.comments(closed.repo, closed.number);
    expect(comments.find((comment) => comment.id === id)?.reactions).toEqual(['confused']);
    expect(comments.at(-1)?.body).toContain('is closed');
    expect(world.registry.requests).toEqual([]);
  });
});

describe('a registry that fails during a build', () => {
  test.each([
    ['does not answer', 'down', 503, /HTTP 503|503/],
    ['refuses', 'denied', 403, /credentials|denied|403/i],
  ])(
    '%s: the target fails with the cause, nothing is tagged, and /rebuild succeeds',
    async (_, short, status, cause) => {
      world.registry.faults.push({
        kind: 'status',
        status,
        method: 'PATCH',
        path: new RegExp(`hf-${short}/`),
        times: 1000,
      });
      world.registry.faults.push({
        kind: 'status',
        status,
        method: 'POST',
        path: new RegExp(`hf-${short}/`),
        times: 1000,
      });
      const broken = await openPull(world, `registry-${short}`, [entry(OPEN, short)]);
      await settled();
      world.registry.faults.length = 0;
      const checks = await world.github.checks(broken.repo, broken.headSha);
      expect(outcomes(checks)).toMatchObject({
        [`${short} · slim`]: 'failure',
        [`${short} · fat`]: 'failure',
        'model-images': 'failure',
      });
      expect(checkNamed(checks, `${short} · slim`).title).toMatch(cause);
      expect(checkNamed(checks, `${short} · slim`).title).toContain(world.registry.host);
      expect(pushed(world, `acme/hf-${short}`)).toEqual({ manifests: 0, tags: 0 });
      await world.github.comment(broken.repo, broken.number, 'maintainer', `/rebuild ${short}`);
      await settled();
      expect(outcomes(await world.github.checks(broken.repo, broken.headSha))['model-images']).toBe('success');
    },
  );
});

describe('what a pull request resolved', () => {
  test('stays pinned when upstream moves, until /rebuild asks anew and says so', async () => {
    const model = world.hub?.models.find(({ id }) => id === MOVING);
    if (model === undefined) throw new Error('no model');
    const pinned = headOf(model).sha;
    const moving = await openPull(world, 'moving', [entry(MOVING, 'moving')]);
    await settled();
    const files = Object.fromEntries(headOf(model).files.map(({ path, content }) => [path, content]));
    const { sha } = commitFiles(
      model,
      { ...files, 'README.md': '---\nlicense: apache-2.0\n---\n# Moved\n' },
      '2025-06-01T00:00:00.000Z',
    );
    // In between, the catalog is broken: a plan without targets does not forget the pins of the one before.
    await world.github.pushToPullRequest(moving.repo, moving.number, { 'models.yaml': 'models: {}\n' });
    await settled();
    const head = await world.github.pushToPullRequest(moving.repo, moving.number, {
      'models.yaml': catalogOf(world, [entry(MOVING, 'moving'), entry(OPEN, 'moving-too')]),
    });
    await settled();
    const summary = async () => checkNamed(await world.github.checks(moving.repo, head), 'moving · fat').summary;
    expect(await summary()).toContain(pinned);
    await world.github.comment(moving.repo, moving.number, 'maintainer', '/rebuild moving');
    await settled();
    expect(await summary()).toContain(sha);
    expect(await reportOf(world, moving)).toContain(`moving: revision ${pinned.slice(0, 12)} → ${sha.slice(0, 12)}`);
  });

  test('is resolved anew when its field changes', async () => {
    const model = world.hub?.models.find(({ id }) => id === MOVING);
    const [first, latest] = model?.commits.map(({ sha }) => sha) ?? [];
    const changing = await openPull(world, 'changing', [entry(MOVING, 'changing', `revision: "${first}"`)]);
    await settled();
    const head = await world.github.pushToPullRequest(changing.repo, changing.number, {
      'models.yaml': catalogOf(world, [entry(MOVING, 'changing')]),
    });
    await settled();
    expect(checkNamed(await world.github.checks(changing.repo, head), 'changing · fat').summary).toContain(latest);
  });
});

describe('GitHub that fails', () => {
  test('for good while the catalog is read: the required check says so, and the next push is reviewed', async () => {
    world.github.faults.add({
      method: 'GET',
      path: /\/repos\/acme\/unreadable\/git\/trees/,
      times: 100,
      answer: { status: 403, body: { message: 'no' } },
    });
    const failed = await openPull(world, 'unreadable', [entry(OPEN, 'unreadable')]);
    await settled();
    world.github.faults.clear();
    const checks = await world.github.checks(failed.repo, failed.headSha);
    expect(outcomes(checks)).toEqual({ 'model-images': 'failure' });
    expect(checkNamed(checks, 'model-images').title).toContain('The review failed');
    const head = await world.github.pushToPullRequest(failed.repo, failed.number, { 'README.md': 'again' });
    await settled();
    expect(outcomes(await world.github.checks(failed.repo, head))['model-images']).toBe('success');
  });

  test('after it made a check run or a comment: there is still only one of each', async () => {
    const lost = { status: 502, body: { message: 'Bad gateway' } };
    world.github.faults.add({ method: 'POST', path: /flaky\/check-runs/, answer: lost, afterwards: true });
    world.github.faults.add({
      method: 'POST',
      path: /flaky\/issues\/\d+\/comments/,
      answer: 'disconnect',
      afterwards: true,
    });
    const flaky = await openPull(world, 'flaky', [entry(OPEN, 'flaky')]);
    await settled();
    world.github.faults.clear();
    const checks = await world.github.checks(flaky.repo, flaky.headSha);
    expect(checks.map(({ name }) => name).sort()).toEqual([
      'flaky · fat',
      'flaky · slim',
      'model-images',
      'models.yaml',
      'scan',
    ]);
    expect(outcomes(checks)['model-images']).toBe('success');
    expect(await world.github.comments(flaky.repo, flaky.number)).toHaveLength(1);
  });
});
