import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { PublisherError } from '../../../src/errors.ts';
import { publishLeaseName } from '../../../src/publish/publish-lease.ts';
import { acquireLease } from '../../../src/store/leases.ts';
import { repositories } from '../../../src/store/schema.ts';
import { entry } from '../../support/demo/stories.ts';
import { tinyModel } from '../../support/hub/tiny.ts';
import { finishBuilds, look, rowOf } from '../../support/publishing/look.ts';
import { scanned } from '../../support/report/report.ts';
import { type Office, startOffice } from '../../support/review/office.ts';

const ONE = 'acme/tiny-one';
const TWO = 'acme/tiny-two';

let office: Office;
beforeAll(async () => {
  office = await startOffice([ONE, TWO].map((id) => tinyModel({ id })));
});
afterAll(() => office.close());
beforeEach(async () => {
  await office.context.store.db.delete(repositories);
});

const failing = (error: PublisherError) => ({
  attester: async () => {
    throw error;
  },
});

describe('a publication', () => {
  test('puts tags on what was built, and tells the branch', async () => {
    const team = office.team([entry(ONE, 'plain')]);
    await look(office, team);
    expect(await finishBuilds(office)).toBe(2);
    expect(await look(office, team)).toEqual({ error: null, postponed: null });
    expect(await rowOf(office, team, 'plain')).toMatchObject({ state: 'published', details: { failure: null } });
  });

  test('looks again soon, and counts no failure, while somebody else publishes there', async () => {
    const team = office.team([entry(ONE, 'leased')]);
    await look(office, team);
    await finishBuilds(office);
    const name = publishLeaseName(`${office.registry.host}/acme/hf-leased`);
    await acquireLease(office.context.store.db, name, 'somebody', 60_000);
    const { error, postponed } = await look(office, team);
    expect(error).toBeNull();
    expect(postponed).toBeGreaterThan(0);
  });

  test('counts as a failure what is busy otherwise, and ends with it', async () => {
    const team = office.team([entry(ONE, 'crowded')]);
    await look(office, team);
    await finishBuilds(office);
    const busy = failing(new PublisherError('busy', 'Other writers kept replacing a tag.'));
    expect(await look(office, team, { context: busy })).toMatchObject({ error: { code: 'busy' }, postponed: null });
    await look(office, team, { context: busy, lastAttempt: true });
    expect(await rowOf(office, team, 'crowded')).toMatchObject({
      state: 'failed',
      details: { failure: 'Other writers kept replacing a tag.' },
    });
  });

  test('tells of a mirror that the operator does not allow', async () => {
    const team = office.team([entry(ONE, 'mirrored')], ['mirrors: [ghcr]']);
    await look(office, team);
    expect((await rowOf(office, team, 'mirrored'))?.details.notes.join(' ')).toContain(
      'mirrored, not mirrored: Registry ghcr',
    );
  });
});

describe('people', () => {
  const broken = { failure: 'out of disk' };
  const away = (retryable: boolean) => new PublisherError('github-unavailable', 'GitHub is away.', { retryable });

  test('read of a failure although the run that found it could not say so', async () => {
    const team = office.team([entry(ONE, 'untold')]);
    await look(office, team);
    await finishBuilds(office, broken);
    team.github.failNext('upsertIssue', away(true));
    expect(await look(office, team)).toMatchObject({ error: { code: 'github-unavailable' } });
    expect(await rowOf(office, team, 'untold')).toMatchObject({ state: 'failed', details: { told: false } });
    expect(await look(office, team)).toMatchObject({ error: null });
    expect(team.github.issues).toMatchObject([{ open: true, writes: 1 }]);
    expect(await rowOf(office, team, 'untold')).toMatchObject({ details: { told: true, issue: true } });
    await look(office, team);
    expect(team.github.calls.filter(({ method }) => method === 'upsertIssue')).toHaveLength(2);
  });

  test('read on the merged pull request what a run that failed could not reply', async () => {
    const team = office.team([]);
    const text = office.catalog([entry(ONE, 'replied')]);
    const pr = await team.open(text);
    await finishBuilds(office, broken);
    team.merge(pr, text);
    const reply = () => team.github.comments.find(({ marker }) => marker === 'publication')?.body;
    await look(office, team);
    await finishBuilds(office, broken);
    team.github.failNext('upsertComment', away(true));
    await look(office, team);
    expect(reply()).toBeUndefined();
    await look(office, team);
    expect(reply()).toContain('out of disk');
  });

  test('keep others informed where GitHub refuses a reply for good', async () => {
    const team = office.team([entry(ONE, 'refused')]);
    await look(office, team);
    await finishBuilds(office, broken);
    team.github.failNext('upsertIssue', away(false));
    expect(await look(office, team)).toMatchObject({ error: null });
    expect(await rowOf(office, team, 'refused')).toMatchObject({ details: { told: true } });
  });

  test('see the issue about a model closed once the model leaves the catalog', async () => {
    const team = office.team([entry(ONE, 'leaving')]);
    await look(office, team);
    await finishBuilds(office, broken);
    await look(office, team);
    expect(team.github.issues).toMatchObject([{ open: true }]);
    team.branch('main', office.catalog([]));
    team.github.failNext('upsertIssue', away(true));
    await look(office, team);
    expect(team.github.issues).toMatchObject([{ open: true }]);
    await look(office, team);
    expect(team.github.issues).toMatchObject([{ open: false }]);
    expect(await rowOf(office, team, 'leaving')).toBeUndefined();
  });
});

describe('what no other run of the job follows', () => {
  const gone = new PublisherError('github-unavailable', 'GitHub has no such commit.', { retryable: false });
  const later = new PublisherError('github-unavailable', 'GitHub is away.', { retryable: true });

  test('is told where people look: in the check of the branch and in an issue', async () => {
    const team = office.team([entry(ONE, 'final')]);
    team.github.failNext('commitTime', gone);
    expect(await look(office, team)).toMatchObject({ error: { code: 'github-unavailable' } });
    const head = await team.github.branchHead({ owner: 'acme', name: `models-${team.repoId}` }, 'main');
    expect(team.checks(head)).toEqual({ 'model-images': 'failure' });
    expect(team.github.issues).toMatchObject([{ title: 'Publishing final failed', open: true }]);
    expect(team.github.issues[0]?.body).toContain('GitHub has no such commit.');
  });

  test('is the last failure of a kind that is worth another try, and no earlier one', async () => {
    const team = office.team([entry(ONE, 'last')]);
    team.github.failNext('commitTime', later);
    await look(office, team);
    expect(await rowOf(office, team, 'last')).toBeUndefined();
    expect(team.github.issues).toEqual([]);
    team.github.failNext('commitTime', later);
    await look(office, team, { lastAttempt: true });
    expect(await rowOf(office, team, 'last')).toMatchObject({
      state: 'failed',
      details: { failure: 'GitHub is away.' },
    });
    expect(team.github.issues).toMatchObject([{ open: true }]);
  });

  test('stays with the model whose repository cannot be read', async () => {
    const team = office.team([entry(ONE, 'unread'), entry(TWO, 'read')]);
    const options = { unreachable: 'acme/hf-unread' };
    expect(await look(office, team, options)).toMatchObject({ error: { code: 'registry-unavailable' } });
    expect(await finishBuilds(office)).toBe(2);
    await look(office, team, options);
    expect(await rowOf(office, team, 'read')).toMatchObject({ state: 'published' });
    expect(await rowOf(office, team, 'unread')).toMatchObject({ state: 'pending' });
    await look(office, team, { ...options, lastAttempt: true });
    expect(await rowOf(office, team, 'unread')).toMatchObject({ state: 'failed' });
  });
});

describe('an image whose build ended well and that cannot be published', () => {
  test('is built again once when its registry has lost it', async () => {
    const team = office.team([entry(ONE, 'lost')]);
    await look(office, team);
    await finishBuilds(office, { pushed: false });
    expect(await look(office, team)).toEqual({ error: null, postponed: null });
    expect(await rowOf(office, team, 'lost')).toMatchObject({ state: 'pending' });
    expect(await finishBuilds(office)).toBe(2);
    await look(office, team);
    expect(await rowOf(office, team, 'lost')).toMatchObject({ state: 'published' });
  });

  test('fails when a second build does not bring it back', async () => {
    const team = office.team([entry(ONE, 'hopeless')]);
    await look(office, team);
    await finishBuilds(office, { pushed: false });
    await look(office, team);
    await finishBuilds(office, { pushed: false });
    await look(office, team);
    expect(await rowOf(office, team, 'hopeless')).toMatchObject({ state: 'failed' });
    expect(await finishBuilds(office)).toBe(0);
  });

  test('is scanned again once where a scan is required and there was none', async () => {
    const team = office.team([entry(ONE, 'unscanned')]);
    const required = { scan: 'required' } as const;
    await look(office, team, required);
    await finishBuilds(office);
    await look(office, team, required);
    expect(await rowOf(office, team, 'unscanned')).toMatchObject({ state: 'pending' });
    expect(await finishBuilds(office)).toBe(1);
    await look(office, team, required);
    expect(await rowOf(office, team, 'unscanned')).toMatchObject({
      state: 'failed',
      details: { failure: expect.stringContaining('not scanned: no Trivy') },
    });
    team.branch('main', null);
    await look(office, team, required);
    expect(await finishBuilds(office, { scan: scanned() })).toBe(1);
    await look(office, team, required);
    expect(await rowOf(office, team, 'unscanned')).toMatchObject({ state: 'published' });
  });
});
