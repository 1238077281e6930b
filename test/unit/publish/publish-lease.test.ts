import { sql } from 'drizzle-orm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { silentLogger } from '../../../src/log.ts';
import {
  keepPublishLease,
  keepPublishLeases,
  publishGuard,
  publishLeaseName,
  releaseAll,
} from '../../../src/publish/publish-lease.ts';
import { recordUnderLeases } from '../../../src/publish/record-under-leases.ts';
import { acquireLease, holdsLease, releaseLease, renewLease } from '../../../src/store/leases.ts';
import type { Store } from '../../../src/store/open.ts';
import { leases } from '../../../src/store/schema.ts';
import { memoryStore } from '../../support/store/memory.ts';

let store: Store;
beforeAll(async () => {
  store = await memoryStore();
});
afterAll(() => store.close());

const HOUR = 3_600_000;
const expire = (name: string) =>
  store.db.update(leases).set({ expiresAt: sql`clock_timestamp() - interval '1 second'` }).where(sql`name = ${name}`);

describe('a lease', () => {
  it('has one holder at a time, and a fence that grows for ever', async () => {
    const { db } = store;
    const first = await acquireLease(db, 'a', 'one', HOUR);
    expect(first).toMatchObject({ holder: 'one', fence: 1 });
    expect(await acquireLease(db, 'a', 'two', HOUR)).toBeNull();
    expect(await acquireLease(db, 'a', 'one', HOUR)).toBeNull();
    expect(await acquireLease(db, 'b', 'two', HOUR)).not.toBeNull();
    if (first === null) throw new Error('no lease');
    await releaseLease(db, first);
    expect(await holdsLease(db, first)).toBe(false);
    const second = await acquireLease(db, 'a', 'two', HOUR);
    expect(second).toMatchObject({ holder: 'two', fence: 2 });
    // What the first holder still does changes nothing.
    await releaseLease(db, first);
    expect([await renewLease(db, first, HOUR), second !== null && (await holdsLease(db, second))]).toEqual([
      false,
      true,
    ]);
  });

  it('that has run out is anybody’s, and cannot be renewed', async () => {
    const { db } = store;
    const first = await acquireLease(db, 'c', 'one', HOUR);
    await expire('c');
    if (first === null) throw new Error('no lease');
    expect([await holdsLease(db, first), await renewLease(db, first, HOUR)]).toEqual([false, false]);
    expect(await acquireLease(db, 'c', 'one', HOUR)).toMatchObject({ fence: 2 });
  });

  it('is renewed in the background, and aborts its signal when it is gone', async () => {
    const kept = await keepPublishLease(store.db, 'd', { holder: 'one', ttlMs: 300, logger: silentLogger });
    if (kept === null) throw new Error('no lease');
    await new Promise((resolve) => setTimeout(resolve, 700));
    expect([kept.signal.aborted, kept.mayHaveRunOut(), await holdsLease(store.db, kept.lease)]).toEqual([
      false,
      false,
      true,
    ]);
    await expire('d');
    await new Promise((resolve) => kept.signal.addEventListener('abort', resolve));
    expect(kept.signal.reason).toMatchObject({ code: 'cancelled' });
    await kept.release();
  });

  it('of several repositories is all or nothing', async () => {
    const options = { ttlMs: HOUR, logger: silentLogger };
    const other = await keepPublishLease(store.db, 'f', { ...options, holder: 'other' });
    expect(await keepPublishLeases(store.db, ['g', 'f', 'e'], { ...options, holder: 'me' })).toBeNull();
    await other?.release();
    const kept = await keepPublishLeases(store.db, ['g', 'f', 'e', 'e'], { ...options, holder: 'me' });
    expect([...(kept?.keys() ?? [])]).toEqual(['e', 'f', 'g']);
    if (kept !== null) await releaseAll(kept);
    expect(await acquireLease(store.db, 'g', 'other', HOUR)).not.toBeNull();
  });
});

describe('the guard', () => {
  const REPOSITORY = 'one.test/acme/hf-tiny';
  const guarded = async (stillWanted: () => Promise<boolean>, monotonic = { now: 0 }) => {
    const options = { holder: 'me', ttlMs: HOUR, logger: silentLogger, monotonic: () => monotonic.now };
    const kept = await keepPublishLeases(store.db, [publishLeaseName(REPOSITORY)], options);
    if (kept === null) throw new Error('no lease');
    const guard = publishGuard({ db: store.db, leases: kept, stillWanted });
    return { guard, release: () => releaseAll(kept) };
  };

  it('agrees while the lease is ours and the image is wanted', async () => {
    const { guard, release } = await guarded(async () => true);
    await expect(guard(REPOSITORY)).resolves.toBeUndefined();
    await expect(guard('one.test/acme/hf-other')).rejects.toMatchObject({ code: 'internal' });
    await release();
  });

  it('refuses what is not wanted any more', async () => {
    const { guard, release } = await guarded(async () => false);
    await expect(guard(REPOSITORY)).rejects.toMatchObject({ code: 'cancelled' });
    await release();
  });

  it('refuses when the database gave the lease to somebody else', async () => {
    const { guard, release } = await guarded(async () => true);
    await expire(publishLeaseName(REPOSITORY));
    const next = await acquireLease(store.db, publishLeaseName(REPOSITORY), 'next', HOUR);
    await expect(guard(REPOSITORY)).rejects.toMatchObject({ code: 'cancelled' });
    await release();
    expect(next !== null && (await holdsLease(store.db, next))).toBe(true);
    if (next !== null) await releaseLease(store.db, next);
  });

  it('refuses by our own clock alone, also when the time passes while it asks', async () => {
    const monotonic = { now: 0 };
    const { guard, release } = await guarded(async () => {
      monotonic.now += HOUR;
      return true;
    }, monotonic);
    await expect(guard(REPOSITORY)).rejects.toMatchObject({ code: 'cancelled' });
    await release();
  });
});

describe('what was published', () => {
  const options = { ttlMs: HOUR, logger: silentLogger };
  const holding = async (names: string[]) => {
    const kept = await keepPublishLeases(store.db, names, { ...options, holder: 'me' });
    if (kept === null) throw new Error('no lease');
    return kept;
  };
  const recording = (kept: Awaited<ReturnType<typeof holding>>) => {
    const written = `written for ${[...kept.keys()].join()}`;
    const write = recordUnderLeases(
      store,
      kept,
    )(async ({ db }) => {
      await acquireLease(db, written, 'me', HOUR);
    });
    const isWritten = async () => (await store.db.select().from(leases).where(sql`name = ${written}`)).length > 0;
    return { write, isWritten };
  };

  it('is recorded while the leases are ours, also when one has run out and nobody took it', async () => {
    const kept = await holding(['h', 'i']);
    await expire('i');
    const { write, isWritten } = recording(kept);
    await write;
    expect(await isWritten()).toBe(true);
    await releaseAll(kept);
  });

  it('is not recorded once one of them was another’s, even if that one is done', async () => {
    const kept = await holding(['j', 'k']);
    await expire('k');
    const other = await acquireLease(store.db, 'k', 'other', HOUR);
    if (other === null) throw new Error('no lease');
    await releaseLease(store.db, other);
    const { write, isWritten } = recording(kept);
    await expect(write).rejects.toMatchObject({ code: 'cancelled' });
    expect(await isWritten()).toBe(false);
    await releaseAll(kept);
  });
});
