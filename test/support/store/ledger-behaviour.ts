import { sql } from 'drizzle-orm';
import { getTableConfig } from 'drizzle-orm/pg-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import type { ScanResult } from '../../../src/scan/types.ts';
import {
  type Attachment,
  attach,
  attachmentsOf,
  attachmentsOfPull,
  detach,
  detachPull,
  turnIntoPublications,
} from '../../../src/store/attachments.ts';
import {
  buildCounts,
  buildsOf,
  cancelUnattached,
  ownerUsage,
  progressBuild,
  releaseBuild,
} from '../../../src/store/builds.ts';
import { claimCommand, findCommand, setCommandOutcome } from '../../../src/store/commands.ts';
import { forgetDeliveries, recordDelivery } from '../../../src/store/deliveries.ts';
import { findLayers, type KnownLayer, rememberLayer } from '../../../src/store/layers.ts';
import { migrate } from '../../../src/store/migrate.ts';
import { MIGRATIONS } from '../../../src/store/migrations.ts';
import type { Store } from '../../../src/store/open.ts';
import { reviewsOf, setReviewState } from '../../../src/store/reviews.ts';
import { findScan, latestScan, rememberScan } from '../../../src/store/scans.ts';
import * as schema from '../../../src/store/schema.ts';

const builds = buildsOf({ request: z.object({ model: z.string() }), result: z.object({ digest: z.string() }) });
const reviews = reviewsOf(z.object({ targets: z.array(z.string()) }));

/** What the ledger does, whatever database it is in. */
export function ledgerBehaviour(open: () => Promise<Store>): void {
  let store: Store;
  beforeAll(async () => {
    store = await open();
  });
  afterAll(() => store.close());

  describe('the schema', () => {
    test('has in the database exactly the columns that the code names', async () => {
      const found = z
        .object({ rows: z.array(z.object({ table: z.string(), name: z.string(), nullable: z.string() })) })
        .parse(
          await store.db.execute(sql`SELECT table_name AS "table", column_name AS name, is_nullable AS nullable
            FROM information_schema.columns WHERE table_schema = 'publisher' AND table_name <> 'migrations'`),
        );
      const inDatabase = found.rows.map((row) => `${row.table}.${row.name} ${row.nullable}`).sort();
      const inCode = Object.values(schema).flatMap((table) => {
        const { name, columns } = getTableConfig(table);
        return columns.map((column) => `${name}.${column.name} ${column.notNull ? 'NO' : 'YES'}`);
      });
      expect(inDatabase).toEqual(inCode.sort());
    });

    test('is migrated once', async () => {
      expect(await store.transaction((tx) => migrate(tx.db))).toEqual([]);
    });

    test('takes a later step alone, and all of it or nothing', async () => {
      const broken = {
        version: MIGRATIONS.length + 1,
        name: 'broken',
        statements: ['CREATE TABLE publisher.extra (id int)', 'NONSENSE'],
      };
      await expect(store.transaction((tx) => migrate(tx.db, [...MIGRATIONS, broken]))).rejects.toThrow();
      const exists = await store.db.execute(sql`SELECT to_regclass('publisher.extra')::text AS name`);
      expect(exists).toMatchObject({ rows: [{ name: null }] });
    });

    test('of a newer release is refused', async () => {
      await expect(store.transaction((tx) => migrate(tx.db, []))).rejects.toMatchObject({
        code: 'environment',
        message: expect.stringContaining(`version ${MIGRATIONS.length}, this release knows 0`),
      });
    });
  });

  describe('a transaction', () => {
    const delivery = { id: 'tx', event: 'push', action: null, payloadDigest: 'd' };

    test('that throws leaves nothing behind and calls nobody back', async () => {
      let called = false;
      const work = store.transaction(async (tx) => {
        await recordDelivery(tx.db, delivery);
        tx.afterCommit(() => {
          called = true;
        });
        throw new Error('no');
      });
      await expect(work).rejects.toThrow('no');
      expect(called).toBe(false);
      expect(await recordDelivery(store.db, delivery)).toBe(true);
    });

    test('calls back after it is committed', async () => {
      const seen = await new Promise((resolve) => {
        void store.transaction(async (tx) => tx.afterCommit(() => resolve('committed')));
      });
      expect(seen).toBe('committed');
    });
  });

  describe('deliveries', () => {
    test('are new once', async () => {
      const delivery = { id: 'd1', event: 'pull_request', action: 'opened', payloadDigest: 'x' };
      expect(await recordDelivery(store.db, delivery)).toBe(true);
      expect(await recordDelivery(store.db, { ...delivery, payloadDigest: 'y' })).toBe(false);
    });

    test('are forgotten when old', async () => {
      await recordDelivery(store.db, { id: 'd2', event: 'push', action: null, payloadDigest: 'x' });
      expect(await forgetDeliveries(store.db, new Date(Date.now() - 60_000))).toBe(0);
      expect(await forgetDeliveries(store.db, new Date(Date.now() + 60_000))).toBeGreaterThan(0);
    });
  });

  test('a command is claimed once per comment, ever', async () => {
    const claim = { commentId: 9_007_199_254_740_991, repoId: 1, pr: 2, bodyDigest: 'b' };
    expect(await Promise.all([claimCommand(store.db, claim), claimCommand(store.db, claim)])).toContain(false);
    await setCommandOutcome(store.db, claim.commentId, 'queued');
    expect(await findCommand(store.db, claim.commentId)).toEqual({ bodyDigest: 'b', outcome: 'queued' });
    expect(await findCommand(store.db, 1)).toBeNull();
  });

  describe('layers', () => {
    const layer: KnownLayer = {
      path: 'models/x/model.safetensors',
      content: `sha256:${'a'.repeat(64)}`,
      format: 1,
      layerDigest: `sha256:${'b'.repeat(64)}`,
      size: 5_000_000_000_000,
    };

    test('are found again by path, content and format, sizes beyond 32 bits included', async () => {
      expect(await rememberLayer(store.db, layer)).toBe(true);
      expect(await findLayers(store.db, [layer, { ...layer, format: 2 }, { ...layer, path: "it's" }])).toEqual([layer]);
      expect(await findLayers(store.db, [])).toEqual([]);
    });

    test('keep the hashes of shards, which nobody else knows', async () => {
      const files = [{ path: 'model-00001-of-00002.safetensors', sha256: 'c'.repeat(64) }];
      const split = { ...layer, path: 'models/split', files };
      expect(await rememberLayer(store.db, split)).toBe(true);
      expect(await findLayers(store.db, [split])).toEqual([split]);
    });

    test('keep their first digest, and say when another is claimed', async () => {
      const other: KnownLayer = { ...layer, layerDigest: `sha256:${'c'.repeat(64)}` };
      expect(await rememberLayer(store.db, other)).toBe(false);
      expect(await findLayers(store.db, [layer])).toEqual([layer]);
    });

    test('are asked for by the thousands', async () => {
      const keys = Array.from({ length: 2_500 }, (_, index) => ({ ...layer, path: `p${index}` }));
      expect(await findLayers(store.db, [...keys, layer])).toEqual([layer]);
    });
  });

  describe('scans', () => {
    const result: ScanResult = {
      status: 'scanned',
      reference: 'r@sha256:1',
      reason: null,
      summary: { critical: 0, high: 0, medium: 0, low: 0, unknown: 0, fixable: 0 },
      findings: [],
      database: { version: 2, updatedAt: '2026-01-01T00:00:00Z' },
    };

    test('are found by image and database, the newest first', async () => {
      await rememberScan(store.db, { digest: 's', database: 'old' }, result, new Date(1_000));
      await rememberScan(store.db, { digest: 's', database: 'new' }, { ...result, reference: 'n' }, new Date(2_000));
      expect(await findScan(store.db, { digest: 's', database: 'old' })).toEqual(result);
      expect(await findScan(store.db, { digest: 's', database: 'none' })).toBeNull();
      expect(await latestScan(store.db, 's')).toMatchObject({ result: { reference: 'n' }, scannedAt: new Date(2_000) });
    });

    test('that did not happen are not remembered', async () => {
      const none: ScanResult = {
        status: 'not-scanned',
        reference: 'r',
        reason: 'no Trivy',
        summary: null,
        findings: [],
        database: null,
      };
      await rememberScan(store.db, { digest: 'none', database: 'd' }, none, new Date());
      expect(await latestScan(store.db, 'none')).toBeNull();
    });
  });

  describe('builds', () => {
    const key = (inputs: string) => ({ inputs, destination: 'ghcr.io/acme/hf-x' });
    const request = (inputs: string) => ({ ...key(inputs), owner: 'acme', request: { model: 'x' } });
    const succeeded = { state: 'succeeded', result: { digest: 'sha256:1' }, scan: null } as const;

    test('are queued once for everybody who asks', async () => {
      expect(await builds.requestBuild(store.db, request('once'))).toMatchObject({
        queued: true,
        build: { state: 'queued', attempt: 0, request: { model: 'x' }, result: null, bytesTotal: 0 },
      });
      await builds.claimBuild(store.db, key('once'));
      expect(await builds.requestBuild(store.db, request('once'))).toMatchObject({
        queued: false,
        build: { state: 'running' },
      });
    });

    test('are claimed, report progress, and end', async () => {
      await builds.requestBuild(store.db, request('life'));
      const build = await builds.claimBuild(store.db, key('life'));
      const claim = { ...key('life'), attempt: build?.attempt ?? -1 };
      const progress = { step: 'uploading', bytesDone: 3_000_000_000, bytesTotal: 6_000_000_000 };
      expect(await progressBuild(store.db, claim, progress)).toBe(true);
      expect(await builds.findBuild(store.db, key('life'))).toMatchObject({ state: 'running', ...progress });
      expect(await builds.finishBuild(store.db, claim, succeeded)).toBe(true);
      expect(await builds.buildsByInputs(store.db, 'life')).toMatchObject([
        { state: 'succeeded', step: null, result: { digest: 'sha256:1' } },
      ]);
      expect(await builds.claimBuild(store.db, key('life'))).toBeNull();
      expect(await ownerUsage(store.db, 'acme', new Date(0))).toMatchObject({ bytes: 3_000_000_000 });
      expect(await buildCounts(store.db)).toMatchObject({ succeeded: 1 });
    });

    test('drop what an earlier claim still writes', async () => {
      await builds.requestBuild(store.db, request('fence'));
      const first = { ...key('fence'), attempt: (await builds.claimBuild(store.db, key('fence')))?.attempt ?? -1 };
      const second = { ...key('fence'), attempt: (await builds.claimBuild(store.db, key('fence')))?.attempt ?? -1 };
      expect(second.attempt).toBe(first.attempt + 1);
      expect(await progressBuild(store.db, first, { step: 's', bytesDone: 1, bytesTotal: 1 })).toBe(false);
      expect(await builds.finishBuild(store.db, first, succeeded)).toBe(false);
      expect(await builds.finishBuild(store.db, second, succeeded)).toBe(true);
    });

    test('start again after a failure, after success only when asked to', async () => {
      await builds.requestBuild(store.db, request('again'));
      const error = { code: 'registry-unavailable', message: 'gone', retryable: true };
      const end = async (finish: typeof succeeded | { state: 'failed'; error: typeof error; scan: null }) => {
        const build = await builds.claimBuild(store.db, key('again'));
        await builds.finishBuild(store.db, { ...key('again'), attempt: build?.attempt ?? -1 }, finish);
      };
      await end({ state: 'failed', error, scan: null });
      expect(await builds.findBuild(store.db, key('again'))).toMatchObject({ state: 'failed', error });
      expect(await builds.requestBuild(store.db, request('again'))).toMatchObject({
        queued: true,
        build: { error: null },
      });
      await end(succeeded);
      expect(await builds.requestBuild(store.db, request('again'))).toMatchObject({ queued: false });
      expect(await builds.requestBuild(store.db, { ...request('again'), again: true })).toMatchObject({ queued: true });
    });

    test('given back are queued', async () => {
      await builds.requestBuild(store.db, request('back'));
      const build = await builds.claimBuild(store.db, key('back'));
      expect(await releaseBuild(store.db, { ...key('back'), attempt: build?.attempt ?? -1 })).toBe(true);
      expect(await builds.findBuild(store.db, key('back'))).toMatchObject({ state: 'queued' });
    });

    test('are cancelled only when nobody waits for them', async () => {
      await builds.requestBuild(store.db, request('cancel'));
      const waiting = {
        ...key('cancel'),
        kind: 'pull-request',
        repoId: 7,
        pr: 1,
        headSha: 'h',
        checkName: 'x · slim',
      } as const;
      await attach(store.db, waiting);
      expect(await cancelUnattached(store.db, key('cancel'))).toBe(false);
      await detach(store.db, waiting);
      expect(await cancelUnattached(store.db, key('cancel'))).toBe(true);
      expect(await builds.findBuild(store.db, key('cancel'))).toMatchObject({ state: 'cancelled' });
      expect(await cancelUnattached(store.db, key('cancel'))).toBe(false);
    });
  });

  describe('attachments', () => {
    const attachment = (inputs: string, pr: number): Attachment => ({
      inputs,
      destination: 'd',
      kind: 'pull-request',
      repoId: 42,
      pr,
      headSha: 'one',
      checkName: `${inputs} · slim`,
    });

    test('are carried to a newer head', async () => {
      await attach(store.db, attachment('a', 1));
      await attach(store.db, { ...attachment('a', 1), headSha: 'two' });
      expect(await attachmentsOf(store.db, { inputs: 'a', destination: 'd' })).toEqual([
        { ...attachment('a', 1), headSha: 'two' },
      ]);
    });

    test('of a pull request are removed but for those it keeps', async () => {
      await attach(store.db, attachment('b', 2));
      await attach(store.db, attachment('c', 2));
      await attach(store.db, attachment('b', 3));
      expect(await detachPull(store.db, 42, 2, [{ inputs: 'b', destination: 'd' }])).toEqual([
        { inputs: 'c', destination: 'd' },
      ]);
      expect(await attachmentsOfPull(store.db, 42, 2)).toEqual([attachment('b', 2)]);
      expect(await attachmentsOfPull(store.db, 42, 3)).toHaveLength(1);
    });

    test('become publications at the merge commit', async () => {
      await attach(store.db, attachment('m', 4));
      expect(await turnIntoPublications(store.db, 42, 4, 'merge')).toMatchObject([
        { kind: 'publication', headSha: 'merge' },
      ]);
      expect(await attachmentsOfPull(store.db, 42, 4)).toEqual([]);
      expect(await attachmentsOf(store.db, { inputs: 'm', destination: 'd' })).toMatchObject([
        { kind: 'publication', pr: 4 },
      ]);
    });
  });

  test('a review is begun once per head, keeps its plan, and lists its pull request', async () => {
    const facts = {
      repoId: 5,
      pr: 6,
      headSha: 'h1',
      installationId: 1,
      owner: 'acme',
      repo: 'models',
      baseRef: 'main',
      baseSha: 'b1',
      fork: false,
    };
    const review = await reviews.beginReview(store.db, facts);
    expect(review).toMatchObject({ ...facts, state: 'queued', plan: null });
    await reviews.setReviewPlan(store.db, review.id, { targets: ['x'] }, 'planned');
    const again = await reviews.beginReview(store.db, { ...facts, baseSha: 'b2' });
    expect(again).toMatchObject({ id: review.id, baseSha: 'b2', state: 'planned', plan: { targets: ['x'] } });
    const second = await reviews.beginReview(store.db, { ...facts, headSha: 'h2' });
    await setReviewState(store.db, review.id, 'superseded');
    expect((await reviews.reviewsOfPull(store.db, facts)).map(({ id }) => id)).toEqual([second.id, review.id]);
    expect(await reviews.findReview(store.db, facts)).toMatchObject({ state: 'superseded' });
    expect(await reviews.reviewsInState(store.db, 5, 'queued')).toMatchObject([{ id: second.id }]);
  });
}
