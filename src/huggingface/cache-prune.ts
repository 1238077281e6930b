import { readdir, stat, unlink } from 'node:fs/promises';
import { join } from 'node:path';

const ENTRY = /^[0-9a-f]{64}$/;
const TEMPORARY = /^[0-9a-f]{64}\.[0-9a-f-]+\.tmp$/;
const HOUR_MS = 60 * 60 * 1000;

/**
 * Deletes the entries that were longest of no use, until a tenth of `maxBytes` is free again, and what writers that died have left
 * behind. Touches nothing that is not the cache's.
 *
 * @param now milliseconds since the epoch
 */
export async function pruneCache(folder: string, maxBytes: number, now: number): Promise<void> {
  const names = await readdir(folder);
  const abandoned = await agesOf(
    folder,
    names.filter((name) => TEMPORARY.test(name)),
  );
  for (const { path, usedAt } of abandoned) if (now - usedAt > HOUR_MS) await remove(path);
  const entries = await agesOf(
    folder,
    names.filter((name) => ENTRY.test(name)),
  );
  let bytes = entries.reduce((sum, { size }) => sum + size, 0);
  if (bytes <= maxBytes) return;
  for (const { path, size } of entries.sort((a, b) => a.usedAt - b.usedAt)) {
    if (bytes <= maxBytes * 0.9) return;
    await remove(path);
    bytes -= size;
  }
}

async function agesOf(folder: string, names: string[]): Promise<{ path: string; size: number; usedAt: number }[]> {
  const found = await Promise.all(
    names.map(async (name) => {
      const path = join(folder, name);
      // Another process may prune at the same time.
      const stats = await stat(path).catch(() => null);
      return stats === null ? [] : [{ path, size: stats.size, usedAt: stats.mtimeMs }];
    }),
  );
  return found.flat();
}

async function remove(path: string): Promise<void> {
  await unlink(path).catch(() => {});
}
