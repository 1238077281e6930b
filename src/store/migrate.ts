import { sql } from 'drizzle-orm';
import { z } from 'zod';
import { PublisherError } from '../errors.ts';
import type { Database } from './database.ts';
import { MIGRATIONS, type Migration } from './migrations.ts';

/** "publishr" in ASCII: the advisory lock that lets one of several starting processes migrate. */
const LOCK_KEY = 0x7075626c;

const versions = z.object({ rows: z.array(z.object({ version: z.number().nullable() })) });

/**
 * Brings the ledger to the newest version, in the given transaction: all steps or none.
 * Returns the names of the steps it applied.
 * @throws PublisherError `environment` when the database was written by a newer release
 */
export async function migrate(db: Database, migrations: readonly Migration[] = MIGRATIONS): Promise<string[]> {
  await db.execute(sql`SELECT pg_advisory_xact_lock(${LOCK_KEY})`);
  await db.execute(sql`CREATE SCHEMA IF NOT EXISTS publisher`);
  await db.execute(sql`CREATE TABLE IF NOT EXISTS publisher.migrations (
    version integer PRIMARY KEY, name text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())`);
  const answer = versions.parse(await db.execute(sql`SELECT max(version) AS version FROM publisher.migrations`));
  const current = answer.rows[0]?.version ?? 0;
  const newest = migrations.at(-1)?.version ?? 0;
  if (current > newest) {
    throw new PublisherError(
      'environment',
      `The ledger is at version ${current}, this release knows ${newest}: start the newer release again, or restore a backup of the older ledger.`,
    );
  }
  const applied: string[] = [];
  for (const migration of migrations.filter(({ version }) => version > current)) {
    for (const statement of migration.statements) await db.execute(sql.raw(statement));
    await db.execute(
      sql`INSERT INTO publisher.migrations (version, name) VALUES (${migration.version}, ${migration.name})`,
    );
    applied.push(migration.name);
  }
  return applied;
}
