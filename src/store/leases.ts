import { and, asc, eq, gt, inArray, sql } from 'drizzle-orm';
import type { Database } from './database.ts';
import { leases } from './schema.ts';

/**
 * Who may do something, one holder at a time, by the database's clock:
 *
 *   acquire ─▶ held ──renew──▶ held
 *               ├──release──────▶ free      the row stays: its fence grows for ever
 *               └──time is up───▶ free ──acquire──▶ held by another, with a greater fence
 */
export interface Lease {
  name: string;
  holder: string;
  /** Greater than that of every earlier holder. */
  fence: number;
}

export interface AcquiredLease extends Lease {
  /** By the database's clock. */
  expiresAt: Date;
}

const until = (ttlMs: number) => sql`clock_timestamp() + ${ttlMs} * interval '1 millisecond'`;
const isLive = gt(leases.expiresAt, sql`clock_timestamp()`);

/** Takes a lease that nobody holds, for `ttlMs` milliseconds; null while somebody, this holder included, has it. */
export async function acquireLease(
  db: Database,
  name: string,
  holder: string,
  ttlMs: number,
): Promise<AcquiredLease | null> {
  const [row] = await db
    .insert(leases)
    .values({ name, holder, fence: 1, expiresAt: until(ttlMs) })
    .onConflictDoUpdate({
      target: leases.name,
      set: { holder, fence: sql`${leases.fence} + 1`, expiresAt: until(ttlMs) },
      setWhere: sql`${leases.expiresAt} <= clock_timestamp()`,
    })
    .returning();
  return row ?? null;
}

/** Another `ttlMs` milliseconds from now; false when the lease has run out or is another's. */
export async function renewLease(db: Database, lease: Lease, ttlMs: number): Promise<boolean> {
  const rows = await db
    .update(leases)
    .set({ expiresAt: until(ttlMs) })
    .where(and(ofLease(lease), isLive))
    .returning({ fence: leases.fence });
  return rows.length > 0;
}

/** Lets others have it now. Nothing where it is another's already. */
export async function releaseLease(db: Database, lease: Lease): Promise<void> {
  await db.update(leases).set({ expiresAt: sql`to_timestamp(0)` }).where(ofLease(lease));
}

/** Whether the lease is still this holder's, by the database's clock. */
export async function holdsLease(db: Database, lease: Lease): Promise<boolean> {
  const rows = await db
    .select({ fence: leases.fence })
    .from(leases)
    .where(and(ofLease(lease), isLive));
  return rows.length > 0;
}

/**
 * Keeps others from taking over leases until the transaction ends; false when one was taken over before. One that has run out and nobody took is
 * still its holder's: whoever takes it afterwards comes after this transaction.
 *
 * @param db a transaction
 */
export async function lockLeases(db: Database, held: readonly Lease[]): Promise<boolean> {
  if (held.length === 0) return true;
  const names = held.map(({ name }) => name);
  // In one order, so that two who lock several never wait for each other.
  const rows = await db
    .select()
    .from(leases)
    .where(inArray(leases.name, names))
    .orderBy(asc(leases.name))
    .for('update');
  return held.every(({ name, holder, fence }) =>
    rows.some((row) => row.name === name && row.holder === holder && row.fence === fence),
  );
}

const ofLease = ({ name, holder, fence }: Lease) =>
  and(eq(leases.name, name), eq(leases.holder, holder), eq(leases.fence, fence));
