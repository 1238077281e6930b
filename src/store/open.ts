import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { PGlite } from '@electric-sql/pglite';
import { sql } from 'drizzle-orm';
import { drizzle as drizzlePostgres } from 'drizzle-orm/node-postgres';
import { drizzle as drizzlePglite } from 'drizzle-orm/pglite';
import { type ConstructorOptions, fromDrizzle, fromPglite } from 'pg-boss';
import { messageOf, PublisherError } from '../errors.ts';
import type { Logger } from '../log.ts';
import type { Database, Transaction } from './database.ts';
import { type FolderLock, type LockOptions, lockFolder } from './lock.ts';
import { migrate } from './migrate.ts';

/** The ledger, and the database the queue shares with it. */
export interface Store {
  kind: 'pglite' | 'postgres';
  db: Database;
  /** All or nothing. On PGlite every other statement waits meanwhile: no network inside. */
  transaction<T>(fn: (tx: Transaction) => Promise<T>): Promise<T>;
  /** How pg-boss reaches the same database. */
  boss: Pick<ConstructorOptions, 'db' | 'backend' | 'connectionString' | 'max'>;
  /** Aborted when the folder is no longer ours (another process took it): stop using it and exit. */
  lost: AbortSignal;
  close(): Promise<void>;
}

/** A folder, `null` for a database in memory, or a PostgreSQL server. */
export type StoreLocation = { dataDir: string | null } | { databaseUrl: string };

export interface StoreOptions {
  logger: Logger;
  lock?: LockOptions;
}

/**
 * Opens the ledger and migrates it.
 * @throws PublisherError `busy` when another process uses the folder; `environment` when the database cannot be opened
 */
export async function openStore(location: StoreLocation, options: StoreOptions): Promise<Store> {
  const store =
    'databaseUrl' in location
      ? openPostgres(location.databaseUrl, options)
      : await openFolder(location.dataDir, options);
  try {
    const applied = await store.transaction((tx) => migrate(tx.db));
    if (applied.length > 0) options.logger.info({ applied, kind: store.kind }, 'Ledger migrated');
    return store;
  } catch (error) {
    await store.close().catch(() => undefined);
    if (error instanceof PublisherError) throw error;
    const where = store.kind === 'postgres' ? 'the database in DATABASE_URL' : 'the database in DATA_DIR';
    // Drizzle wraps the driver's message in one that quotes the statement: only the cause says what is wrong.
    const reason = messageOf(error instanceof Error && error.cause !== undefined ? error.cause : error);
    throw new PublisherError('environment', `Cannot open ${where}: ${reason}`, { cause: error });
  }
}

async function openFolder(dataDir: string | null, options: StoreOptions): Promise<Store> {
  if (dataDir === null) return pgliteStore(await PGlite.create(), null, options.logger);
  try {
    await mkdir(dataDir, { recursive: true });
  } catch (error) {
    throw new PublisherError('environment', `Cannot create DATA_DIR ${dataDir}: ${messageOf(error)}`, { cause: error });
  }
  const lock = await lockFolder(dataDir, options.lock);
  const folder = join(dataDir, 'pg');
  try {
    return pgliteStore(await PGlite.create(folder), lock, options.logger);
  } catch (error) {
    await lock.release();
    throw new PublisherError(
      'environment',
      `Cannot open the database in ${folder}: ${messageOf(error)}. If it is damaged, move the folder away and start again.`,
      { cause: error },
    );
  }
}

function pgliteStore(client: PGlite, lock: FolderLock | null, logger: Logger): Store {
  const db = drizzlePglite({ client });
  return {
    kind: 'pglite',
    db,
    transaction: (fn) =>
      withHooks(logger, (hook) =>
        db.transaction((tx) => fn({ db: tx, boss: fromDrizzle(tx, sql), afterCommit: hook })),
      ),
    boss: { db: fromPglite(client), backend: 'pglite' },
    lost: lock?.lost ?? new AbortController().signal,
    close: async () => {
      // Closing writes a checkpoint: never into a folder somebody else has opened by now.
      if (lock?.lost.aborted !== true && !client.closed) await client.close();
      await lock?.release();
    },
  };
}

function openPostgres(databaseUrl: string, { logger }: StoreOptions): Store {
  const db = drizzlePostgres({
    connection: {
      connectionString: databaseUrl,
      application_name: 'model-image-publisher',
      max: 8,
      connectionTimeoutMillis: 10_000,
    },
  });
  // An idle connection that breaks is replaced by the pool; without a listener it would end the process.
  db.$client.on('error', (error: unknown) => logger.warn({ error: messageOf(error) }, 'Database connection lost'));
  return {
    kind: 'postgres',
    db,
    transaction: (fn) =>
      withHooks(logger, (hook) =>
        db.transaction((tx) => fn({ db: tx, boss: fromDrizzle(tx, sql), afterCommit: hook })),
      ),
    boss: { connectionString: databaseUrl, max: 4, backend: 'postgres' },
    lost: new AbortController().signal,
    close: () => db.$client.end(),
  };
}

async function withHooks<T>(logger: Logger, run: (hook: (callback: () => void) => void) => Promise<T>): Promise<T> {
  const hooks: (() => void)[] = [];
  const result = await run((callback) => hooks.push(callback));
  for (const hook of hooks) {
    try {
      hook();
    } catch (error) {
      // The transaction stands: its caller must not be told otherwise.
      logger.error({ error: messageOf(error) }, 'A callback after a commit failed');
    }
  }
  return result;
}
