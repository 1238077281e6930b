import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Store } from '../../../src/store/open.ts';
import { recordPublication } from '../../../src/store/publications.ts';
import { recalled } from '../../../src/store/recalled.ts';
import { builds } from '../../../src/store/schema.ts';
import { recordTagMove } from '../../../src/store/tag-moves.ts';
import { digest } from '../../support/image/inputs.ts';
import { memoryStore } from '../../support/store/memory.ts';

let store: Store;
beforeAll(async () => {
  store = await memoryStore();
});
afterAll(() => store.close());

const REPOSITORY = 'one.test/acme/hf-tiny';
const at = (tag: string, of: string) => recalled(store.db, { repository: REPOSITORY, tag, digest: digest(of) });

it('knows digests that were built, tagged or published, no other, and nothing of tags it never had to do with', async () => {
  const { db } = store;
  expect(await at('v1', '1')).toBeNull();
  await db.insert(builds).values({
    ...{ inputs: 'a', destination: REPOSITORY, owner: 'acme', state: 'succeeded', request: {} },
    result: { digest: digest('4') },
  });
  expect([await at('v1', '4'), await at('v1', '1')]).toEqual([true, null]);

  await recordTagMove(db, { repository: REPOSITORY, tag: 'v1', before: digest('0'), after: digest('1'), commit: null });
  await recordTagMove(db, { repository: REPOSITORY, tag: 'v1', before: digest('1'), after: digest('2'), commit: null });
  expect([await at('v1', '1'), await at('v1', '2'), await at('v1', '0'), await at('v1', '3')]).toEqual([
    ...[true, true],
    ...[false, false],
  ]);
  expect(await at('v2', '3')).toBeNull();

  await recordPublication(db, {
    ...{ catalog: 'cli', short: 'tiny', runtime: 'default', variant: 'slim', owner: '', model: 'acme/tiny' },
    ...{ inputs: 'b', digest: digest('5'), revision: 'a'.repeat(40), platforms: ['linux/amd64'] },
    ...{ base: { reference: 'one.test/base:v1', digest: digest('9') }, repositories: [REPOSITORY], mirrors: {} },
    ...{ tags: ['v2'], immutable: [], attestations: [], signed: false, scanned: false },
    ...{ commit: null, pr: null, entry: '', wanted: null },
  });
  expect([await at('v2', '5'), await at('v2', '3')]).toEqual([true, false]);
  expect(await recalled(db, { repository: 'two.test/acme/hf-tiny', tag: 'v2', digest: digest('3') })).toBeNull();
});
