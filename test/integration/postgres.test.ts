import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { silentLogger } from '../../src/log.ts';
import { openStore } from '../../src/store/open.ts';
import { findPostgres, startPostgres, type TestPostgres } from '../support/postgres/postgres.ts';
import { ledgerBehaviour } from '../support/store/ledger-behaviour.ts';
import { queueBehaviour } from '../support/store/queue-behaviour.ts';
import { runtimesBehaviour } from '../support/store/runtimes-behaviour.ts';

const bin = await findPostgres();

describe.skipIf(bin === null)(`on PostgreSQL${bin === null ? ' (skipped: PostgreSQL is not installed)' : ''}`, () => {
  let server: TestPostgres;
  beforeAll(async () => {
    server = await startPostgres(bin ?? '');
  });
  afterAll(() => server?.stop());

  const open = async () => openStore({ databaseUrl: await server.database() }, { logger: silentLogger });

  describe('the ledger', () => {
    ledgerBehaviour(open);
    runtimesBehaviour(open);
  });
  describe('the queue', () => queueBehaviour(open, () => server.database()));

  test('is migrated by one of several processes that start at once', async () => {
    const databaseUrl = await server.database();
    const stores = await Promise.all([1, 2, 3].map(() => openStore({ databaseUrl }, { logger: silentLogger })));
    await Promise.all(stores.map((store) => store.close()));
    expect(stores).toHaveLength(3);
  });

  test('that is not there is named as such, without its password', async () => {
    const gone = openStore({ databaseUrl: 'postgres://u:canary@127.0.0.1:1/x' }, { logger: silentLogger });
    await expect(gone).rejects.toMatchObject({
      code: 'environment',
      message: expect.stringMatching(/DATABASE_URL.*ECONNREFUSED/),
    });
    await expect(gone).rejects.not.toMatchObject({ message: expect.stringContaining('canary') });
  });
});
