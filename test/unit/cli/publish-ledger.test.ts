import { sql } from 'drizzle-orm';
import { expect, it } from 'vitest';
import { underLeases } from '../../../src/cli/publish/ledger.ts';
import { readEnvironment } from '../../../src/environment.ts';
import { silentLogger } from '../../../src/log.ts';
import { publishLeaseName } from '../../../src/publish/publish-lease.ts';
import { createServices } from '../../../src/services.ts';
import { acquireLease } from '../../../src/store/leases.ts';
import { leases } from '../../../src/store/schema.ts';
import { memoryStore } from '../../support/store/memory.ts';

const REPOSITORY = 'one.test/acme/hf-tiny';

it('a command records nothing once somebody else publishes to its repositories', async () => {
  const store = await memoryStore();
  const environment = readEnvironment({}, 'command');
  const services = await createServices({ environment, logger: silentLogger, as: 'bot' });
  const ledger = { store, notes: [], close: () => store.close() };
  const { signal } = new AbortController();
  const records: string[] = [];
  const publish = (suspended: boolean) =>
    underLeases(ledger, [REPOSITORY], { services, commit: null, signal }, async ({ record }) => {
      if (suspended) {
        await store.db.update(leases).set({ expiresAt: sql`clock_timestamp() - interval '1 second'` });
        await acquireLease(store.db, publishLeaseName(REPOSITORY), 'another', 60_000);
      }
      await record(async () => void records.push(suspended ? 'late' : 'in time'));
    });
  await publish(false);
  await expect(publish(true)).rejects.toMatchObject({ code: 'cancelled' });
  expect(records).toEqual(['in time']);
  await ledger.close();
});
