import { randomUUID } from 'node:crypto';
import { mkdir, open, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import type { Clock } from '../clock.ts';
import { messageOf } from '../errors.ts';
import { sha256Hex } from '../image/hash.ts';
import type { Logger } from '../log.ts';
import type { HubCache } from './cache.ts';
import { pruneCache } from './cache-prune.ts';

export interface FileCacheOptions {
  /** Made when first needed. */
  folder: string;
  clock: Clock;
  logger: Logger;
  /** Bytes of all entries, roughly. Default 512 MiB: a thousand models take about 60. */
  maxBytes?: number;
}

const MIB = 1024 * 1024;
const MAX_ENTRY_BYTES = 16 * MIB;
const DAY_MS = 24 * 60 * 60 * 1000;
const headerSchema = z.object({ key: z.string(), sha256: z.string() });

/**
 * One file an entry: a line of JSON with the key and the sha256 of the content, then the content. A file that is cut, altered or
 * another key's is no entry. Written beside and renamed, so that processes may share the folder.
 */
export function createFileCache({ folder, clock, logger, maxBytes = 512 * MIB }: FileCacheOptions): HubCache {
  let warned = false;
  let unpruned = Number.POSITIVE_INFINITY;

  async function write(name: string, parts: Uint8Array[]): Promise<void> {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const temporary = join(folder, `${name}.${randomUUID()}.tmp`);
    try {
      await writeFile(temporary, parts, { flag: 'wx', mode: 0o600 });
      await rename(temporary, join(folder, name));
    } catch (error) {
      await rm(temporary, { force: true }).catch(() => {});
      throw error;
    }
  }

  return {
    async get(key) {
      try {
        await using handle = await open(join(folder, sha256Hex(key)));
        const content = contentOf(key, await handle.readFile());
        const now = clock.now();
        // The date says when an entry was last of use; to the day is enough for pruning.
        if (now - (await handle.stat()).mtimeMs > DAY_MS) await handle.utimes(now / 1000, now / 1000).catch(() => {});
        return content;
      } catch {
        return null;
      }
    },
    async set(key, bytes) {
      if (bytes.byteLength > Math.min(MAX_ENTRY_BYTES, maxBytes)) return;
      const header = Buffer.from(`${JSON.stringify({ key, sha256: sha256Hex(bytes) })}\n`);
      try {
        await write(sha256Hex(key), [header, bytes]);
        unpruned += bytes.byteLength;
        if (unpruned < maxBytes / 16) return;
        unpruned = 0;
        await pruneCache(folder, maxBytes, clock.now());
      } catch (error) {
        if (!warned) logger.warn({ folder, error: messageOf(error) }, 'the cache of Hub answers cannot be written');
        warned = true;
      }
    },
  };
}

function contentOf(key: string, file: Buffer): Uint8Array | null {
  const end = file.indexOf('\n');
  const header = headerSchema.safeParse(JSON.parse(file.toString('utf8', 0, Math.max(0, end)))).data;
  const content = file.subarray(end + 1);
  return header?.key === key && header.sha256 === sha256Hex(content) ? content : null;
}
