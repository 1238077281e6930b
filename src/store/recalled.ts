import { sql } from 'drizzle-orm';
import { z } from 'zod';
import type { Digest } from '../registry/types.ts';
import type { Database } from './database.ts';
import { builds, publications, tagMoves } from './schema.ts';

const rowsSchema = z.object({ rows: z.array(z.object({ wrote: z.boolean(), known: z.boolean() })).length(1) });

/**
 * Whether a digest that a tag is at was written from here: it was built, published, or a tag was pointed at it. null where the ledger knows
 * nothing of the tag: it never moved, and no publication to its repository was ever completed. So a ledger that is new to a repository
 * does not take what was published before it for somebody else's, also where its first publication there ended midway.
 */
export async function recalled(
  db: Database,
  { repository, tag, digest }: { repository: string; tag: string; digest: Digest },
): Promise<boolean | null> {
  const places = JSON.stringify([repository]);
  const answer = await db.execute(sql`SELECT
    EXISTS (SELECT 1 FROM ${tagMoves} WHERE ${tagMoves.after} = ${digest})
      OR EXISTS (SELECT 1 FROM ${publications} WHERE ${publications.digest} = ${digest})
      OR EXISTS (SELECT 1 FROM ${builds} WHERE ${builds.result} ->> 'digest' = ${digest}) AS wrote,
    EXISTS (SELECT 1 FROM ${tagMoves} WHERE ${tagMoves.repository} = ${repository} AND ${tagMoves.tag} = ${tag})
      OR EXISTS (SELECT 1 FROM ${publications} WHERE ${publications.details} -> 'repositories' @> ${places}::jsonb) AS known`);
  const [row] = rowsSchema.parse(answer).rows;
  if (row === undefined) return null;
  return row.wrote || (row.known ? false : null);
}
