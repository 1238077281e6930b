import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  assertWhole,
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
import { tinyModel } from '../support/hub/tiny.ts';

const OPEN = 'acme/tiny-chat';
const GATED = 'acme/tiny-gated';
const SLOW = 'acme/tiny-slow';

let world: World;
beforeAll(async () => {
  world = await startWorld({
    models: [
      tinyModel({ id: OPEN }),
      tinyModel({ id: GATED, gated: 'manual' }),
      tinyModel({ id: SLOW, shardBytes: 200_000 }),
    ],
    // No Trivy, wherever this runs.
    variables: { SCAN: 'optional', PATH: '/nonexistent', MAX_BUILDS_PER_OWNER: '4' },
  });
});
afterAll(() => world.close());

const settled = () => settle(world, world.bot.url);

describe('a pull request that adds two models, one of them gated', () => {
  test('ends in images, exact checks and one comment', async () => {
    const pull = await openPull(world, 'story', [entry(OPEN, 'story-open'), entry(GATED, 'story-gated')]);
    await settled();
    const checks = await world.github.checks(pull.repo, pull.headSha);
    expect(outcomes(checks)).toEqual({
      'models.yaml': 'success',
      'story-open · slim': 'success',
      'story-open · fat': 'success',
      'story-gated · slim': 'success',
      'story-gated · fat': 'neutral',
      scan: 'neutral',
      'model-images': 'success',
    });
    expect(new Set(checks.map(({ name }) => name)).size).toBe(checks.length);
    expect(checkNamed(checks, 'story-gated · fat').title).toBe('fat not permitted: gated on the Hub');
    expect(await botComments(world, pull)).toHaveLength(1);
    const report = await reportOf(world, pull);
    expect(report.split('\n')[0]).toMatch(
      /^✅ .*3 images built, 1 fat image not permitted; not scanned because Trivy is not installed/,
    );
    for (const word of ['slim', 'fat', 'Trivy']) expect(report).toContain(word);
    const references = [...report.matchAll(/^- `(\S+) (\S+)`: `[^/`]+\/([^@`]+)@(sha256:[0-9a-f]{64})`$/gm)];
    expect(references.map(([, short, variant]) => `${short} ${variant}`).sort()).toEqual([
      'story-gated slim',
      'story-open fat',
      'story-open slim',
    ]);
    for (const [, , , repository = '', digest = ''] of references) assertWhole(world, repository, digest);
    // Before the merge nothing but previews, whatever the templates say.
    expect(Object.keys(imageTagsOf(world, 'acme/hf-story-open')).sort()).toEqual(['pr-1-fat', 'pr-1-slim']);
  });
});

describe('a pull request that changes no model', () => {
  test('of a repository with a catalog: the required check succeeds, and nothing else is said', async () => {
    const { repo } = await createTeam(world, 'untouched', catalogOf(world, [entry(OPEN, 'untouched')]));
    const { number, headSha } = await world.github.openPullRequest(repo, {
      title: 'Docs',
      branch: 'docs',
      files: { 'README.md': 'more', 'models.yaml': `# a comment\n${catalogOf(world, [entry(OPEN, 'untouched')])}` },
    });
    await settled();
    const checks = await world.github.checks(repo, headSha);
    expect(outcomes(checks)).toEqual({ 'model-images': 'success' });
    expect(checkNamed(checks, 'model-images').title).toBe('No model changes.');
    expect(await world.github.comments(repo, number)).toEqual([]);
    expect(Object.keys(imageTagsOf(world, 'acme/hf-untouched')).filter((tag) => tag.startsWith('pr-'))).toEqual([]);
  });

  test('of a repository without a catalog: no checks, no comment', async () => {
    const repo = { owner: 'acme', name: 'other' };
    await world.github.createRepo(repo);
    const { number, headSha } = await world.github.openPullRequest(repo, {
      title: 'Docs',
      branch: 'docs',
      files: { 'README.md': 'more' },
    });
    await settled();
    expect(await world.github.checks(repo, headSha)).toEqual([]);
    expect(await world.github.comments(repo, number)).toEqual([]);
  });

  test('any more: the comment and the new head say so', async () => {
    const pull = await openPull(world, 'reverted', [entry(OPEN, 'reverted')]);
    await settled();
    expect(await reportOf(world, pull)).toContain('2 images built');
    const head = await world.github.pushToPullRequest(pull.repo, pull.number, { 'models.yaml': catalogOf(world, []) });
    await settled();
    expect(outcomes(await world.github.checks(pull.repo, head))).toEqual({ 'model-images': 'success' });
    expect((await reportOf(world, pull)).split('\n')[0]).toBe('✅ **Model images**: No model changes.');
  });
});

describe('a catalog that cannot be used', () => {
  test('fails on the exact lines; the push that repairs it is planned whole', async () => {
    const broken = catalogOf(world, [entry(OPEN, 'repaired', 'servve_args: []'), entry(OPEN, 'Not Kebab')]);
    const { repo } = await createTeam(world, 'invalid');
    const { number, headSha } = await world.github.openPullRequest(repo, {
      title: 'Add',
      branch: 'add',
      files: { 'models.yaml': broken },
    });
    await settled();
    const checks = await world.github.checks(repo, headSha);
    expect(outcomes(checks)).toEqual({ 'models.yaml': 'failure', 'model-images': 'failure' });
    const lines = broken.split('\n');
    const annotated = checkNamed(checks, 'models.yaml').annotations.map(
      ({ start_line: line }) => lines[Number(line) - 1],
    );
    expect(annotated).toEqual(['    servve_args: []', '    short: "Not Kebab"']);
    const repaired = await world.github.pushToPullRequest(repo, number, {
      'models.yaml': catalogOf(world, [entry(OPEN, 'repaired')]),
    });
    await settled();
    expect(outcomes(await world.github.checks(repo, repaired))).toMatchObject({
      'models.yaml': 'success',
      'repaired · slim': 'success',
      'repaired · fat': 'success',
      'model-images': 'success',
    });
    expect(outcomes(await world.github.checks(repo, headSha))['model-images']).toBe('failure');
  });

  test('shows every one of more problems than fit one request', async () => {
    const entries = Array.from({ length: 63 }, (_, index) => entry(OPEN, `many-${index}`, `wrong_${index}: 1`));
    const { repo, headSha } = await openPull(world, 'many-problems', entries);
    await settled();
    const check = checkNamed(await world.github.checks(repo, headSha), 'models.yaml');
    expect(check.conclusion).toBe('failure');
    expect(new Set(check.annotations.map(({ start_line: line }) => line)).size).toBe(63);
    expect(check.annotations).toHaveLength(63);
  });

  test.each([
    ['a symbolic link', 'symlinked', { symlink: 'elsewhere.yaml' }],
    ['a submodule', 'submodule', { submodule: 'a'.repeat(40) }],
    ['over 1 MiB', 'oversized', `# ${'x'.repeat(1024 * 1024)}\nmodels: []\n`],
    ['not text', 'binary', Uint8Array.of(0xff, 0xfe, 0x00, 0x80)],
  ])('is an error and never taken for an empty one: %s', async (_, name, content) => {
    const { repo } = await createTeam(world, name, catalogOf(world, [entry(OPEN, name)]));
    const { headSha } = await world.github.openPullRequest(repo, {
      title: 'Change',
      branch: 'change',
      files: { 'models.yaml': content },
    });
    await settled();
    const checks = await world.github.checks(repo, headSha);
    expect(outcomes(checks)).toEqual({ 'models.yaml': 'failure', 'model-images': 'failure' });
    expect(checkNamed(checks, 'model-images').title).toContain('models.yaml cannot be read');
  });

  test('is another thing than one that was removed', async () => {
    const { repo } = await createTeam(world, 'removed', catalogOf(world, [entry(OPEN, 'removed')]));
    const { headSha } = await world.github.openPullRequest(repo, {
      title: 'Remove',
      branch: 'remove',
      files: { 'models.yaml': null },
    });
    await settled();
    expect(outcomes(await world.github.checks(repo, headSha))).toEqual({
      'models.yaml': 'neutral',
      'model-images': 'success',
    });
  });
});

describe('what the Hub says', () => {
  test('nothing: both targets fail and say that trying later helps; /rebuild then succeeds', async () => {
    world.hub?.fail({ fault: { kind: 'status', status: 503 }, match: /api\/models\/acme\/tiny-chat/, times: 1000 });
    const pull = await openPull(world, 'hub-down', [entry(OPEN, 'hub-down')]);
    await settled();
    world.hub?.clearFaults();
    const checks = await world.github.checks(pull.repo, pull.headSha);
    expect(outcomes(checks)).toMatchObject({
      'hub-down · slim': 'failure',
      'hub-down · fat': 'failure',
      'model-images': 'failure',
    });
    expect(checkNamed(checks, 'hub-down · slim').title).toMatch(/Hub did not answer.*try again/);
    expect(checkNamed(checks, 'model-images').title).toContain('not decided');
    await world.github.comment(pull.repo, pull.number, 'maintainer', '/rebuild hub-down');
    await settled();
    expect(outcomes(await world.github.checks(pull.repo, pull.headSha))).toMatchObject({
      'hub-down · slim': 'success',
      'hub-down · fat': 'success',
      'model-images': 'success',
    });
  });

  test('there is no such model', async () => {
    const { repo, headSha } = await openPull(world, 'not-found', [entry('acme/nobody', 'not-found')]);
    await settled();
    const checks = await world.github.checks(repo, headSha);
    expect(outcomes(checks)).toMatchObject({
      'not-found · slim': 'failure',
      'not-found · fat': 'failure',
      'model-images': 'failure',
    });
    expect(checkNamed(checks, 'not-found · fat').title).toContain('The Hub has no public acme/nobody');
  });
});

describe('one pull request and another', () => {
  test('with the same model build it once', async () => {
    const repository = 'acme/hf-shared';
    const first = await openPull(world, 'shared-one', [entry(OPEN, 'shared')]);
    const opened = await world.github.openPullRequest(first.repo, {
      title: 'Add it too',
      branch: 'add-it-too',
      files: { 'models.yaml': catalogOf(world, [entry(OPEN, 'shared')]) },
      author: 'maintainer',
    });
    const second: Pull = { ...first, ...opened };
    await settled();
    for (const { repo, headSha } of [first, second]) {
      expect(outcomes(await world.github.checks(repo, headSha))['model-images']).toBe('success');
    }
    const manifests = world.registry.requests.filter(
      ({ method, path }) => method === 'PUT' && path.startsWith(`/v2/${repository}/manifests/sha256:`),
    );
    expect(new Set(manifests.map(({ path }) => path)).size).toBe(manifests.length);
    expect(digests(await reportOf(world, first))).toEqual(digests(await reportOf(world, second)));
  });

  test('a comment of somebody else that carries our marker is left alone', async () => {
    const marker = '<!-- model-image-publisher:report sha256=0000 -->';
    const { repo } = await createTeam(world, 'marker');
    world.github.setWebhookTarget(null);
    const opened = await world.github.openPullRequest(repo, {
      title: 'Add',
      branch: 'add',
      files: { 'models.yaml': catalogOf(world, [entry(OPEN, 'marker')]) },
    });
    const foreign = await world.github.comment(repo, opened.number, 'maintainer', `mine\n\n${marker}`);
    world.github.setWebhookTarget(`${world.bot.url}/api/github/webhooks`);
    await deliverAgain('pull_request', opened.number);
    await settled();
    const comments = await world.github.comments(repo, opened.number);
    expect(comments.find(({ id }) => id === foreign)?.body).toBe(`mine\n\n${marker}`);
    expect(comments).toHaveLength(2);
  });
});

describe('deliveries', () => {
  test('that come again, under the same id or fresh ones, change nothing', async () => {
    const pull = await openPull(world, 'again', [entry(OPEN, 'again')]);
    await settled();
    const before = await seen(pull);
    const writes = () =>
      world.registry.requests.filter(({ method, path }) => method === 'PUT' && path.includes('hf-again')).length;
    const puts = writes();
    await deliverAgain('pull_request', pull.number);
    await settled();
    await deliverAgain('pull_request', pull.number, 'a-fresh-id');
    await deliverAgain('pull_request', pull.number, 'another-fresh-id');
    await settled();
    expect(await seen(pull)).toEqual(before);
    expect(writes()).toBe(puts);
  });

  test('in any order: an older event never brings an older head back', async () => {
    const pull = await openPull(world, 'order', [entry(OPEN, 'order')]);
    const head = await world.github.pushToPullRequest(pull.repo, pull.number, { 'README.md': 'more' });
    await settled();
    await deliverAgain('pull_request', pull.number, 'late-id');
    await settled();
    expect(outcomes(await world.github.checks(pull.repo, head))['model-images']).toBe('success');
    expect(await reportOf(world, pull)).toContain(`Commit \`${head.slice(0, 12)}\``);
  });
});

test('a push during a build concludes what is unfinished on the old head, naming the newer one', async () => {
  // The weights do not come to an end.
  world.hub?.fail({ fault: { kind: 'stall', bytes: 10_000 }, match: /model-00001|[0-9a-f]{64}/, times: 1 });
  const pull = await openPull(world, 'superseded', [entry(SLOW, 'superseded')]);
  await until('the build to run', async () => {
    const checks = outcomes(await world.github.checks(pull.repo, pull.headSha));
    return Object.values(checks).includes('in_progress') && checks['superseded · fat'] === 'in_progress' ? true : null;
  });
  const head = await world.github.pushToPullRequest(pull.repo, pull.number, {
    'models.yaml': catalogOf(world, [entry(OPEN, 'superseded')]),
  });
  await until('the new head to conclude', async () =>
    outcomes(await world.github.checks(pull.repo, head))['model-images'] === 'success' ? true : null,
  );
  world.hub?.clearFaults();
  const old = await world.github.checks(pull.repo, pull.headSha);
  expect(old.filter(({ status }) => status !== 'completed')).toEqual([]);
  expect(outcomes(old)).toMatchObject({ 'superseded · fat': 'cancelled', 'model-images': 'cancelled' });
  expect(checkNamed(old, 'model-images').title).toBe(`Superseded by ${head.slice(0, 12)}`);
});

test('a push that leaves a model as it is carries its running build to the new head', async () => {
  world.registry.faults.push({ kind: 'slow', ms: 3_000, path: /hf-carried\/blobs\/uploads/, times: 2 });
  const pull = await openPull(world, 'carried', [entry(SLOW, 'carried')]);
  await until('the builds to run', async () =>
    Object.values(outcomes(await world.github.checks(pull.repo, pull.headSha))).includes('in_progress') &&
    world.registry.requests.some(({ path }) => path.includes('hf-carried/blobs/uploads'))
      ? true
      : null,
  );
  const head = await world.github.pushToPullRequest(pull.repo, pull.number, { 'README.md': 'more' });
  await settled();
  const old = await world.github.checks(pull.repo, pull.headSha);
  expect(old.filter(({ status }) => status !== 'completed')).toEqual([]);
  expect(outcomes(old)['model-images']).toBe('cancelled');
  expect(outcomes(await world.github.checks(pull.repo, head))).toMatchObject({
    'carried · slim': 'success',
    'carried · fat': 'success',
    'model-images': 'success',
  });
  const puts = world.registry.requests.filter(
    ({ method, path }) => method === 'PUT' && path.startsWith('/v2/acme/hf-carried/manifests/'),
  );
  expect(new Set(puts.map(({ path }) => path)).size).toBe(puts.length);
});

describe('a pull request from a fork', () => {
  test('is validated and planned, and nothing of it is built', async () => {
    world.github.addUser('stranger', 'read');
    const { repo } = await createTeam(world, 'forked');
    const opened = await world.github.createForkPullRequest(repo, {
      title: 'Add',
      branch: 'add',
      files: { 'models.yaml': catalogOf(world, [entry(OPEN, 'forked'), entry(GATED, 'forked-gated')]) },
      author: 'stranger',
    });
    await settled();
    const expected = {
      'models.yaml': 'success',
      'forked · slim': 'action_required',
      'forked · fat': 'action_required',
      'forked-gated · slim': 'action_required',
      'forked-gated · fat': 'neutral',
      'model-images': 'action_required',
    };
    expect(outcomes(await world.github.checks(repo, opened.headSha))).toEqual(expected);
    const id = await world.github.comment(repo, opened.number, 'maintainer', '/rebuild forked');
    await settled();
    const comments = await world.github.comments(repo, opened.number);
    expect(comments.find((comment) => comment.id === id)?.reactions).toEqual(['confused']);
    expect(comments.at(-1)?.body).toContain('`/rebuild` is not an approval');
    expect(outcomes(await world.github.checks(repo, opened.headSha))).toEqual(expected);
    // Whose the repositories are is read, and nothing else.
    const asked = world.registry.requests.filter(({ path }) => path.includes('hf-forked'));
    const read = (path: string) => /\/(manifests\/publisher-owner|tags\/list)$/.test(path);
    expect(asked.filter(({ method, path }) => method !== 'GET' || !read(path))).toEqual([]);
  });
});

function digests(report: string): string[] {
  return [...report.matchAll(/sha256:[0-9a-f]{64}/g)].map(([digest]) => digest);
}

/** Everything GitHub shows of a pull request. */
async function seen(pull: Pull) {
  return {
    checks: await world.github.checks(pull.repo, pull.headSha),
    comments: await world.github.comments(pull.repo, pull.number),
  };
}

/** Sends the newest delivery of the event about this number again. */
async function deliverAgain(event: string, number: number, guid?: string): Promise<void> {
  const all = world.github.deliveries.filter(
    (delivery) =>
      delivery.event === event && delivery.action === 'opened' && delivery.body.includes(`"number":${number},`),
  );
  const last = all.at(-1);
  if (last === undefined) throw new Error(`no delivery of ${event} about ${number}`);
  const { status } = await world.github.redeliver(last.id, guid);
  expect(status).toBe(202);
}
