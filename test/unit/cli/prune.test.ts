import { afterAll, beforeAll, expect, test } from 'vitest';
import { lockFolder } from '../../../src/store/lock.ts';
import { type Stage, startStage } from '../../support/cli/stage.ts';
import { tinyModel } from '../../support/hub/tiny.ts';
import { pushBaseImage } from '../../support/registry/index.ts';

let stage: Stage;
let catalog = '';
beforeAll(async () => {
  stage = await startStage([tinyModel({ id: 'acme/tiny' })]);
  const nightly = '  tags: ["{date}-{variant}", "{base_version}-{variant}"]';
  catalog = await stage.catalog('models', '  - {id: acme/tiny, short: tiny}\n', nightly);
});
afterAll(() => stage.close());

const prune = (...argv: string[]) => stage.cli(['prune', '--catalog', catalog, '--json', ...argv]);

test('nothing is removed without --apply, and with it what was shown', async () => {
  const target = stage.repository('acme/hf-tiny');
  const tags = ['2026.01.01-slim', '2026.01.02-slim', 'pr-3-slim', 'pr-4-slim', 'v1-slim'];
  for (const tag of tags) await pushBaseImage(target, { tag, labels: { tag } });

  const shown = await prune('--pr', '3');
  expect(shown.code).toBe(0);
  const repository = `${stage.registry.host}/acme/hf-tiny`;
  const remove = [
    { repository, what: 'tag', tag: '2026.01.01-slim', why: 'superseded: it is of 2026.01.01' },
    { repository, what: 'tag', tag: 'pr-3-slim', why: 'pull request 3 is closed' },
  ];
  const keep = [{ repository, tag: 'pr-4-slim', why: expect.stringContaining('--pr says that it is closed') }];
  expect(shown.json()).toMatchObject({ remove, keep, applied: false, errors: [] });
  expect(await target.tags()).toEqual(tags);

  const applied = await prune('--pr', '3', '--apply');
  expect(applied.json()).toMatchObject({ remove, keep, applied: true });
  expect((await target.tags()).sort()).toEqual(['2026.01.02-slim', 'pr-4-slim', 'v1-slim']);
  expect((await prune('--pr', '3')).json()).toMatchObject({ remove: [], bytes: 0 });
});

test('while a bot has the ledger it shows what tags tell, and removes nothing', async () => {
  const target = stage.repository('acme/hf-tiny');
  await pushBaseImage(target, { tag: 'pr-9-slim', labels: { of: 'pr-9' } });
  const lock = await lockFolder(stage.variables.DATA_DIR ?? '');
  const shown = await prune('--pr', '9');
  const refused = await prune('--pr', '9', '--apply');
  await lock.release();
  expect([shown.code, shown.json()]).toMatchObject([
    0,
    { remove: [{ tag: 'pr-9-slim' }], notes: [expect.stringContaining('A bot uses the ledger')] },
  ]);
  expect([refused.code, refused.stderr]).toEqual([2, expect.stringContaining('DATABASE_URL')]);
  expect(await target.tags()).toContain('pr-9-slim');
});

test.each([
  [['--older-than', 'soon'], '--older-than is a time such as 30d'],
  [['--keep', '0'], '--keep is a whole number from 1'],
  [['--pr', 'x'], '--pr is a whole number from 1'],
  [['nobody'], 'no model `nobody`'],
])('%j is refused', async (argv, message) => {
  const { code, stderr } = await prune(...argv);
  expect([code, stderr]).toEqual([2, expect.stringContaining(message)]);
});
