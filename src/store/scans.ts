import { and, desc, eq } from 'drizzle-orm';
import { scanResultSchema } from '../scan/result-schema.ts';
import type { ScanResult } from '../scan/types.ts';
import type { Database } from './database.ts';
import { scans } from './schema.ts';

export interface ScanKey {
  /** Of the scanned manifest. */
  digest: string;
  /** Identifies the vulnerability database: its version and update time. */
  database: string;
}

/** An earlier scan of the same image with the same database; null when there is none. */
export async function findScan(db: Database, key: ScanKey): Promise<ScanResult | null> {
  const rows = await db
    .select({ result: scans.result })
    .from(scans)
    .where(and(eq(scans.digest, key.digest), eq(scans.database, key.database)));
  return rows[0] === undefined ? null : scanResultSchema.parse(rows[0].result);
}

/** The newest scan of an image, whatever the database; null when it was never scanned. */
export async function latestScan(
  db: Database,
  digest: string,
): Promise<{ result: ScanResult; scannedAt: Date } | null> {
  const rows = await db
    .select({ result: scans.result, scannedAt: scans.scannedAt })
    .from(scans)
    .where(eq(scans.digest, digest))
    .orderBy(desc(scans.scannedAt))
    .limit(1);
  const row = rows[0];
  return row === undefined ? null : { result: scanResultSchema.parse(row.result), scannedAt: row.scannedAt };
}

/** Remembers a scan; the same image and database scanned again replaces it. Only for results that were scanned. */
export async function rememberScan(db: Database, key: ScanKey, result: ScanResult, scannedAt: Date): Promise<void> {
  if (result.status !== 'scanned') return;
  await db
    .insert(scans)
    .values({ ...key, result, scannedAt })
    .onConflictDoUpdate({ target: [scans.digest, scans.database], set: { result, scannedAt } });
}
