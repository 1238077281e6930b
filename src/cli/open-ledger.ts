import { PublisherError } from '../errors.ts';
import { silentLogger } from '../log.ts';
import type { Services } from '../services.ts';
import type { Store } from '../store/open.ts';

/**
 * The ledger of this machine: DATABASE_URL, else the database in DATA_DIR.
 *
 * @returns `why` it cannot be used where a running bot has the folder: what the registries say has to do then
 */
export async function openLedger({
  environment: { databaseUrl, dataDir },
}: Pick<Services, 'environment'>): Promise<{ store: Store } | { store: null; why: string }> {
  // Loaded only where it is used: with it come two databases' clients.
  const { openStore } = await import('../store/open.ts');
  try {
    const location = databaseUrl === null ? { dataDir } : { databaseUrl };
    return { store: await openStore(location, { logger: silentLogger }) };
  } catch (error) {
    if (error instanceof PublisherError && error.code === 'busy') return { store: null, why: error.message };
    throw error;
  }
}
