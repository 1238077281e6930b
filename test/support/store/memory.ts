import { silentLogger } from '../../../src/log.ts';
import { openStore, type Store } from '../../../src/store/open.ts';

/** A fresh real database that lives in memory. */
export const memoryStore = (): Promise<Store> => openStore({ dataDir: null }, { logger: silentLogger });
