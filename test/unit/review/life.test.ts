import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { PublisherError } from '../../../src/errors.ts';
import { entry } from '../../support/demo/stories.ts';
import { commitFiles, headOf } from '../../support/hub/model.ts';
import { tinyModel } from '../../support/hub/tiny.ts';
import { type Office, startOffice } from '../../support/review/office.ts';

const OPEN = 'acme/tiny-chat';
const OTHER = 'acme/tiny-other';
const MOVING = 'acme/tiny-moving';
const STAYING = 'acme/tiny-staying';

let office: Office;
beforeAll(async () => {
  office = await startOffice(
    [OPEN, OTHER, MOVING, STAYING].map((id) => tinyModel({ id })),
    { MAX_CHANGED_PER_PR: '2' },
  );
});
afterAll(() => office.close());
beforeEach(() => {
  office.hub.requests.length = 0;
});

const builtOf = (short: string) => office.built.filter((name) => name.startsWith(`hf-${short} `)).sort();
const both = (short: string, outcome: string) => ({ [`${short} · slim`]: outcome, [`${short} · fat`]: outcome });

describe('a push', () => {
  test('that touches no model neither restarts nor doubles a build; the new head carries it', async () => {
    const team = office.team([]);
    const pr = await team.open(office.catalog([entry(OPEN, 'carried')]));
    const old = team.head(pr);
    await office.begin();
    expect(team.checks(old)).toMatchObject(both('carried', 'in_progress'));
    office.hub.requests.length = 0;
    const head = team.push(pr, null);
    await team.event(pr);
    await office.begin();
    expect(team.checks(old)).toMatchObject({ ...both('carried', 'cancelled'), 'model-images': 'cancelled' });
    expect(team.check(old, 'model-images').title).toBe(`Superseded by ${head.slice(0, 12)}`);
    expect(team.checks(head)).toMatchObject(both('carried', 'in_progress'));
    await office.end();
    expect(builtOf('carried')).toEqual(['hf-carried fat', 'hf-carried slim']);
    expect(team.checks(head)).toMatchObject({ ...both('carried', 'success'), 'model-images': 'success' });
    expect(team.checks(old)['model-images']).toBe('cancelled');
  });

  test('that changes a model cancels the build of what it was', async () => {
    const team = office.team([]);
    const pr = await team.open(office.catalog([entry(OPEN, 'changed')]));
    await office.begin();
    const head = team.push(pr, office.catalog([entry(OPEN, 'changed', 'serve_args: ["--x"]')]));
    await team.event(pr);
    await office.end();
    expect(builtOf('changed')).toEqual([]);
    await office.build();
    expect(builtOf('changed')).toEqual(['hf-changed fat', 'hf-changed slim']);
    expect(team.checks(head)['model-images']).toBe('success');
  });

  test('of an older commit again, as after a force-push back, reviews it again', async () => {
    const team = office.team([]);
    const pr = await team.open(office.catalog([entry(OPEN, 'forced')]));
    const first = team.head(pr);
    team.push(pr, office.catalog([entry(OPEN, 'forced', 'serve_args: ["--x"]')]));
    await team.event(pr);
    expect(team.checks(first)['model-images']).toBe('cancelled');
    team.change(pr, { headSha: first });
    await team.event(pr);
    await office.build();
    expect(team.checks(first)).toMatchObject({ ...both('forced', 'success'), 'model-images': 'success' });
    expect(team.report(pr)).toContain(first.slice(0, 12));
  });
});

describe('two pull requests with the same model', () => {
  test('build it once, and closing one does not stop the other', async () => {
    const team = office.team([]);
    const text = office.catalog([entry(OPEN, 'shared')]);
    const [first, second] = [await team.open(text), await team.open(text)];
    await office.begin();
    team.change(first, { state: 'closed' });
    await team.event(first);
    expect(team.checks(team.head(first))).toMatchObject({
      ...both('shared', 'cancelled'),
      'model-images': 'cancelled',
    });
    await office.end();
    expect(builtOf('shared')).toEqual(['hf-shared fat', 'hf-shared slim']);
    expect(team.checks(team.head(second))['model-images']).toBe('success');
    expect(team.checks(team.head(first))['model-images']).toBe('cancelled');
  });
});

describe('a pull request that is over', () => {
  test('closed during a build: it is cancelled, the checks say so, and reopening builds again', async () => {
    const team = office.team([]);
    const pr = await team.open(office.catalog([entry(OPEN, 'closed')]));
    const head = team.head(pr);
    await office.begin();
    team.change(pr, { state: 'closed' });
    await team.event(pr);
    await office.end();
    expect(builtOf('closed')).toEqual([]);
    expect(team.checks(head)).toEqual({
      'models.yaml': 'success',
      ...both('closed', 'cancelled'),
      scan: 'cancelled',
      'model-images': 'cancelled',
    });
    expect(team.check(head, 'model-images').title).toBe('The pull request was closed');
    team.change(pr, { state: 'open' });
    await team.event(pr);
    expect(team.checks(head)).toMatchObject({ ...both('closed', 'queued'), 'model-images': 'in_progress' });
    await office.build();
    expect(builtOf('closed')).toEqual(['hf-closed fat', 'hf-closed slim']);
    expect(team.checks(head)['model-images']).toBe('success');
  });

  test('closed, pushed to and reopened: what the closed head said stays', async () => {
    const team = office.team([]);
    const pr = await team.open(office.catalog([entry(OPEN, 'reopened')]));
    const old = team.head(pr);
    team.change(pr, { state: 'closed' });
    await team.event(pr);
    const before = team.checks(old);
    team.push(pr, office.catalog([entry(OPEN, 'reopened', 'serve_args: ["--x"]')]));
    team.change(pr, { state: 'open' });
    await team.event(pr);
    await office.build();
    expect(team.checks(old)).toEqual(before);
    expect(team.checks(team.head(pr))['model-images']).toBe('success');
  });

  test('merged during a build: it is finished, and told on the commit that was merged', async () => {
    const team = office.team([]);
    const text = office.catalog([entry(OPEN, 'merged')]);
    const pr = await team.open(text);
    await office.begin();
    team.merge(pr, text);
    await team.event(pr);
    await team.refresh();
    await office.end();
    expect(builtOf('merged')).toEqual(['hf-merged fat', 'hf-merged slim']);
    expect(team.checks(team.head(pr))).toMatchObject({ ...both('merged', 'success'), 'model-images': 'success' });
  });

  test('merged: later changes of the default branch do not ask GitHub about it again', async () => {
    const team = office.team([]);
    const text = office.catalog([entry(OPEN, 'past')]);
    const pr = await team.open(text);
    await office.build();
    team.merge(pr, text);
    await team.event(pr);
    const before = team.github.calls.length;
    await team.refresh();
    expect(team.github.calls).toHaveLength(before);
  });

  test('merged before its last push was looked at: no check of an older head is left unfinished', async () => {
    const team = office.team([]);
    const text = office.catalog([entry(OPEN, 'hasty')]);
    const pr = await team.open(text);
    const old = team.head(pr);
    await office.begin();
    team.push(pr, null);
    team.merge(pr, text);
    await team.event(pr);
    await office.end();
    expect(team.github.checks.filter(({ headSha, status }) => headSha === old && status !== 'completed')).toEqual([]);
  });
});

describe('the default branch moves', () => {
  test('without its catalog: nothing is asked of the Hub, and nothing is said again', async () => {
    const team = office.team([]);
    const pr = await team.open(office.catalog([entry(OPEN, 'calm')]));
    await office.build();
    const before = JSON.stringify([team.github.checkHistory, team.github.comments]);
    office.hub.requests.length = 0;
    team.branch('main', null);
    await team.refresh();
    expect(office.hub.requests).toEqual([]);
    expect(JSON.stringify([team.github.checkHistory, team.github.comments])).toBe(before);
    expect(team.checks(team.head(pr))['model-images']).toBe('success');
  });

  test('two pull requests that each pass and together have a short twice: once one is merged, the other fails on its line', async () => {
    const team = office.team([]);
    const one = office.catalog([entry(OPEN, 'twice')]);
    const two = office.catalog([entry(OTHER, 'twice')]);
    const [first, second] = [await team.open(one), await team.open(two)];
    await office.build();
    for (const pr of [first, second]) expect(team.checks(team.head(pr))['model-images']).toBe('success');
    team.merge(first, one);
    await team.event(first);
    await team.refresh();
    expect(team.checks(team.head(second))).toMatchObject({ 'models.yaml': 'failure', 'model-images': 'failure' });
    const [annotation] = team.check(team.head(second), 'models.yaml').annotations;
    expect(two.split('\n')[(annotation?.startLine ?? 0) - 1]).toContain(OTHER);
    expect(team.report(second).split('\n')[0]).toContain('❌');
  });

  test('to a stricter whitelist: open pull requests are judged by it, and what runs is given up', async () => {
    const team = office.team([]);
    const pr = await team.open(office.catalog([entry(OPEN, 'stricter')]));
    await office.begin();
    team.branch('main', office.catalog([], ['spdx_permissive_whitelist: [mit]']));
    await team.refresh();
    await office.end();
    // The decision is written into the slim image too: what was running is another image than the one asked for now.
    expect(builtOf('stricter')).toEqual([]);
    await office.build();
    expect(builtOf('stricter')).toEqual(['hf-stricter slim']);
    expect(team.checks(team.head(pr))).toMatchObject({ 'stricter · fat': 'neutral', 'model-images': 'success' });
  });

  test('to a broken catalog and back: the pull request fails and then passes, without being pushed to', async () => {
    const team = office.team([]);
    const pr = await team.open(office.catalog([entry(OPEN, 'mended')]));
    await office.build();
    const good = office.catalog([]);
    team.branch('main', 'models: {}\n');
    await team.refresh();
    expect(team.checks(team.head(pr))['model-images']).toBe('failure');
    team.branch('main', good);
    await team.refresh();
    await office.build();
    expect(team.checks(team.head(pr))).toMatchObject({ 'models.yaml': 'success', 'model-images': 'success' });
    expect(builtOf('mended')).toEqual(['hf-mended fat', 'hf-mended slim']);
  });

  test('under another base branch: the pull request is planned against the new base', async () => {
    const team = office.team([]);
    team.branch('release', office.catalog([entry(OPEN, 'retargeted')]));
    const pr = await team.open(office.catalog([entry(OPEN, 'retargeted')]));
    await office.build();
    expect(builtOf('retargeted')).toHaveLength(2);
    team.change(pr, { baseRef: 'release' });
    team.github.setMergeBase(
      await team.github.branchHead({ owner: 'acme', name: `models-${team.repoId}` }, 'release'),
      team.head(pr),
      team.branch('unused', office.catalog([])),
    );
    await team.event(pr);
    expect(team.check(team.head(pr), 'model-images')).toMatchObject({
      conclusion: 'success',
      title: 'No model changes.',
    });
  });
});

describe('a merge queue', () => {
  const verdictOf = async (first: string[] | null, merged: string | null) => {
    const team = office.team(first);
    const sha = team.branch('gh-readonly-queue/main/pr-1', merged ?? '');
    team.github.addCommit(sha, merged === null ? {} : { 'models.yaml': merged });
    await team.mergeGroup(sha);
    return team.checks(sha);
  };

  test('has the required check on its commit: of a valid catalog, a broken one, one that is removed', async () => {
    expect(await verdictOf([], office.catalog([entry(OPEN, 'group')]))).toEqual({ 'model-images': 'success' });
    expect(await verdictOf([], 'models: {}\n')).toEqual({ 'model-images': 'failure' });
    expect(await verdictOf([], null)).toEqual({ 'model-images': 'success' });
  });

  test('of a repository without a catalog is none of ours', async () => {
    expect(await verdictOf(null, null)).toEqual({});
  });
});

describe('an event that is told again changes nothing', () => {
  test.each<[string, string, string | undefined]>([
    ['after images were built', 'again', undefined],
    ['after a build failed', 'again-failed', 'the registry is full'],
  ])('%s', async (_, short, failure) => {
    const team = office.team([]);
    const pr = await team.open(office.catalog([entry(OPEN, short)]));
    await office.build(failure);
    const seen = () => JSON.stringify([team.github.checkHistory, team.github.comments]);
    const [before, builds] = [seen(), office.built.length];
    office.hub.requests.length = 0;
    await team.event(pr);
    await team.refresh();
    await office.build();
    expect(seen()).toBe(before);
    expect(office.built).toHaveLength(builds);
    expect(office.hub.requests).toEqual([]);
  });

  test('after the Hub did not answer', async () => {
    office.hub.fail({ fault: { kind: 'status', status: 503 }, match: /tiny-other/, times: 1000 });
    const team = office.team([]);
    const pr = await team.open(office.catalog([entry(OTHER, 'outage')]));
    office.hub.clearFaults();
    expect(team.checks(team.head(pr))).toMatchObject({ ...both('outage', 'failure'), 'model-images': 'failure' });
    const before = JSON.stringify(team.github.checkHistory);
    office.hub.requests.length = 0;
    await team.event(pr);
    expect(office.hub.requests).toEqual([]);
    expect(JSON.stringify(team.github.checkHistory)).toBe(before);
  });
});

describe('a review that did not come to a plan', () => {
  test('because of a ceiling is not made again by the same event: the Hub is asked once', async () => {
    const team = office.team([]);
    const names = ['many-a', 'many-b', 'many-c'];
    const pr = await team.open(office.catalog(names.map((short) => entry(OPEN, short))));
    expect(team.check(team.head(pr), 'model-images').title).toContain('MAX_CHANGED_PER_PR');
    const before = JSON.stringify([team.github.checkHistory, team.github.comments]);
    office.hub.requests.length = 0;
    await team.event(pr);
    await team.refresh();
    await office.build();
    expect(office.hub.requests).toEqual([]);
    expect(JSON.stringify([team.github.checkHistory, team.github.comments])).toBe(before);
    expect(office.built.filter((name) => name.startsWith('hf-many'))).toEqual([]);
    // One that is small enough again is built.
    team.push(pr, office.catalog(names.slice(1).map((short) => entry(OPEN, short))));
    await team.event(pr);
    await office.build();
    expect(team.checks(team.head(pr))['model-images']).toBe('success');
  });

  test('because GitHub did not answer is made again by whatever happens next, and builds once', async () => {
    const team = office.team([]);
    const pr = await team.open(office.catalog([entry(OPEN, 'silent')]));
    await office.build();
    team.github.failNext('repository', new PublisherError('denied', 'GitHub says no'), { times: 1 });
    await team.event(pr);
    expect(team.check(team.head(pr), 'model-images')).toMatchObject({
      conclusion: 'failure',
      title: expect.stringContaining('GitHub says no'),
    });
    await team.event(pr);
    await office.build();
    expect(team.checks(team.head(pr))).toMatchObject({ ...both('silent', 'success'), 'model-images': 'success' });
    expect(builtOf('silent')).toHaveLength(2);
  });
});

describe('buttons on checks', () => {
  test('"Re-run" of the required check after a Hub outage plans again', async () => {
    office.hub.fail({ fault: { kind: 'status', status: 503 }, match: /tiny-other/, times: 1000 });
    const team = office.team([]);
    const pr = await team.open(office.catalog([entry(OTHER, 'rerun')]));
    office.hub.clearFaults();
    expect(team.checks(team.head(pr))['model-images']).toBe('failure');
    await team.click(pr, 'rerun', 'model-images', 'reader');
    expect(team.checks(team.head(pr))['model-images']).toBe('failure');
    await team.click(pr, 'rerun', 'model-images', 'maintainer');
    await office.build();
    expect(team.checks(team.head(pr))).toMatchObject({ ...both('rerun', 'success'), 'model-images': 'success' });
  });

  test.each([
    ['rebuild', 'rebuild'],
    ['rerun', 're-run'],
  ])('%s on a target builds that one again, for who may push and only on the head', async (action, short) => {
    const team = office.team([]);
    team.github.setPermission('reader', false);
    const pr = await team.open(office.catalog([entry(OPEN, short)]));
    await office.build();
    const old = team.head(pr);
    expect(team.check(old, `${short} · slim`).actions.map(({ identifier }) => identifier)).toEqual(['rebuild']);
    await team.click(pr, action, `${short} · slim`, 'reader');
    await team.click(pr, action, `${short} · slim`, 'helper[bot]');
    await office.build();
    expect(builtOf(short)).toHaveLength(2);
    await team.click(pr, action, `${short} · slim`, 'maintainer');
    expect(team.checks(old)).toMatchObject({ [`${short} · slim`]: 'queued', 'model-images': 'in_progress' });
    await office.build();
    expect(builtOf(short)).toEqual([`hf-${short} fat`, `hf-${short} slim`, `hf-${short} slim`]);
    team.push(pr, null);
    await team.event(pr);
    await team.click(pr, action, `${short} · slim`, 'maintainer', old);
    await office.build();
    expect(builtOf(short)).toHaveLength(3);
  });

  test('"Re-run" of the required check runs failed builds again, and no others', async () => {
    const team = office.team([]);
    const pr = await team.open(office.catalog([entry(OPEN, 'failed')]));
    await office.build('the registry is full');
    expect(team.checks(team.head(pr))).toMatchObject(both('failed', 'failure'));
    await team.click(pr, 'rerun', 'model-images', 'maintainer');
    await office.build();
    expect(team.checks(team.head(pr))['model-images']).toBe('success');
    await team.click(pr, 'rerun', 'model-images', 'maintainer');
    await office.build();
    expect(builtOf('failed')).toEqual(['hf-failed fat', 'hf-failed slim']);
  });

  test('on a closed pull request do nothing', async () => {
    const team = office.team([]);
    const pr = await team.open(office.catalog([entry(OPEN, 'over')]));
    await office.build();
    team.change(pr, { state: 'closed' });
    await team.event(pr);
    for (const action of ['rebuild', 'rerun', 'approve']) await team.click(pr, action, 'over · slim', 'maintainer');
    await office.build();
    expect(builtOf('over')).toHaveLength(2);
  });
});

test('`/rebuild` resolves that model and its base anew, says old → new, and leaves the other on its pins', async () => {
  const move = (id: string) => {
    const model = office.hub.models.find((candidate) => candidate.id === id);
    if (model === undefined) throw new Error(`no ${id}`);
    const files = Object.fromEntries(headOf(model).files.map(({ path, content }) => [path, content]));
    const old = headOf(model).sha;
    const readme = `---\nlicense: apache-2.0\n---\n# Moved ${id}\n`;
    return { old, now: commitFiles(model, { ...files, 'README.md': readme }, '2025-06-01T00:00:00.000Z').sha };
  };
  const team = office.team([]);
  const pr = await team.open(office.catalog([entry(MOVING, 'moving'), entry(STAYING, 'staying')]));
  await office.build();
  const base = /@(sha256:[0-9a-f]{64})/.exec(team.check(team.head(pr), 'moving · slim').summary)?.[1] ?? '';
  const [moving, staying] = [move(MOVING), move(STAYING)];
  const newBase = await office.moveBase();
  await team.say(pr, 'maintainer', '/rebuild moving');
  await office.build();
  const head = team.head(pr);
  for (const variant of ['slim', 'fat']) {
    expect(team.check(head, `moving · ${variant}`).summary).toContain(moving.now);
    expect(team.check(head, `moving · ${variant}`).summary).toContain(newBase);
    expect(team.check(head, `staying · ${variant}`).summary).toContain(staying.old);
    expect(team.check(head, `staying · ${variant}`).summary).toContain(base);
  }
  expect(team.report(pr)).toContain(`moving: revision ${moving.old.slice(0, 12)} → ${moving.now.slice(0, 12)}`);
  expect(team.report(pr)).toContain(`moving: base ${base.slice(0, 19)} → ${newBase.slice(0, 19)}`);
  expect(team.report(pr)).not.toContain('staying: revision');
  expect(builtOf('staying')).toHaveLength(2);
});

test('an account that is not served is ignored: nothing is read, nothing said', async () => {
  const team = office.team([]);
  const { serves } = office.context;
  office.context.serves = async () => false;
  const pr = await team.open(office.catalog([entry(OPEN, 'unserved')]));
  await team.say(pr, 'maintainer', '/rebuild all');
  await team.refresh();
  office.context.serves = serves;
  expect(team.github.calls).toEqual([]);
  expect(team.github.checks).toEqual([]);
});
