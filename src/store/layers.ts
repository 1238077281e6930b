import { sql } from 'drizzle-orm';
import { z } from 'zod';
import type { Digest } from '../registry/types.ts';
import type { Database } from './database.ts';
import { layers } from './schema.ts';

/** What a layer was made from: the path in the image, the content, and the format version of the assembler. */
export interface LayerKey {
  path: string;
  /**
   * `sha256:<hex>` of the content, `git:<hex>`, the blob SHA-1 of a git-stored file, or `layer:<key>` for one made of
   * several files, whose key the assembler computes from all of them.
   */
  content: string;
  format: number;
}

export interface KnownLayer extends LayerKey {
  layerDigest: Digest;
  /** Bytes of the layer, an uncompressed tar. */
  size: number;
  /** Hashes of files in it that nobody else knows: shards of a file that was split. */
  files?: { path: string; sha256: string }[] | undefined;
}

const files = z.array(z.object({ path: z.string(), sha256: z.string().regex(/^[0-9a-f]{64}$/) })).optional();
const digest = z.templateLiteral(['sha256:', z.string().regex(/^[0-9a-f]{64}$/)]);

/** Keys a statement carries at most: PostgreSQL allows 65,535 parameters. */
const BATCH = 1_000;

/** Those of the layers asked for that have been written before, in no particular order. */
export async function findLayers(db: Database, keys: readonly LayerKey[]): Promise<KnownLayer[]> {
  const found: KnownLayer[] = [];
  for (let start = 0; start < keys.length; start += BATCH) {
    const tuples = keys
      .slice(start, start + BATCH)
      .map(({ path, content, format }) => sql`(${path}, ${content}, ${format}::integer)`);
    const rows = await db
      .select({
        path: layers.path,
        content: layers.content,
        format: layers.format,
        layerDigest: layers.layerDigest,
        size: layers.size,
        files: layers.files,
      })
      .from(layers)
      .where(sql`(${layers.path}, ${layers.content}, ${layers.format}) IN (${sql.join(tuples, sql`, `)})`);
    for (const row of rows) {
      found.push({ ...row, layerDigest: digest.parse(row.layerDigest), files: files.parse(row.files ?? undefined) });
    }
  }
  return found;
}

/**
 * Remembers a layer that was written or verified byte for byte; never one that only an annotation names.
 * A layer is a function of its key, so the first answer stays: true unless another digest is already known for it.
 */
export async function rememberLayer(db: Database, layer: KnownLayer): Promise<boolean> {
  await db.insert(layers).values(layer).onConflictDoNothing();
  const known = await findLayers(db, [layer]);
  return known[0]?.layerDigest === layer.layerDigest && known[0].size === layer.size;
}
