import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { holderOf, noteMarked } from '../../../src/store/repositories.ts';
import { repositories } from '../../../src/store/schema.ts';
import { entry } from '../../support/demo/stories.ts';
import { tinyModel } from '../../support/hub/tiny.ts';
import { type Office, startOffice, type Team } from '../../support/review/office.ts';

const ONE = 'acme/tiny-one';
const ALIAS = 'aliases: [other-name]';

let office: Office;
beforeAll(async () => {
  office = await startOffice([tinyModel({ id: ONE })]);
});
afterAll(() => office.close());
beforeEach(async () => {
  await office.context.store.db.delete(repositories);
});

const place = (short: string) => `${office.registry.host}/acme/hf-${short}`;

async function claims(): Promise<string[]> {
  const rows = await office.context.store.db.select().from(repositories);
  return rows.map(({ repository }) => repository.split('/').at(-1) ?? '').sort();
}

async function close(team: Team, pr: number): Promise<void> {
  team.change(pr, { state: 'closed' });
  await team.event(pr);
}

describe('a pull request that closes unmerged', () => {
  test('gives back the repositories that it alone wanted, so that others can have them', async () => {
    const [first, second] = [office.team([]), office.team([])];
    const text = office.catalog([entry(ONE, 'wanted', ALIAS)]);
    const pr = await first.open(text);
    expect(await claims()).toEqual(['hf-other-name', 'hf-wanted']);
    const refused = await second.open(text);
    expect(second.checks(second.head(refused))['model-images']).toBe('failure');
    await close(first, pr);
    expect(await claims()).toEqual([]);
    const free = await second.open(text);
    expect(second.checks(second.head(free))['model-images']).toBe('in_progress');
  });

  test('has them again when it is reopened', async () => {
    const team = office.team([]);
    const pr = await team.open(office.catalog([entry(ONE, 'back')]));
    await close(team, pr);
    expect(await claims()).toEqual([]);
    team.change(pr, { state: 'open' });
    await team.event(pr);
    expect(await claims()).toEqual(['hf-back']);
  });

  test('keeps what another pull request wants, until that closes too', async () => {
    const team = office.team([]);
    const [first, second] = [
      await team.open(office.catalog([entry(ONE, 'both')])),
      await team.open(office.catalog([entry(ONE, 'both'), entry(ONE, 'second')])),
    ];
    await close(team, first);
    expect(await claims()).toEqual(['hf-both', 'hf-second']);
    await close(team, second);
    expect(await claims()).toEqual([]);
  });

  test('keeps what the default branch wants, and what carries the marker of its catalog', async () => {
    const team = office.team([entry(ONE, 'main')]);
    const pr = await team.open(
      office.catalog([entry(ONE, 'main', 'serve_args: ["--x"]'), entry(ONE, 'marked'), entry(ONE, 'neither')]),
    );
    expect(await claims()).toEqual(['hf-main', 'hf-marked', 'hf-neither']);
    const { db } = office.context.store;
    const holder = await holderOf(db, place('marked'));
    await noteMarked(db, place('marked'), holder?.catalog ?? '');
    await close(team, pr);
    expect(await claims()).toEqual(['hf-main', 'hf-marked']);
  });

  test('keeps everything when it was merged', async () => {
    const team = office.team([]);
    const text = office.catalog([entry(ONE, 'merged', ALIAS)]);
    const pr = await team.open(text);
    team.merge(pr, text);
    await team.event(pr);
    expect(await claims()).toEqual(['hf-merged', 'hf-other-name']);
  });
});
