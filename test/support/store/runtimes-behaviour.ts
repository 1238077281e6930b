import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { attach } from '../../../src/store/attachments.ts';
import type { Store } from '../../../src/store/open.ts';
import {
  cancelUnattachedRuntime,
  claimRuntime,
  findRuntime,
  finishRuntime,
  holdsRuntime,
  releaseRuntime,
  requestRuntime,
} from '../../../src/store/runtimes.ts';
import { runtimeRequest } from './runtime-request.ts';

const DIGEST = `sha256:${'d'.repeat(64)}` as const;

/** What the ledger does with runtime images, whatever database it is in. */
export function runtimesBehaviour(open: () => Promise<Store>): void {
  let store: Store;
  beforeAll(async () => {
    store = await open();
  });
  afterAll(() => store.close());

  const ask = (key: string, again = false) =>
    requestRuntime(store.db, { owner: 'acme', request: runtimeRequest(key), again });
  const take = async (key: string) => {
    const claimed = await claimRuntime(store.db, runtimeRequest(key));
    if (claimed === null) throw new Error('it cannot be claimed');
    return claimed;
  };
  const find = (key: string) => findRuntime(store.db, runtimeRequest(key));
  const failed = { state: 'failed', error: { code: 'image-invalid', message: 'no', retryable: false } } as const;
  const succeeded = { state: 'succeeded', reference: 'registry.test/x:b1-cuda', digest: DIGEST } as const;

  describe('runtimes', () => {
    test('are queued once for everybody who asks, and have a job as long as they wait', async () => {
      expect([await ask('once'), await ask('once')]).toEqual([true, true]);
      await take('once');
      expect(await ask('once')).toBe(false);
      expect(await find('once')).toMatchObject({ state: 'running', attempt: 1, request: runtimeRequest('once') });
    });

    test('are found with what they became', async () => {
      await ask('life');
      expect(await finishRuntime(store.db, await take('life'), succeeded)).toBe(true);
      expect(await find('life')).toMatchObject(succeeded);
      expect(await claimRuntime(store.db, runtimeRequest('life'))).toBeNull();
      expect(await find('never')).toBeNull();
    });

    test('drop what an earlier claim still writes', async () => {
      await ask('fence');
      const [first, second] = [await take('fence'), await take('fence')];
      expect([await holdsRuntime(store.db, first), await holdsRuntime(store.db, second)]).toEqual([false, true]);
      expect(await finishRuntime(store.db, first, failed)).toBe(false);
      expect(await releaseRuntime(store.db, second)).toBe(true);
      expect((await find('fence'))?.state).toBe('queued');
    });

    test('that failed are built again only on demand; that are gone, whenever they are missed', async () => {
      await ask('again');
      await finishRuntime(store.db, await take('again'), failed);
      expect(await ask('again')).toBe(false);
      expect((await find('again'))?.error).toEqual(failed.error);
      expect(await ask('again', true)).toBe(true);
      expect(await find('again')).toMatchObject({ state: 'queued', error: null });
      await finishRuntime(store.db, await take('again'), succeeded);
      expect(await ask('again')).toBe(true);
    });

    test('are cancelled when nobody waits, and then not to be claimed', async () => {
      await ask('left');
      const { key, repository } = runtimeRequest('left');
      const waiting = { inputs: key, destination: repository, kind: 'pull-request', repoId: 1, pr: 1 } as const;
      await attach(store.db, { ...waiting, headSha: 'h', checkName: 'c' });
      expect(await cancelUnattachedRuntime(store.db, runtimeRequest('left'))).toBe(false);
      await ask('alone');
      const claim = await take('alone');
      expect(await cancelUnattachedRuntime(store.db, claim)).toBe(true);
      expect(await holdsRuntime(store.db, claim)).toBe(false);
      expect(await claimRuntime(store.db, claim)).toBeNull();
      expect(await ask('alone')).toBe(true);
    });
  });
}
