import type { PgDatabase, PgQueryResultHKT } from 'drizzle-orm/pg-core';
import type { Db as BossDb } from 'pg-boss';

/**
 * What every ledger function takes first: the database itself, or a transaction of it. On PGlite, which has one
 * connection, using the database inside a transaction waits for that transaction for ever: pass the transaction.
 */
export type Database = PgDatabase<PgQueryResultHKT>;

/** Runs statements of the queue in the same transaction as those of the ledger. */
export interface Transaction {
  db: Database;
  boss: BossDb;
  /** Calls back once the transaction is committed, and never when it is rolled back. */
  afterCommit(callback: () => void): void;
}
