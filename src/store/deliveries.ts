import { eq, lt } from 'drizzle-orm';
import type { Database } from './database.ts';
import { deliveries } from './schema.ts';

export interface Delivery {
  /** `X-GitHub-Delivery`. Not covered by the signature: it tells redeliveries apart, nothing more. */
  id: string;
  event: string;
  action: string | null;
  /** Hex sha256 of the payload. */
  payloadDigest: string;
}

/** Remembers a delivery; false when it was already known and must not be acted upon again. */
export async function recordDelivery(db: Database, delivery: Delivery): Promise<boolean> {
  const rows = await db.insert(deliveries).values(delivery).onConflictDoNothing().returning({ id: deliveries.id });
  return rows.length > 0;
}

/** Forgets deliveries received before `before`; GitHub redelivers for three days. Returns how many. */
export async function forgetDeliveries(db: Database, before: Date): Promise<number> {
  const rows = await db.delete(deliveries).where(lt(deliveries.receivedAt, before)).returning({ id: deliveries.id });
  return rows.length;
}

/** Whether a delivery with this very payload was recorded, under whatever id. */
export async function isPayloadKnown(db: Database, payloadDigest: string): Promise<boolean> {
  const rows = await db
    .select({ id: deliveries.id })
    .from(deliveries)
    .where(eq(deliveries.payloadDigest, payloadDigest))
    .limit(1);
  return rows.length > 0;
}
