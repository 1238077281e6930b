import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { createQueue } from '../../../src/jobs/queue.ts';
import { silentLogger } from '../../../src/log.ts';
import { recordDelivery } from '../../../src/store/deliveries.ts';
import { openStore } from '../../../src/store/open.ts';

let dataDir: string;
beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'publisher-store-'));
});
afterEach(() => rm(dataDir, { recursive: true, force: true }));

const lock = { beatMs: 50, staleMs: 500 };
const open = () => openStore({ dataDir }, { logger: silentLogger, lock });
const delivery = { id: 'd', event: 'push', action: null, payloadDigest: 'x' };

test('a folder keeps what was written, and is open once at a time', async () => {
  const store = await open();
  expect(await recordDelivery(store.db, delivery)).toBe(true);
  await expect(open()).rejects.toMatchObject({ code: 'busy', exitCode: 2 });
  await store.close();

  const again = await open();
  expect(await recordDelivery(again.db, delivery)).toBe(false);
  await again.close();
  await again.close();
});

test('a folder that cannot be made is named', async () => {
  await writeFile(join(dataDir, 'file'), '');
  const store = openStore({ dataDir: join(dataDir, 'file', 'data') }, { logger: silentLogger });
  await expect(store).rejects.toMatchObject({ code: 'environment', message: expect.stringContaining('DATA_DIR') });
});

test('a folder another process has taken is told by a signal, stops the queue, and is left as it is', async () => {
  const store = await open();
  const queue = await createQueue(store, { logger: silentLogger, pollMs: 50 });
  // What a takeover leaves behind.
  await writeFile(join(dataDir, 'lock', 'holder.99'), '{}');
  await vi.waitFor(() => expect(store.lost.aborted).toBe(true));
  await queue.stop({ graceMs: 0 });
  await store.close();
  expect(await readdir(join(dataDir, 'lock'))).toContain('holder.99');
});
