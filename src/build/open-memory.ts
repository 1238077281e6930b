import { join } from 'node:path';
import { silentLogger } from '../log.ts';
import type { Services } from '../services.ts';
import { fileMemory } from './file-memory.ts';
import type { LayerMemory } from './types.ts';

/**
 * What is remembered of layers: a table where there is a PostgreSQL server, else a file of DATA_DIR. The embedded database would do as well, but
 * it takes half a second and a quarter of a gigabyte to open, and belongs to one process: a command next to a running bot would have nothing.
 */
export async function openMemory({
  environment,
}: Pick<Services, 'environment'>): Promise<{ layers: LayerMemory; close(): Promise<void> }> {
  if (environment.databaseUrl === null) {
    return { layers: embeddedMemory(environment.dataDir), close: async () => undefined };
  }
  // Loaded only where it is used: with it come two databases' clients.
  const [{ openStore }, { ledgerMemory }] = await Promise.all([
    import('../store/open.ts'),
    import('./ledger-memory.ts'),
  ]);
  const store = await openStore({ databaseUrl: environment.databaseUrl }, { logger: silentLogger });
  return { layers: ledgerMemory(store.db), close: () => store.close() };
}

/** The file that bot and commands on one DATA_DIR share. */
export function embeddedMemory(dataDir: string): LayerMemory {
  return fileMemory(join(dataDir, 'layers.jsonl'));
}
