import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { AssembleContext } from './build/assemble.ts';
import { type BuildKitSettings, readBuildKitSettings } from './build/buildkit/settings.ts';
import { type RuntimeRecipe, readRecipe } from './build/runtimes/recipe.ts';
import { type Clock, systemClock } from './clock.ts';
import type { Environment } from './environment.ts';
import { PublisherError } from './errors.ts';
import { run } from './exec.ts';
import { counted } from './http/counted.ts';
import { guardedHttp } from './http/fetch.ts';
import { redactingLogger } from './http/redacting-logger.ts';
import { createSecrets, type Secrets } from './http/secrets.ts';
import { createFileCache } from './huggingface/cache-files.ts';
import { HubClient } from './huggingface/client.ts';
import { isGranted, parseGrants } from './huggingface/grants.ts';
import { createRateLimiter } from './huggingface/rate-limit.ts';
import type { Hub } from './huggingface/types.ts';
import { sha256Hex } from './image/hash.ts';
import type { Logger } from './log.ts';
import type { OpenSource } from './plan/bases.ts';
import { RegistryClient, type RegistryRepository } from './registry/client.ts';
import { anonymous, type CredentialStore, createCredentialStore, credentialDirs } from './registry/credentials.ts';
import {
  defaultPublishAllow,
  defaultSourceAllow,
  mayPublish,
  type Pattern,
  parsePublishAllow,
  parseSourceAllow,
  sourceAccess,
} from './registry/patterns.ts';
import { formatReference, isLoopback } from './registry/reference.ts';
import { Spool } from './registry/spool.ts';
import type { Reference } from './registry/types.ts';

/** The package's own folder, from `src/` and from the compiled `dist/` alike. */
export const PACKAGE_ROOT = new URL('../', import.meta.url);
const USER_AGENT = 'model-image-publisher';

/** The clients one process shares, made from its settings. Nothing is connected to yet. */
export interface Services {
  environment: Environment;
  clock: Clock;
  /** Shows no secret, those learned as the process runs included. */
  logger: Logger;
  redact: (text: string) => string;
  /**
   * The Hub as an owner may see it: HUB_ALLOW decides what beyond the public. `patient` waits for the next window of its rate limit
   * (five minutes), as a plan of many models has to; else a request waits for a minute at most.
   */
  hub(owner: string | null, options?: { patient?: boolean }): Hub;
  /** Requests sent to the Hub so far, those of all its clients, redirects included. */
  hubRequests(): number;
  entrypoint: { content: Uint8Array; sha256: string };
  buildkit: BuildKitSettings;
  /** What runtime images are made from. */
  recipe: RuntimeRecipe;
  /** Patterns of PUBLISH_ALLOW; null where nothing restricts (the command line without it). */
  publishAllow: Pattern[] | null;
  /** The repository a base image is read from. @throws PublisherError `refused` */
  source(reference: Reference, owner: string | null): RegistryRepository;
  /** A repository images are pushed to, `host/repository`. @throws PublisherError `refused` */
  target(reference: Reference, owner: string | null): RegistryRepository;
}

export interface ServicesOptions {
  environment: Environment;
  logger: Logger;
  /** The bot restricts sources and addresses always; the command line only where the operator said so. */
  as: 'bot' | 'command';
  /** Where registry passwords are learnt; one of its own unless the caller shares one. */
  secrets?: Secrets;
  /** Registries the caller named itself, exempt from the rule that only public addresses are connected to. */
  trustedRegistries?: string[];
  /** Called when requests begin to wait for the Hub's rate limit, with the milliseconds. Default: a warning. */
  onHubWait?: (ms: number) => void;
}

/** The Hub's window of five minutes, and what clocks may differ by. */
const WINDOW_MS = 310_000;

export async function createServices(options: ServicesOptions): Promise<Services> {
  const { environment, logger: plainLogger, as, trustedRegistries = [] } = options;
  const clock = systemClock;
  const secrets = options.secrets ?? createSecrets(environment.secrets);
  const logger = redactingLogger(plainLogger, secrets.redact);
  const publishAllow =
    environment.publishAllow === null
      ? null
      : patterns('PUBLISH_ALLOW', parsePublishAllow(environment.publishAllow.join(',')));
  const sourceAllow = sourcePatterns(environment.sourceAllow, as);
  const hubHost = new URL(environment.hubEndpoint);
  const listed = [...(publishAllow ?? []), ...(environment.sourceAllow === null ? [] : (sourceAllow ?? []))].map(
    ({ registry }) => registry,
  );
  const allow = [...new Set([...listed, ...trustedRegistries])].map(withPort);
  const httpFor = (loopback: boolean) =>
    guardedHttp({
      allow: [...allow, `${hubHost.hostname}:${hubHost.port || (hubHost.protocol === 'http:' ? '80' : '443')}`],
      allowLoopback: loopback,
      env: process.env,
    });
  let hubRequests = 0;
  const hubHttp = counted(httpFor(isLoopback(hubHost.host)), () => {
    hubRequests += 1;
  });
  const warnOfWait = (ms: number) => logger.warn({ seconds: Math.ceil(ms / 1000) }, "waiting for the Hub's rate limit");
  const limiter = createRateLimiter({ clock, onWait: options.onHubWait ?? warnOfWait });
  const cacheFolder = join(environment.dataDir, 'cache', 'hub');
  const grants = parseGrants(environment.hubAllow);
  const hubs = new Map<string, Hub>();
  const hub = (owner: string | null, { patient = false } = {}) => {
    const key = JSON.stringify([owner, patient]);
    const existing = hubs.get(key);
    if (existing !== undefined) return existing;
    const created = new HubClient({
      endpoint: environment.hubEndpoint,
      token: environment.hubToken,
      ...hubHttp,
      clock,
      logger,
      grant: (id) => isGranted(id, owner, grants),
      stallMs: Math.min(environment.ceilings.stallTimeoutMs, 60_000),
      // Somebody watches the command line; four times this is how long a Hub that says nothing holds it up.
      ...(as === 'command'
        ? { timeoutMs: 15_000, cache: createFileCache({ folder: cacheFolder, clock, logger }) }
        : {}),
      limiter,
      ...(patient ? { patienceMs: WINDOW_MS } : {}),
    });
    hubs.set(key, created);
    return created;
  };
  const registryHttp = httpFor(as === 'command');
  const spool = new Spool();
  const clients = new Map<string, RegistryClient>();
  const client = (owner: string | null, login: boolean) => {
    const key = JSON.stringify([owner, login]);
    const existing = clients.get(key);
    if (existing !== undefined) return existing;
    const dirs = credentialDirs(owner, environment.registryAuthDir, environment.dockerConfig);
    const store = createCredentialStore({ readFile: readText, dirs, runHelper });
    const credentials = login ? learning(store, secrets.learn) : anonymous;
    const created = new RegistryClient({ ...registryHttp, spool, clock, credentials, logger, userAgent: USER_AGENT });
    clients.set(key, created);
    return created;
  };
  const entrypoint = await readFile(new URL('docker/entrypoint.sh', PACKAGE_ROOT));
  return {
    environment,
    clock,
    logger,
    redact: secrets.redact,
    hub,
    hubRequests: () => hubRequests,
    entrypoint: { content: entrypoint, sha256: sha256Hex(entrypoint) },
    buildkit: await readBuildKitSettings(PACKAGE_ROOT, environment.hubEndpoint),
    recipe: await readRecipe(PACKAGE_ROOT),
    publishAllow,
    source(reference, owner) {
      const access = sourceAllow === null ? 'credentials' : sourceAccess(reference, owner ?? '', sourceAllow);
      if (access === 'refused') {
        throw new PublisherError(
          'refused',
          `Base images may not come from ${formatReference(reference)}: the operator's SOURCE_ALLOW does not list it.`,
        );
      }
      return client(owner, access === 'credentials').repository(reference);
    },
    target(reference, owner) {
      // The plan checks too; a list that was narrowed since must hold for builds already queued.
      const allowed = publishAllow ?? (as === 'bot' ? defaultPublishAllow(owner ?? '') : null);
      if (allowed !== null && !mayPublish(reference, owner ?? '', allowed)) {
        throw new PublisherError(
          'refused',
          `Images may not go to ${formatReference(reference)}: the operator's PUBLISH_ALLOW does not list it.`,
        );
      }
      return client(owner, true).repository(reference);
    },
  };
}

/** Passwords of registries are known only once they are looked up: from then on no output shows them. */
function learning(store: CredentialStore, learn: (secret: string) => void): CredentialStore {
  return async (registry) => {
    const found = await store(registry);
    if (found !== null) learn('password' in found ? found.password : found.identityToken);
    return found;
  };
}

/** What {@link AssembleContext} needs of the base: its repository and the reference for mounts. */
export function baseOf(
  services: Services,
  reference: Reference,
  owner: string | null,
  own = false,
): AssembleContext['base'] {
  return { source: openBase(services, owner)(reference, own), reference };
}

/** Bases of others as SOURCE_ALLOW permits; runtime images of ours where PUBLISH_ALLOW lets this owner push them. */
export function openBase(services: Services, owner: string | null): OpenSource {
  return (reference, own) => (own ? services.target(reference, owner) : services.source(reference, owner));
}

function sourcePatterns(setting: string[] | null, as: 'bot' | 'command'): Pattern[] | null {
  if (setting !== null) return patterns('SOURCE_ALLOW', parseSourceAllow(setting.join(',')));
  return as === 'bot' ? defaultSourceAllow() : null;
}

function patterns(name: string, parsed: { patterns: Pattern[]; problems: string[] }): Pattern[] {
  if (parsed.problems.length > 0) throw new PublisherError('environment', `${name}: ${parsed.problems.join('; ')}.`);
  return parsed.patterns;
}

function withPort(registry: string): string {
  if (/:\d+$/.test(registry)) return registry;
  return `${registry === 'docker.io' ? 'registry-1.docker.io' : registry}:${isLoopback(registry) ? 80 : 443}`;
}

async function readText(path: string): Promise<string | null> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    throw new PublisherError('environment', `Cannot read ${path}.`, { cause: error });
  }
}

/** `docker-credential-<helper> get`, as Docker's credential helpers are spoken to. */
async function runHelper(helper: string, server: string): Promise<string | null> {
  const { exitCode, stdout } = await run(`docker-credential-${helper}`, ['get'], {
    stdin: server,
    timeoutMs: 30_000,
    check: false,
  });
  return exitCode === 0 ? stdout : null;
}
