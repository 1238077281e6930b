import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Snapshot } from '../../../src/publish/release/snapshot.ts';
import type { Store } from '../../../src/store/open.ts';
import {
  failRelease,
  findRelease,
  planRelease,
  publishedRelease,
  releasedBefore,
  requestRelease,
} from '../../../src/store/releases.ts';
import { memoryStore } from '../../support/store/memory.ts';

let store: Store;
beforeAll(async () => {
  store = await memoryStore();
});
afterAll(() => store.close());

const catalog = '1/models.yaml';
const key = (tag: string) => ({ catalog, tag });
const options = (tag: string) => ({ tag, latest: false, experimental: false, set: [] });
const snapshot: Snapshot = { images: [], runtimes: [] };

it('a release keeps its plan while it waits, and what it published for the next one', async () => {
  const { db } = store;
  expect(await findRelease(db, key('v1'))).toBeNull();
  await requestRelease(db, catalog, options('v1'));
  await planRelease(db, key('v1'), { commit: 'c'.repeat(40), plan: [] });
  expect(await findRelease(db, key('v1'))).toMatchObject({ state: 'requested', commit: 'c'.repeat(40), plan: [] });
  await publishedRelease(db, key('v1'), snapshot, 'c'.repeat(40));
  expect(await findRelease(db, key('v1'))).toMatchObject({ state: 'published', plan: null, snapshot });
  expect(await releasedBefore(db, key('v1'))).toEqual([]);
  expect(await releasedBefore(db, { catalog: '2/models.yaml', tag: 'v2' })).toEqual([]);
});

it('asked for again it begins anew, and what was published is not forgotten when that fails', async () => {
  const { db } = store;
  await requestRelease(db, catalog, { ...options('v1'), latest: true });
  expect(await findRelease(db, key('v1'))).toMatchObject({ state: 'requested', commit: null, plan: null, snapshot });
  await failRelease(db, key('v1'), 'nothing was tagged');
  expect(await findRelease(db, key('v1'))).toMatchObject({ state: 'failed', error: 'nothing was tagged' });
  await requestRelease(db, catalog, options('v2'));
  await failRelease(db, key('v2'), 'no');
  await requestRelease(db, catalog, options('v3'));
  await publishedRelease(db, key('v3'), snapshot, null);
  expect((await releasedBefore(db, key('v4'))).map(({ tag }) => tag)).toEqual(['v3', 'v1']);
});
