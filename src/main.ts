import { createApp } from './app.ts';
import { botRuntimeBuilder } from './build/runtimes/installed.ts';
import type { RuntimeRecipe } from './build/runtimes/recipe.ts';
import { createSmoker, smokeIsOff } from './build/smoke/smoker.ts';
import type { AppEnvironment, Environment } from './environment.ts';
import { PublisherError } from './errors.ts';
import { Installations } from './github/installations.ts';
import { createQueue, type Queue, type QueueOptions } from './jobs/queue.ts';
import { createKeyedLocks } from './keyed-locks.ts';
import type { Logger } from './log.ts';
import { createAttester } from './publish/attest/create-attester.ts';
import { isLoopbackHost } from './registry/reference.ts';
import { ledgerOf, type ReviewContext } from './review/context.ts';
import { startWorkers } from './review/worker.ts';
import { createCheckMemory } from './review/write-checks.ts';
import { createScanner } from './scan/scanner.ts';
import { createServices, type Services } from './services.ts';
import { buildCounts } from './store/builds.ts';
import { openStore, type Store } from './store/open.ts';
import { keepSchedules } from './watch/schedule.ts';
import type { Metric } from './web/metrics.ts';
import { startWeb, type Web } from './web/server.ts';

/** Milliseconds running jobs may go on after SIGTERM before they are handed back; all of `stop` has to end within ten seconds. */
const DRAIN_MS = 3_000;
/** Seconds a worker may go unheard before its jobs, and what it was publishing, are another's. */
const LEASE_SECONDS = 60;

export interface Bot {
  /** Where webhooks are taken; null for a worker without a server. */
  url: string | null;
  /** Resolves when the ledger's folder is no longer ours: the process has to end. */
  lost: Promise<void>;
  /** Takes nothing new, lets jobs finish or hands them back, closes the ledger. Takes at most ten seconds. */
  stop(): Promise<void>;
}

export interface BotOptions {
  environment: Environment;
  logger: Logger;
  /** `serve` takes webhooks, and works too; `worker` only works, on a database it shares. */
  as: 'serve' | 'worker';
  /** What child processes are found by and handed; default: this process's own. */
  variables?: Record<string, string | undefined>;
  /** Patience of the queue, where it is not the usual one. */
  queue?: Pick<QueueOptions, 'retries' | 'pollMs' | 'leaseSeconds'>;
  /** How runtime images are built, and from what; default: as this installation can. */
  runtimes?: { builder: ReviewContext['runtimeBuilder']; recipe: RuntimeRecipe };
}

/** Environment → services → server and worker. Waits for no outside service: GitHub, Hub and registries may be down. */
export async function startBot({
  environment,
  logger: plainLogger,
  as,
  variables = process.env,
  queue: patience = {},
  runtimes,
}: BotOptions): Promise<Bot> {
  const { app } = environment;
  if (app === null) throw new PublisherError('internal', 'The bot was started without its settings.');
  if (as === 'worker' && environment.databaseUrl === null) {
    throw new PublisherError(
      'environment',
      'A separate worker shares a PostgreSQL database with the server: set DATABASE_URL. (With the embedded database, `serve` works too.)',
    );
  }
  const shared = await createServices({ environment, logger: plainLogger, as: 'bot' });
  const services: Services = runtimes === undefined ? shared : { ...shared, recipe: runtimes.recipe };
  const runtimeBuilder = runtimes?.builder ?? botRuntimeBuilder(services, variables);
  const { logger } = services;
  const location =
    environment.databaseUrl === null ? { dataDir: environment.dataDir } : { databaseUrl: environment.databaseUrl };
  const store = await openStore(location, { logger });
  const closing: (() => Promise<unknown>)[] = [() => store.close()];
  const close = async () => {
    for (const step of closing) await step();
  };
  try {
    const queue = await createQueue(store, { ...patience, logger, redact: services.redact });
    const leaseMs = (patience.leaseSeconds ?? LEASE_SECONDS) * 1_000;
    const stopping = new AbortController();
    // Jobs that are handed back wait for GitHub no longer.
    const drain = () => queue.stop({ graceMs: DRAIN_MS, onHandBack: () => stopping.abort() });
    closing.unshift(drain);
    const installations = openInstallations(app, services, stopping.signal);
    startWorkers(reviewContext({ services, store, queue, installations }, runtimeBuilder, variables, leaseMs));
    const ending = new AbortController();
    const schedules = keepSchedules({ store, queue, clock: services.clock, logger }, ending.signal);
    closing.unshift(() => {
      ending.abort();
      return schedules;
    });
    const web = as === 'worker' ? null : await serve(app, { services, store, queue, installations });
    // At once with the jobs: what comes in now is only recorded.
    if (web !== null) closing.splice(1, 1, () => Promise.all([web.close(), drain()]));
    logger.info({ url: web?.url ?? null, database: store.kind, scan: environment.scan }, 'Ready');
    return { url: web?.url ?? null, lost: aborted(store.lost), stop: close };
  } catch (error) {
    await close();
    throw error;
  }
}

interface Parts {
  services: Services;
  store: Store;
  queue: Queue;
  installations: Installations;
}

async function serve(app: AppEnvironment, { services, store, queue, installations }: Parts): Promise<Web> {
  const { probot } = installations;
  const { logger } = services;
  await probot.load(createApp({ store, queue, logger }));
  return startWeb({ host: app.host, port: app.port, probot, logger, metrics: () => collectMetrics(store, queue) });
}

function reviewContext(
  { services, store, queue, installations }: Parts,
  runtimeBuilder: ReviewContext['runtimeBuilder'],
  variables: Record<string, string | undefined>,
  publishLeaseMs: number,
): ReviewContext {
  const listed = new Map();
  return {
    services,
    store,
    queue,
    logger: services.logger,
    github: (installationId) => installations.github(installationId),
    serves: (owner) => isServed(owner, services, installations),
    scan: createScanner(services, variables),
    runtimeBuilder,
    attester: (owner) => createAttester(services, owner, variables, listed),
    publishLeaseMs,
    smoke: services.environment.smoke === 'on' ? createSmoker(services, variables) : smokeIsOff,
    locks: createKeyedLocks(),
    checkMemory: createCheckMemory(),
    ...ledgerOf(),
  };
}

/** OWNER_ALLOW; without it the App's own account. Others are ignored, and from outside that looks like a bot that is not there. */
export async function isServed(
  owner: string,
  { environment, logger }: { environment: Pick<Environment, 'ownerAllow'>; logger: Logger },
  installations: Pick<Installations, 'owner'>,
): Promise<boolean> {
  const allowed = environment.ownerAllow ?? [await installations.owner()];
  // An App whose owner GitHub does not tell cannot be compared with.
  if (allowed.some((name) => name === null || name.toLowerCase() === owner.toLowerCase())) return true;
  logger.info({ owner }, 'Account not served (OWNER_ALLOW)');
  return false;
}

function openInstallations(app: AppEnvironment, { clock, logger }: Services, stopping: AbortSignal): Installations {
  const pauses = !isLoopbackHost(new URL(app.apiUrl).hostname);
  return new Installations({ ...app, pauses, stopping, clock, logger });
}

async function collectMetrics(store: Store, queue: Queue): Promise<Metric[]> {
  const [jobs, builds] = [await queue.counts(), await buildCounts(store.db)];
  const prefix = 'model_image_publisher';
  return [
    {
      name: `${prefix}_jobs`,
      help: 'Jobs in the queue, by queue and state.',
      type: 'gauge',
      samples: Object.entries(jobs).flatMap(([name, states]) =>
        Object.entries(states).map(([state, value]) => ({ labels: { queue: name, state }, value })),
      ),
    },
    {
      name: `${prefix}_builds`,
      help: 'Builds in the ledger, by state.',
      type: 'gauge',
      samples: Object.entries(builds).map(([state, value]) => ({ labels: { state }, value })),
    },
    {
      name: 'process_resident_memory_bytes',
      help: 'Resident memory size in bytes.',
      type: 'gauge',
      samples: [{ value: process.memoryUsage.rss() }],
    },
    {
      name: 'process_uptime_seconds',
      help: 'Seconds since the process started.',
      type: 'gauge',
      samples: [{ value: Math.round(process.uptime()) }],
    },
  ];
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
