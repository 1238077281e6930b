import { and, desc, eq } from 'drizzle-orm';
import { scanResultSchema } from '../scan/result-schema.ts';
import type { ScanResult } from '../scan/types.ts';
import type { Database } from './database.ts';
import { builds, scans } from './schema.ts';

export interface ScanKey {
  /** Of the scanned manifest. */
  digest: string;
  /** Identifies the vulnerability database: its version and update time. */
  database: string;
}

/** An earlier scan of the same image with the same database; null when there is none. */
export async function findScan(db: Database, key: ScanKey): Promise<ScanResult | null> {
  return (await datedScan(db, key))?.result ?? null;
}

/** As `findScan`, with the time of the scan. */
export async function datedScan(db: Database, key: ScanKey): Promise<{ result: ScanResult; scannedAt: Date } | null> {
  const [row] = await db
    .select({ result: scans.result, scannedAt: scans.scannedAt })
    .from(scans)
    .where(and(eq(scans.digest, key.digest), eq(scans.database, key.database)));
  return row === undefined ? null : { result: scanResultSchema.parse(row.result), scannedAt: row.scannedAt };
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

/** Identifies the vulnerability database of a scan. */
export function databaseOf({ database }: ScanResult & { status: 'scanned' }): string {
  return `${database.version ?? 0}@${database.updatedAt ?? ''}`;
}

/** The scan that was made when an image was built, which the ledger keeps with the build; null when there was none. */
export async function buildScan(db: Database, inputs: string): Promise<{ result: ScanResult; scannedAt: Date } | null> {
  const rows = await db
    .select({ result: builds.scan, scannedAt: builds.updatedAt })
    .from(builds)
    .where(and(eq(builds.inputs, inputs), eq(builds.state, 'succeeded')))
    .orderBy(desc(builds.updatedAt));
  for (const { result, scannedAt } of rows) {
    const scan = scanResultSchema.nullable().parse(result);
    if (scan?.status === 'scanned') return { result: scan, scannedAt };
  }
  return null;
}
