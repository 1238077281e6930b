import { systemClock } from '../../../src/clock.ts';
import { PublisherError } from '../../../src/errors.ts';
import { guardedFetch } from '../../../src/http/fetch.ts';
import type { JobContext } from '../../../src/jobs/worker.ts';
import { silentLogger } from '../../../src/log.ts';
import { runPublish } from '../../../src/publishing/publish-job.ts';
import { RegistryClient, type RegistryRepository } from '../../../src/registry/client.ts';
import { parseReference } from '../../../src/registry/reference.ts';
import type { ReviewContext } from '../../../src/review/context.ts';
import type { ScanResult } from '../../../src/scan/types.ts';
import { catalogId } from '../../../src/store/publications.ts';
import { type ModelPublication, modelPublications } from '../../../src/store/publishing.ts';
import { builds as buildRows } from '../../../src/store/schema.ts';
import { pushBaseImage } from '../registry/index.ts';
import { notScanned } from '../report/report.ts';
import type { Office, Team } from '../review/office.ts';

/** What became of one look at the default branch. */
export interface Look {
  /** null where the job ended well. */
  error: unknown;
  /** Milliseconds after which it wants to look again; null for not at all. */
  postponed: number | null;
}

/** Runs one publish job of a team here and now, as one attempt of many or as the last. */
export async function look(
  { context }: Office,
  { repoId }: Team,
  options: {
    lastAttempt?: boolean;
    context?: Partial<ReviewContext>;
    scan?: 'required' | 'optional';
    /** A repository whose registry does not answer. */
    unreachable?: string;
  } = {},
): Promise<Look> {
  const { lastAttempt = false } = options;
  let postponed: number | null = null;
  const job: JobContext = {
    id: 'look',
    signal: new AbortController().signal,
    attempt: 1,
    lastAttempt,
    postpone: (ms) => {
      postponed = ms;
    },
  };
  // The robot's logins are the test's business, not the machine's.
  const services = {
    ...context.services,
    environment: { ...context.services.environment, scan: options.scan ?? context.services.environment.scan },
    target: ({ registry, repository }: Parameters<typeof context.services.target>[0]) => {
      if (repository !== options.unreachable) return repositoryAt(`${registry}/${repository}`);
      throw new PublisherError('registry-unavailable', `${registry} does not answer.`);
    },
  };
  const ref = { installationId: repoId, repoId, owner: 'acme', repo: `models-${repoId}` };
  try {
    await runPublish({ ...job, data: { kind: 'catalog', ...ref } }, { ...context, services, ...options.context });
    return { error: null, postponed };
  } catch (error) {
    return { error, postponed };
  }
}

export interface Finish {
  /** Whether the registry has the image afterwards. */
  pushed?: boolean;
  failure?: string;
  /** Of slim images. */
  scan?: ScanResult;
}

/** Ends every build that waits, and tells nobody; returns how many there were. */
export async function finishBuilds({ context }: Office, options: Finish = {}): Promise<number> {
  const { store, builds } = context;
  const { pushed = true, failure, scan = notScanned('no Trivy') } = options;
  let ended = 0;
  for (const row of await store.db.select().from(buildRows)) {
    const claim = row.state === 'queued' ? await builds.claimBuild(store.db, row) : null;
    if (claim === null) continue;
    ended += 1;
    const { inputs, destination, attempt, request } = claim;
    const key = { inputs, destination, attempt };
    if (failure !== undefined) {
      const error = { code: 'registry-unavailable', message: failure, retryable: true };
      await builds.finishBuild(store.db, key, { state: 'failed', error, scan: null });
      continue;
    }
    const { variant, runtime, revision } = request.inputs;
    const image = { tag: `pr-1-${inputs.slice(0, 12)}`, labels: { 'org.example.inputs': inputs } };
    const digest = pushed
      ? (await pushBaseImage(repositoryAt(destination), image)).digest
      : (`sha256:${request.key}` as const);
    const reference = `${destination}@${digest}`;
    const result = {
      ...{ variant, runtime, revision, reference, references: [reference], digest },
      ...{ bytes: { weights: 0, uploaded: 0, reused: 0 }, notes: [], durationMs: 1 },
    };
    await builds.finishBuild(store.db, key, {
      state: 'succeeded',
      result: { image: result, baseScan: null, smoke: null },
      scan: variant === 'slim' ? scan : null,
    });
  }
  return ended;
}

/** What the ledger has of one model's publication. */
export async function rowOf(
  { context }: Office,
  { repoId }: Team,
  short: string,
): Promise<ModelPublication | undefined> {
  return (await modelPublications(context.store.db, catalogId(repoId, 'models.yaml'))).get(short);
}

function repositoryAt(place: string): RegistryRepository {
  const client = new RegistryClient({
    fetch: guardedFetch({ allow: [], allowLoopback: true }),
    clock: systemClock,
    credentials: async () => ({ username: 'robot', password: 'secret' }),
    logger: silentLogger,
    userAgent: 'test',
  });
  return client.repository(parseReference(place));
}
