import { eq } from 'drizzle-orm';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Store } from '../../../src/store/open.ts';
import { currentPublications } from '../../../src/store/publications.ts';
import {
  areWithdrawn,
  previewRows,
  pushedImages,
  runtimesUsed,
  staleRows,
  withdrawBuilds,
} from '../../../src/store/retention.ts';
import * as schema from '../../../src/store/schema.ts';
import { memoryStore } from '../../support/store/memory.ts';
import { digestOfLetter, publish } from '../../support/watch/published.ts';

const REPOSITORY = 'registry.test/acme/hf-tiny';
const OLD = new Date('2026-01-01T00:00:00Z');
const NEW = new Date('2026-03-01T00:00:00Z');
const BEFORE = new Date('2026-02-01T00:00:00Z');
let store: Store;
beforeAll(async () => {
  store = await memoryStore();
});
afterAll(() => store.close());

const review = (pr: number, head: string, state: string, updatedAt = NEW) => {
  const refs = { installationId: 1, repoId: 7, owner: 'acme', repo: 'models', pr, baseRef: 'main', baseSha: 'b' };
  return store.db.insert(schema.reviews).values({ ...refs, headSha: head, fork: false, state, updatedAt });
};

test('a pull request is closed when every review of it has ended, and unknown when there is none', async () => {
  await review(1, 'a', 'superseded');
  await review(1, 'b', 'closed');
  await review(2, 'c', 'superseded');
  await review(2, 'd', 'concluded');
  for (const pr of [1, 2, 3]) {
    const preview = { repository: REPOSITORY, tag: `pr-${pr}-slim`, digest: digestOfLetter('a'), repoId: 7, pr };
    await store.db.insert(schema.previews).values(preview);
  }
  const closed = (await previewRows(store.db, REPOSITORY)).map(({ tag, closed: is }) => [tag, is]);
  expect(Object.fromEntries(closed)).toEqual({ 'pr-1-slim': true, 'pr-2-slim': false, 'pr-3-slim': false });
});

test('a build is withdrawn unless somebody waits for it, in any of the repositories it was pushed to', async () => {
  const destination = `other.test/x,${REPOSITORY}`;
  const build = (letter: string) => ({
    inputs: letter,
    destination,
    owner: 'acme',
    state: 'succeeded',
    request: {},
    result: { image: { digest: digestOfLetter(letter) } },
  });
  await store.db.insert(schema.builds).values([build('c'), build('d')]);
  const waiting = { inputs: 'd', destination, kind: 'pull-request', repoId: 7, pr: 1, headSha: 'a', checkName: 'x' };
  await store.db.insert(schema.attachments).values(waiting);
  const pushed = await pushedImages(store.db, REPOSITORY);
  expect(Object.fromEntries(pushed.map(({ digest, attached }) => [digest, attached]))).toEqual({
    [digestOfLetter('c')]: false,
    [digestOfLetter('d')]: true,
  });
  expect(await pushedImages(store.db, 'registry.test/acme/hf-tin')).toEqual([]);
  const image = (letter: string) => ({
    repository: REPOSITORY,
    digest: digestOfLetter(letter),
    builds: pushed.flatMap(({ digest, build: key }) => (digest === digestOfLetter(letter) ? [key] : [])),
  });
  expect(await withdrawBuilds(store.db, image('c'))).toBe(true);
  expect(await withdrawBuilds(store.db, image('d'))).toBe(false);
  const states = await store.db
    .select({ inputs: schema.builds.inputs, state: schema.builds.state })
    .from(schema.builds);
  expect(Object.fromEntries(states.map((row) => [row.inputs, row.state]))).toEqual({ c: 'cancelled', d: 'succeeded' });
});

test('a build that was asked for anew is in use though it tells no digest, before it is withdrawn and after', async () => {
  const key = { inputs: 'e', destination: REPOSITORY };
  const image = { repository: REPOSITORY, digest: digestOfLetter('e'), builds: [key] };
  const set = (fields: Partial<typeof schema.builds.$inferInsert>) =>
    store.db.update(schema.builds).set(fields).where(eq(schema.builds.inputs, key.inputs));
  const result = { image: { digest: image.digest } };
  await store.db.insert(schema.builds).values({ ...key, owner: 'acme', state: 'queued', request: {}, result: null });
  expect(await withdrawBuilds(store.db, image)).toBe(false);

  await set({ state: 'succeeded', result });
  expect(await withdrawBuilds(store.db, image)).toBe(true);
  await set({ state: 'queued', result: null });
  expect(await areWithdrawn(store.db, image)).toBe(false);

  // Whoever waits asks for it in the next statement.
  await set({ state: 'cancelled', result });
  const waiting = { ...key, kind: 'pull-request', repoId: 8, pr: 1, headSha: 'a', checkName: 'x' };
  await store.db.insert(schema.attachments).values(waiting);
  expect(await withdrawBuilds(store.db, image)).toBe(false);
});

test('a build cache is as old as the last request for its runtime', async () => {
  const row = { repository: REPOSITORY, owner: 'acme', state: 'succeeded', request: { runtime: { name: 'vllm' } } };
  await store.db.insert(schema.runtimes).values([
    { ...row, key: '1', updatedAt: OLD },
    { ...row, key: '2', updatedAt: NEW },
  ]);
  expect(await runtimesUsed(store.db, REPOSITORY)).toEqual(new Map([['vllm', NEW]]));
});

test('old rows are counted, then deleted; what is current, or young, is not among them', async () => {
  const { db } = store;
  await publish(db);
  const delivery = (id: string, receivedAt: Date) => ({ id, event: 'push', payloadDigest: id, receivedAt });
  await db.insert(schema.deliveries).values([delivery('old', OLD), delivery('new', NEW)]);
  await review(9, 'e', 'closed', OLD);
  // Its preview is still there, and has to be known as one of a closed pull request.
  await review(3, 'f', 'closed', OLD);
  const scan = (at: number) => ({
    digest: digestOfLetter('a'),
    database: `${at}`,
    result: {},
    scannedAt: new Date(at),
  });
  await db.insert(schema.scans).values(Array.from({ length: 12 }, (_, at) => scan(at)));

  const stale = [
    { table: 'deliveries', rows: 1 },
    { table: 'reviews', rows: 1 },
    { table: 'scans', rows: 2 },
  ];
  expect(await staleRows(db, BEFORE, { apply: false })).toEqual(stale);
  expect(await staleRows(db, BEFORE, { apply: true })).toEqual(stale);
  expect(await staleRows(db, BEFORE, { apply: true })).toEqual([]);
  expect((await db.select().from(schema.deliveries)).map(({ id }) => id)).toEqual(['new']);
  const left = (await db.select().from(schema.scans)).map(({ database }) => Number(database));
  expect(left.sort((a, b) => a - b)).toEqual([2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
  expect(await currentPublications(db)).toHaveLength(1);
});
