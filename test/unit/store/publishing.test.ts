import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Store } from '../../../src/store/open.ts';
import { currentPublications } from '../../../src/store/publications.ts';
import { adoptRepository, claimRepository, holderOf, noteMarked } from '../../../src/store/repositories.ts';
import { lastWritten, movesOf, recordTagMove } from '../../../src/store/tag-moves.ts';
import { digest } from '../../support/image/inputs.ts';
import { memoryStore } from '../../support/store/memory.ts';
import { publish } from '../../support/watch/published.ts';

let store: Store;
beforeAll(async () => {
  store = await memoryStore();
});
afterAll(() => store.close());

const REPOSITORY = 'one.test/acme/hf-tiny';

describe('tag moves', () => {
  it('are kept in their order; the last one says where we pointed a tag', async () => {
    const { db } = store;
    expect(await lastWritten(db, REPOSITORY, 'v1')).toBeNull();
    const move = { repository: REPOSITORY, tag: 'v1', commit: 'c'.repeat(40) };
    await recordTagMove(db, { ...move, before: null, after: digest('1') });
    await recordTagMove(db, { ...move, before: digest('1'), after: digest('2') });
    await recordTagMove(db, { ...move, tag: 'v2', before: null, after: digest('3') });
    expect(await lastWritten(db, REPOSITORY, 'v1')).toBe(digest('2'));
    expect(await lastWritten(db, 'two.test/acme/hf-tiny', 'v1')).toBeNull();
    expect((await movesOf(db, REPOSITORY, 'v1')).map(({ after }) => after)).toEqual([digest('1'), digest('2')]);
    await recordTagMove(db, { ...move, before: digest('2'), after: null });
    expect(await lastWritten(db, REPOSITORY, 'v1')).toBeNull();
  });
});

describe('a repository', () => {
  it('belongs to the first catalog that claims it, until another adopts it', async () => {
    const { db } = store;
    expect(await holderOf(db, REPOSITORY)).toBeNull();
    const first = { repository: REPOSITORY, catalog: '1/models.yaml', marked: false, adopted: false };
    expect(await claimRepository(db, REPOSITORY, '1/models.yaml')).toEqual(first);
    expect(await claimRepository(db, REPOSITORY, '2/models.yaml')).toEqual(first);
    await noteMarked(db, REPOSITORY, '1/models.yaml');
    expect(await holderOf(db, REPOSITORY)).toEqual({ ...first, marked: true });
    await adoptRepository(db, REPOSITORY, '2/models.yaml');
    const adopted = { ...first, catalog: '2/models.yaml', adopted: true };
    expect(await holderOf(db, REPOSITORY)).toEqual(adopted);
    // A marker of the catalog that had it before, written since, is none of the one that has it now.
    await noteMarked(db, REPOSITORY, '1/models.yaml');
    expect(await holderOf(db, REPOSITORY)).toEqual(adopted);
    await noteMarked(db, REPOSITORY, '2/models.yaml');
    expect(await holderOf(db, REPOSITORY)).toEqual({ ...adopted, marked: true, adopted: false });
  });
});

describe('a publication', () => {
  it('keeps its pull request when the same is published again with none', async () => {
    const catalog = '3/models.yaml';
    const pulls = async () => (await currentPublications(store.db, { catalog })).map(({ pr }) => pr);
    await publish(store.db, { catalog, pr: 4 });
    await publish(store.db, { catalog, pr: null });
    expect(await pulls()).toEqual([4]);
    await publish(store.db, { catalog, pr: 5 });
    expect(await pulls()).toEqual([5]);
    await publish(store.db, { catalog, pr: null, inputs: '2'.repeat(64) });
    expect(await pulls()).toEqual([null]);
  });
});
