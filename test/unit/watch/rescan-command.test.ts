import { afterAll, beforeAll, expect, test } from 'vitest';
import { rememberCatalog } from '../../../src/store/catalogs.ts';
import { type RescanJob, rescanJobSchema } from '../../../src/watch/types.ts';
import { tinyModel } from '../../support/hub/tiny.ts';
import { type Office, startOffice, type Team } from '../../support/review/office.ts';
import { publish } from '../../support/watch/published.ts';

let office: Office;
let team: Team;
let pr: number;
const jobs: RescanJob[] = [];

beforeAll(async () => {
  office = await startOffice([tinyModel({ id: 'acme/tiny' })]);
  office.context.queue.work(
    'rescan',
    { concurrency: 1, data: rescanJobSchema },
    async ({ data }) => void jobs.push(data),
  );
  team = office.team(['{id: acme/tiny, short: tiny}']);
  pr = await team.open(office.catalog(['{id: acme/tiny, short: tiny, aliases: [other]}']));
});
afterAll(() => office.close());

test('where nothing is published there is nothing to scan again', async () => {
  const { answer, reactions } = await team.say(pr, 'maintainer', '/rescan');
  expect(answer).toContain('Nothing is published from this repository yet');
  expect(reactions).toEqual(['confused']);
  expect(jobs).toEqual([]);
});

test('people with write access have published images scanned again at once, all or those of one model', async () => {
  const catalog = `${team.repoId}/models.yaml`;
  const place = { installationId: team.repoId, repoId: team.repoId, owner: 'acme', repo: `models-${team.repoId}` };
  const state = { commit: 'c'.repeat(40), schedule: null };
  const { db } = office.context.store;
  await rememberCatalog(db, { catalog, ...place, path: 'models.yaml', state });
  await publish(db, { catalog });
  await publish(db, { catalog, variant: 'fat' });

  const one = await team.say(pr, 'maintainer', '/rescan tiny');
  expect(one).toEqual({
    reactions: ['rocket'],
    answer: expect.stringContaining('Scanning 2 published images of `tiny` again'),
  });
  const all = await team.say(pr, 'maintainer', '/rescan');
  expect(all.answer).toContain('Scanning 2 published images again');
  const job = { catalog, ...place, path: 'models.yaml' };
  expect(jobs).toEqual([
    { ...job, short: 'tiny' },
    { ...job, short: null },
  ]);

  const unknown = await team.say(pr, 'maintainer', '/rescan nobody');
  expect(unknown.answer).toContain('No image of `nobody` is published from this repository; there are `tiny`.');
  const stranger = await team.say(pr, 'stranger', '/rescan');
  expect(stranger).toEqual({ reactions: ['-1'], answer: null });
  expect(jobs).toHaveLength(2);
});
