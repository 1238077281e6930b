import { afterAll, beforeAll, expect, it } from 'vitest';
import { PublisherError } from '../../../src/errors.ts';
import { runRelease } from '../../../src/publishing/release/release-job.ts';
import { enqueueRelease } from '../../../src/publishing/release/request-release.ts';
import { catalogId } from '../../../src/store/publications.ts';
import { findRelease, planRelease, publishedRelease } from '../../../src/store/releases.ts';
import { entry } from '../../support/demo/stories.ts';
import { tinyModel } from '../../support/hub/tiny.ts';
import { type Office, startOffice, type Team } from '../../support/review/office.ts';

const MODEL = 'acme/tiny-chat';

let office: Office;
let teams = 0;
beforeAll(async () => {
  office = await startOffice([tinyModel({ id: MODEL })]);
});
afterAll(() => office.close());

/** A repository with a catalog on its default branch, and what is asked of the bot there. */
function releasing(): {
  team: Team;
  ask(tag: string, how: { issue: number | null; latest?: boolean }): Promise<void>;
  run(tag: string, how?: { issue?: number | null; lastAttempt?: boolean }): Promise<'done' | 'postponed'>;
  row(tag: string): ReturnType<typeof findRelease>;
  key(tag: string): { catalog: string; tag: string };
} {
  teams += 1;
  // Repositories belong to the first catalog that names them.
  const team = office.team([entry(MODEL, `tiny-${teams}`)]);
  const { repoId, github } = team;
  github.addIssue(7);
  const repo = { installationId: repoId, repoId, owner: 'acme', repo: `models-${repoId}` };
  const key = (tag: string) => ({ catalog: catalogId(repoId, 'models.yaml'), tag });
  const { store, queue } = office.context;
  return {
    team,
    key,
    ask: (tag, { issue, latest = false }) =>
      store.transaction((tx) =>
        enqueueRelease(queue, repo, { options: { tag, latest, experimental: false, set: [] }, issue }, tx),
      ),
    async run(tag, { issue = null, lastAttempt = false } = {}) {
      let outcome: 'done' | 'postponed' = 'done';
      await runRelease(
        {
          id: 'job',
          attempt: 1,
          lastAttempt,
          signal: new AbortController().signal,
          postpone: () => {
            outcome = 'postponed';
          },
          data: { ...repo, tag, issue },
        },
        office.context,
      );
      return outcome;
    },
    row: (tag) => findRelease(store.db, key(tag)),
  };
}

const nothing = { images: [], runtimes: [] };
const queued = async () => (await office.context.queue.counts()).release.queued;

it('an event about a release that is done, or under way, changes nothing of it', async () => {
  const { ask, row, key } = releasing();
  const { db } = office.context.store;
  await ask('v1', { issue: 7, latest: true });
  await planRelease(db, key('v1'), { commit: 'c'.repeat(40), plan: [] });
  const jobs = await queued();
  await ask('v1', { issue: null });
  expect(await row('v1')).toMatchObject({ state: 'requested', commit: 'c'.repeat(40), options: { latest: true } });
  await publishedRelease(db, key('v1'), nothing, 'c'.repeat(40));
  await ask('v1', { issue: null });
  expect(await row('v1')).toMatchObject({ state: 'published', commit: 'c'.repeat(40), options: { latest: true } });
  expect(await queued()).toBe(jobs);
  await ask('v1', { issue: 7 });
  expect(await row('v1')).toMatchObject({ state: 'requested', commit: null, options: { latest: false } });
});

it('an event is a hint: the release is read again, and what is not there is not released', async () => {
  const { ask, run, row, team } = releasing();
  await ask('v1', { issue: null });
  await expect(run('v1')).rejects.toMatchObject({ code: 'github-unavailable', retryable: true });
  team.github.addRelease({ tag: 'v1', draft: true });
  expect(await run('v1', { lastAttempt: true })).toBe('done');
  expect(await row('v1')).toMatchObject({ state: 'failed', commit: null, plan: null });
  expect(team.github.issues).toEqual([]);
});

it('a published release is that of its git tag, never of the default branch in its place', async () => {
  const { ask, run, row, team } = releasing();
  const tagged = team.branch('main', null);
  team.branch('main', null);
  team.github.addRelease({ tag: 'v1' });
  await ask('v1', { issue: null });
  await run('v1');
  expect(await row('v1')).toMatchObject({ state: 'failed', commit: null });
  expect(team.github.issues).toMatchObject([
    { body: expect.stringContaining('v1 of this release is gone'), open: true },
  ]);
  team.github.setTag('v1', tagged);
  await ask('v1', { issue: null });
  expect(await run('v1')).toBe('postponed');
  expect(await row('v1')).toMatchObject({ state: 'requested', commit: tagged });
});

it('somebody who asks for a release without a git tag gets the default branch’s head', async () => {
  const { ask, run, row, team } = releasing();
  const head = team.branch('main', null);
  await ask('nightly', { issue: 7 });
  expect(await run('nightly', { issue: 7 })).toBe('postponed');
  expect(await row('nightly')).toMatchObject({ state: 'requested', commit: head });
});

const away = () => new PublisherError('github-unavailable', 'GitHub does not answer.');

it('what was tagged is published, although nobody could be told yet; the next attempt tells it', async () => {
  const { ask, run, row, key, team } = releasing();
  const commit = team.branch('main', null);
  await ask('v1', { issue: 7 });
  await planRelease(office.context.store.db, key('v1'), { commit, plan: [] });
  team.github.failNext('release', away());
  await expect(run('v1', { issue: 7 })).rejects.toMatchObject({ code: 'github-unavailable' });
  expect(await row('v1')).toMatchObject({ state: 'published', commit, snapshot: nothing, told: false });
  await run('v1', { issue: 7 });
  expect(await row('v1')).toMatchObject({ state: 'published', told: true });
  expect(team.github.issues).toMatchObject([{ title: 'Released v1' }]);
  expect(team.github.comments).toMatchObject([{ issueNumber: 7, body: expect.stringContaining('is released') }]);
  const calls = team.github.calls.length;
  await run('v1', { issue: 7 });
  expect(team.github.calls.length).toBe(calls);
});

it('a release that can never be told is no failed one', async () => {
  const { ask, run, row, key, team } = releasing();
  const commit = team.branch('main', null);
  await ask('v1', { issue: 7 });
  await planRelease(office.context.store.db, key('v1'), { commit, plan: [] });
  team.github.failNext('upsertComment', new PublisherError('denied', 'The App may not write comments.'));
  await run('v1', { issue: 7 });
  expect(await row('v1')).toMatchObject({ state: 'published', snapshot: nothing, error: null });
});

it('a failure is written down before it is told, and told once GitHub answers again', async () => {
  const { ask, run, row, team } = releasing();
  team.github.addRelease({ tag: 'v1' });
  await ask('v1', { issue: null });
  team.github.failNext('upsertIssue', away());
  await expect(run('v1')).rejects.toMatchObject({ code: 'github-unavailable' });
  expect(await row('v1')).toMatchObject({ state: 'failed', told: false });
  await run('v1');
  expect(await row('v1')).toMatchObject({ state: 'failed', told: true });
  expect(team.github.issues).toMatchObject([{ title: 'Release v1 failed', open: true }]);
});
