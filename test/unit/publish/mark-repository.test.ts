import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { PublisherError } from '../../../src/errors.ts';
import { markRepository } from '../../../src/publish/mark-repository.ts';
import { readOwnership, writeMarker } from '../../../src/publish/ownership.ts';
import type { Store } from '../../../src/store/open.ts';
import { adoptRepository, claimRepository, holderOf } from '../../../src/store/repositories.ts';
import { type MemoryPublishTarget, MemoryRegistries, pushImage } from '../../support/publish/memory-publisher.ts';
import { memoryStore } from '../../support/store/memory.ts';

const MINE = '1/models.yaml';
const THEIRS = '2/models.yaml';
const { signal } = new AbortController();

let store: Store;
beforeAll(async () => {
  store = await memoryStore();
});
afterAll(() => store.close());

let count = 0;
let target: MemoryPublishTarget;
beforeEach(() => {
  target = new MemoryRegistries().open(`one.test/acme/hf-${count++}`);
});

const free = async () => undefined;
const mark = ({ adopted = false, ledger = true, guard = free } = {}) =>
  markRepository(target, MINE, { db: ledger ? store.db : null, adopted, guard, signal });
const stands = () => readOwnership(target, MINE, signal);
const tagged = async () => target.tag('v1-slim', await target.manifest(await pushImage(target, 'an image')));

describe('a repository that is published to', () => {
  it('is marked while it is empty, and left as it is from then on', async () => {
    await claimRepository(store.db, target.name, MINE);
    await mark();
    expect([await stands(), await holderOf(store.db, target.name)]).toMatchObject([
      { state: 'ours' },
      { marked: true },
    ]);
    target.calls.length = 0;
    await mark();
    expect(target.calls).toEqual(['manifest publisher-owner']);
  });

  it.each([true, false])('keeps the marker that another catalog wrote meanwhile; with a ledger: %s', async (ledger) => {
    await claimRepository(store.db, target.name, MINE);
    await writeMarker(target, THEIRS, signal);
    await expect(mark({ ledger })).rejects.toMatchObject({ code: 'denied', message: expect.stringContaining(THEIRS) });
    expect(await stands()).toEqual({ state: 'other', who: THEIRS });
  });

  it('keeps it also where our own marker was there before', async () => {
    await claimRepository(store.db, target.name, MINE);
    await mark();
    await writeMarker(target, THEIRS, signal);
    await expect(mark()).rejects.toMatchObject({ code: 'denied' });
    expect(await stands()).toEqual({ state: 'other', who: THEIRS });
  });

  it('is refused once another catalog adopted it, whatever the marker says still', async () => {
    await claimRepository(store.db, target.name, MINE);
    await mark();
    await adoptRepository(store.db, target.name, THEIRS);
    await expect(mark()).rejects.toMatchObject({ code: 'denied', message: expect.stringContaining(THEIRS) });
    expect(await holderOf(store.db, target.name)).toMatchObject({ catalog: THEIRS, marked: false });
  });

  it('is refused with images of nobody knows whom; not where only our marker was tidied away', async () => {
    await claimRepository(store.db, target.name, MINE);
    await tagged();
    await expect(mark()).rejects.toMatchObject({ code: 'denied' });
    expect((await stands()).state).toBe('unclaimed-with-content');
    await mark({ adopted: true });
    await target.removeTag('publisher-owner');
    await mark();
    expect(await stands()).toEqual({ state: 'ours' });
  });

  it('is taken over once for each time a maintainer says so', async () => {
    await tagged();
    await writeMarker(target, THEIRS, signal);
    await adoptRepository(store.db, target.name, MINE);
    await mark();
    expect([await stands(), await holderOf(store.db, target.name)]).toMatchObject([
      { state: 'ours' },
      { adopted: false },
    ]);
    await writeMarker(target, THEIRS, signal);
    await expect(mark()).rejects.toMatchObject({ code: 'denied' });
  });

  it('gets no marker from a publisher that lost its lease', async () => {
    const guard = async () => Promise.reject(new PublisherError('cancelled', 'The lease is another’s.'));
    await expect(mark({ guard })).rejects.toMatchObject({ code: 'cancelled' });
    expect(await stands()).toEqual({ state: 'unclaimed-empty' });
  });
});
