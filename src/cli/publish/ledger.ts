import { randomUUID } from 'node:crypto';
import { asPublisherError, PublisherError } from '../../errors.ts';
import { silentLogger } from '../../log.ts';
import { type LeasedParts, leased } from '../../publish/leased.ts';
import { publicationOf } from '../../publish/publication-of.ts';
import { keepPublishLeases, type PublishLease, publishLeaseName } from '../../publish/publish-lease.ts';
import type { PublishedImage, WantedPublication } from '../../publish/types.ts';
import type { Services } from '../../services.ts';
import type { Database } from '../../store/database.ts';
import type { Store } from '../../store/open.ts';
import { type PublicationDetails, recordPublication } from '../../store/publications.ts';

/** Milliseconds; a command that dies leaves the repositories to others after that. */
const LEASE_MS = 60_000;
/** Milliseconds to wait for another publisher of the same repositories. */
const PATIENCE_MS = 120_000;
const LOOK_EVERY_MS = 1_000;

/** What a command remembers, and holds while it publishes. */
export interface CommandLedger {
  store: Store;
  close(): Promise<void>;
}

/** What a command that changes nothing looks into; null where a bot has the folder. */
export interface ReadLedger {
  store: Store | null;
  close(): Promise<void>;
}

/**
 * The ledger of DATA_DIR or DATABASE_URL. Without it a command would write beside a bot that knows nothing of it, and hold no lease.
 *
 * @throws PublisherError `busy` where a bot has the folder, with what to do
 */
export async function openCommandLedger({ environment }: Services): Promise<CommandLedger> {
  const { openStore } = await import('../../store/open.ts');
  const { databaseUrl, dataDir } = environment;
  const location = databaseUrl === null ? { dataDir } : { databaseUrl };
  try {
    const store = await openStore(location, { logger: silentLogger });
    return { store, close: () => store.close() };
  } catch (thrown) {
    const error = asPublisherError(thrown);
    if (error.code !== 'busy') throw error;
    throw new PublisherError(
      'busy',
      `A bot, or another command, is using ${dataDir}: have the bot do it, or set DATABASE_URL for both, or another DATA_DIR.`,
      { cause: error },
    );
  }
}

/** The same for a command that changes nothing: where a bot has the folder, it looks without it. */
export async function openReadLedger(services: Services): Promise<ReadLedger> {
  try {
    return await openCommandLedger(services);
  } catch (thrown) {
    const error = asPublisherError(thrown);
    if (error.code !== 'busy') throw error;
    return { store: null, close: async () => undefined };
  }
}

/**
 * Runs a publication under leases over its repositories.
 *
 * @throws PublisherError `busy` when somebody else publishes there and does not end
 */
export async function underLeases<R>(
  { store }: CommandLedger,
  repositories: readonly string[],
  { services, commit, signal }: { services: Services; commit: string | null; signal: AbortSignal },
  publish: (parts: LeasedParts) => Promise<R>,
): Promise<R> {
  const leases = await waitForLeases(store, repositories.map(publishLeaseName), services, signal);
  return leased(store, leases, { commit, stillWanted: async () => true, signal }, publish);
}

async function waitForLeases(
  { db }: Store,
  names: readonly string[],
  { clock }: Services,
  signal: AbortSignal,
): Promise<Map<string, PublishLease>> {
  const until = clock.now() + PATIENCE_MS;
  for (;;) {
    const kept = await keepPublishLeases(db, names, { holder: randomUUID(), ttlMs: LEASE_MS, logger: silentLogger });
    if (kept !== null) return kept;
    if (clock.now() >= until) {
      throw new PublisherError('busy', 'Somebody else is publishing to the same repositories: try again later.');
    }
    await clock.sleep(LOOK_EVERY_MS, signal);
  }
}

/** Writes down what was published. Run it inside a transaction. */
export async function recordPublished(
  db: Database,
  published: readonly { wanted: WantedPublication; image: PublishedImage }[],
  facts: {
    owner: string | null;
    catalogId: string | null;
    revision: string | null;
    mirrors: PublicationDetails['mirrors'];
  },
): Promise<void> {
  const { catalogId, owner, revision, mirrors } = facts;
  for (const { wanted, image } of published) {
    const came = { mirrors, commit: wanted.source.commit, pr: null, entry: '', wanted: revision };
    const publication = publicationOf(wanted, image, { catalog: catalogId ?? 'cli', owner: owner ?? '', ...came });
    if (publication !== null) await recordPublication(db, publication);
  }
}
