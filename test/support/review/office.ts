import { setTimeout as delay } from 'node:timers/promises';
import { smokeIsOff } from '../../../src/build/smoke/smoker.ts';
import { systemClock } from '../../../src/clock.ts';
import { runCommand } from '../../../src/commands/run-command.ts';
import { readEnvironment } from '../../../src/environment.ts';
import type { PullRequest } from '../../../src/github/types.ts';
import { guardedFetch } from '../../../src/http/fetch.ts';
import { sha256Hex } from '../../../src/image/hash.ts';
import { createQueue } from '../../../src/jobs/queue.ts';
import { createKeyedLocks } from '../../../src/keyed-locks.ts';
import { silentLogger } from '../../../src/log.ts';
import type { Attester } from '../../../src/publish/attest/types.ts';
import { runPublish } from '../../../src/publishing/publish-job.ts';
import { publishWaiting } from '../../../src/publishing/trigger.ts';
import { publishJobSchema } from '../../../src/publishing/types.ts';
import { RegistryClient, type RegistryRepository } from '../../../src/registry/client.ts';
import { parseReference } from '../../../src/registry/reference.ts';
import { concludeReview } from '../../../src/review/conclude-job.ts';
import { ledgerOf, type ReviewContext } from '../../../src/review/context.ts';
import { conclude } from '../../../src/review/review-job.ts';
import { runRuntime } from '../../../src/review/runtime-job.ts';
import {
  commandJobSchema,
  concludeJobSchema,
  type PullRef,
  type ReviewJob,
  reviewJobSchema,
  runtimeJobSchema,
} from '../../../src/review/types.ts';
import { runReview } from '../../../src/review/worker.ts';
import { createCheckMemory } from '../../../src/review/write-checks.ts';
import { createServices } from '../../../src/services.ts';
import { attachmentsOf } from '../../../src/store/attachments.ts';
import type { BuildClaim } from '../../../src/store/builds.ts';
import { builds as buildRows } from '../../../src/store/schema.ts';
import { catalogOf } from '../demo/stories.ts';
import { createFakeGitHub, type FakeGitHub } from '../github/index.ts';
import type { HubModel } from '../hub/model.ts';
import { type HubStandIn, startHub } from '../hub/server.ts';
import { pushBaseImage, type RegistryStandIn, startRegistry } from '../registry/index.ts';
import { notScanned } from '../report/report.ts';
import { FakeRuntimeBuilder } from '../runtimes/fake-builder.ts';
import { memoryStore } from '../store/memory.ts';

/**
 * The jobs of reviews and commands on a real ledger and queue, a Hub and a registry on loopback and a GitHub in memory. Builds are
 * only requested: a test begins and ends them itself.
 */
export interface Office {
  readonly context: ReviewContext;
  readonly hub: HubStandIn;
  readonly registry: RegistryStandIn;
  readonly baseReference: string;
  /** Every build that ended well, as `<repository> <variant>`. */
  readonly built: string[];
  /** What builds runtime images; their jobs run by themselves. */
  readonly runtimes: FakeRuntimeBuilder;
  /** A repository of its own, whose default branch has this catalog; null for none. */
  team(models: string[] | null, defaults?: string[]): Team;
  catalog(models: string[], defaults?: string[]): string;
  /** Moves the base's tag to another image; its digest. */
  moveBase(): Promise<string>;
  /** Waits until nothing but builds, and runtimes that are held up, is left to do. */
  settled(): Promise<void>;
  /** Takes the builds that wait, as a worker would. */
  begin(): Promise<void>;
  /** Ends the builds that were begun, well or with this failure. */
  end(failure?: string): Promise<void>;
  /** Both, and what follows. */
  build(failure?: string): Promise<void>;
  close(): Promise<void>;
}

export interface Team {
  readonly github: FakeGitHub;
  readonly repoId: number;
  /** Moves a branch to a commit with this catalog; null: the same catalog, something else. */
  branch(name: string, catalog: string | null): string;
  /** Opens a pull request and tells the bot. */
  open(catalog: string, options?: { base?: string; fork?: boolean; author?: string }): Promise<number>;
  /** A new head; null: the catalog stays. The bot is not told. */
  push(pr: number, catalog: string | null): string;
  head(pr: number): string;
  merge(pr: number, catalog: string): void;
  change(pr: number, fields: Partial<PullRequest>): void;
  /** Something happened to the pull request. */
  event(pr: number): Promise<void>;
  refresh(): Promise<void>;
  mergeGroup(headSha: string): Promise<void>;
  /** The bot's reaction, and what it answered. */
  say(pr: number, author: string, body: string): Promise<{ reactions: string[]; answer: string | null }>;
  /** As `say`, with something that happens before the bot hears of it. */
  sayThen(pr: number, author: string, body: string, before: () => void): Promise<{ reactions: string[] }>;
  /** A button, or `rerun`. */
  click(pr: number, action: string, checkName: string, sender: string, headSha?: string): Promise<void>;
  /** Check → conclusion, or status while there is none. */
  checks(headSha: string): Record<string, string>;
  check(headSha: string, name: string): FakeGitHub['checks'][number];
  /** The report on a pull request. */
  report(pr: number): string;
}

export async function startOffice(models: HubModel[], variables: Record<string, string> = {}): Promise<Office> {
  const registry = await startRegistry();
  const hub = await startHub({ models });
  const baseReference = `${registry.host}/base/runtime:v1.2.3`;
  await pushBase(registry, 'first');
  const settings = {
    HF_ENDPOINT: hub.url,
    SOURCE_ALLOW: registry.host,
    PUBLISH_ALLOW: `acme=${registry.host}/acme/*`,
    SCAN: 'optional',
    ...variables,
  };
  const services = {
    ...(await createServices({ environment: readEnvironment(settings, 'command'), logger: silentLogger, as: 'bot' })),
    recipe: { dockerfile: 'f'.repeat(64), pins: {} },
  };
  const runtimes = new FakeRuntimeBuilder((repository) => repositoryAt(repository));
  const store = await memoryStore();
  const soon = { limit: 1, baseMs: 1, maxMs: 1 };
  const retries = { review: soon, build: soon, runtime: soon, command: soon, conclude: soon, publish: soon };
  const queue = await createQueue(store, { logger: silentLogger, retries });
  const githubs = new Map<number, FakeGitHub>();
  const context: ReviewContext = {
    services,
    store,
    queue,
    logger: silentLogger,
    async github(installationId) {
      const github = githubs.get(installationId);
      if (github === undefined) throw new Error(`no installation ${installationId}`);
      return github;
    },
    serves: async () => true,
    scan: async () => notScanned('no Trivy'),
    runtimeBuilder: () => runtimes,
    attester: async () => statesNothing,
    publishLeaseMs: 3_000,
    smoke: smokeIsOff,
    locks: createKeyedLocks(),
    checkMemory: createCheckMemory(),
    ...ledgerOf(),
  };
  queue.work('review', { concurrency: 4, data: reviewJobSchema }, (job) => runReview(job, context));
  queue.work('runtime', { concurrency: 2, data: runtimeJobSchema }, (job) => runRuntime(job, context));
  queue.work('publish', { concurrency: 2, data: publishJobSchema }, (job) => runPublish(job, context));
  queue.work('command', { concurrency: 4, data: commandJobSchema }, ({ data }) => runCommand(data, context));
  queue.work('conclude', { concurrency: 4, data: concludeJobSchema }, ({ data }) => concludeReview(data, context));

  const built: string[] = [];
  const running: BuildClaim[] = [];
  async function settled(): Promise<void> {
    for (;;) {
      const { build: _, runtime, ...counts } = await queue.counts();
      const idle = runtime.queued + runtime.active === 0 || runtimes.holding > 0;
      if (idle && Object.values(counts).every(({ queued, active }) => queued + active === 0)) return;
      await delay(5);
    }
  }
  async function tell(claim: BuildClaim): Promise<void> {
    for (const attachment of await attachmentsOf(store.db, claim)) await conclude(context, attachment);
  }
  async function begin(): Promise<void> {
    for (const row of await store.db.select().from(buildRows)) {
      if (row.state !== 'queued') continue;
      const claimed = await context.builds.claimBuild(store.db, row);
      if (claimed === null) continue;
      running.push({ inputs: claimed.inputs, destination: claimed.destination, attempt: claimed.attempt });
      await tell(claimed);
    }
    await settled();
  }
  async function end(failure?: string): Promise<void> {
    for (const claim of running.splice(0)) {
      const build = await context.builds.findBuild(store.db, claim);
      if (build === null) throw new Error('a build vanished');
      const { variant } = build.request.inputs;
      const scan = variant === 'slim' ? notScanned('no Trivy') : null;
      const error = { code: 'registry-unavailable', message: failure ?? '', retryable: true };
      const finish =
        failure === undefined
          ? ({ state: 'succeeded', result: { image: imageOf(build), baseScan: null, smoke: null }, scan } as const)
          : ({ state: 'failed', error, scan: null } as const);
      const ours = await context.builds.finishBuild(store.db, claim, finish);
      if (ours && failure === undefined) built.push(`${claim.destination.split('/').at(-1)} ${variant}`);
      await tell(claim);
      await publishWaiting(await attachmentsOf(store.db, claim), context);
    }
    await settled();
  }
  const places = { registry, baseReference };
  const catalog = (entries: string[], defaults: string[] = []) => catalogOf(places, entries, defaults);
  return {
    context,
    hub,
    registry,
    baseReference,
    built,
    runtimes,
    catalog,
    team(entries, defaults) {
      const id = 4000 + githubs.size;
      const github = createFakeGitHub({ firstId: id * 1000, repository: { id, name: `models-${id}` } });
      githubs.set(id, github);
      return createTeam(id, github, entries === null ? null : catalog(entries, defaults), context, settled);
    },
    moveBase: () => pushBase(registry, 'second'),
    settled,
    begin,
    end,
    async build(failure) {
      await begin();
      await end(failure);
    },
    async close() {
      await queue.stop({ graceMs: 0 });
      await store.close();
      await hub.close();
      await registry.close();
    },
  };
}

/** Unit tests are about when something is published; what is stated of it has tests of its own. */
const statesNothing: Attester = { attest: async () => ({ attestations: [], signed: false, notes: [] }) };

function createTeam(
  repoId: number,
  github: FakeGitHub,
  first: string | null,
  context: ReviewContext,
  settled: () => Promise<void>,
): Team {
  const { queue } = context;
  const repo = { owner: 'acme', name: `models-${repoId}` };
  const texts = new Map<string, string | null>();
  const branches = new Map<string, string>();
  const pulls = new Map<number, { headSha: string; base: string; mergeBase: string }>();
  github.setPermission('maintainer', true);

  function commit(text: string | null): string {
    const sha = sha256Hex(`${repoId} ${texts.size}`).slice(0, 40);
    texts.set(sha, text);
    github.addCommit(sha, text === null ? {} : { 'models.yaml': text });
    return sha;
  }
  function linkHistory(): void {
    for (const { headSha, base, mergeBase } of pulls.values()) {
      github.setMergeBase(branches.get(base) ?? '', headSha, mergeBase);
    }
  }
  function branch(name: string, text: string | null): string {
    const before = texts.get(branches.get(name) ?? '') ?? null;
    const sha = commit(text ?? before);
    branches.set(name, sha);
    github.setBranch(name, sha);
    linkHistory();
    return sha;
  }
  const pullOf = (pr: number) => {
    const pull = pulls.get(pr);
    if (pull === undefined) throw new Error(`no pull request ${pr}`);
    return pull;
  };
  const refOf = (pr: number): PullRef => ({ installationId: repoId, repoId, owner: repo.owner, repo: repo.name, pr });
  const { pr: _, ...repoRef } = refOf(0);
  const command = (job: object, key: string) => queue.enqueue('command', job, { key });
  async function event(pr: number): Promise<void> {
    const job: ReviewJob = { ...refOf(pr), rebuild: null, force: false };
    await queue.enqueue('review', job, { key: `${repoId}#${pr}` });
    await settled();
  }
  async function sayThen(pr: number, author: string, body: string, before: () => void) {
    const commentId = github.addComment({ issueNumber: pr, authorLogin: author, body });
    before();
    await command({ kind: 'comment', ...refOf(pr), commentId }, `comment ${repoId} ${commentId}`);
    await settled();
    return { reactions: github.comments.find(({ id }) => id === commentId)?.reactions ?? [] };
  }
  branch('main', first);

  return {
    github,
    repoId,
    branch,
    async open(text, { base = 'main', fork = false, author = 'maintainer' } = {}) {
      const number = pulls.size + 1;
      const headSha = commit(text);
      const mergeBase = branches.get(base) ?? '';
      pulls.set(number, { headSha, base, mergeBase });
      const headRepoId = fork ? repoId + 100_000 : repoId;
      github.addPullRequest({ number, headSha, baseSha: mergeBase, baseRef: base, headRepoId, authorLogin: author });
      linkHistory();
      await event(number);
      return number;
    },
    push(pr, text) {
      const pull = pullOf(pr);
      pull.headSha = commit(text ?? texts.get(pull.headSha) ?? null);
      github.changePullRequest(pr, { headSha: pull.headSha });
      linkHistory();
      return pull.headSha;
    },
    head: (pr) => pullOf(pr).headSha,
    merge(pr, text) {
      branch(pullOf(pr).base, text);
      github.changePullRequest(pr, { state: 'closed', merged: true });
    },
    change: (pr, fields) => github.changePullRequest(pr, fields),
    event,
    async refresh() {
      await command({ kind: 'refresh', ...repoRef }, `refresh ${repoId}`);
      await settled();
    },
    async mergeGroup(headSha) {
      await command({ kind: 'merge-group', ...repoRef, headSha }, `merge-group ${repoId} ${headSha}`);
      await settled();
    },
    async say(pr, author, body) {
      const before = github.comments.length;
      const { reactions } = await sayThen(pr, author, body, () => undefined);
      const answers = github.comments.slice(before + 1).filter(({ marker }) => marker === null);
      return { reactions, answer: answers[0]?.body ?? null };
    },
    sayThen,
    async click(pr, action, checkName, sender, headSha = pullOf(pr).headSha) {
      const job = { kind: 'action', ...refOf(pr), action, checkName, headSha, sender };
      await command(job, `action ${repoId} pull-${pr}:${checkName} ${headSha} ${action}`);
      await settled();
    },
    checks: (headSha) =>
      Object.fromEntries(
        github.checks
          .filter((check) => check.headSha === headSha)
          .map(({ name, status, conclusion }) => [name, conclusion ?? status]),
      ),
    check(headSha, name) {
      const found = github.checks.find((check) => check.headSha === headSha && check.name === name);
      if (found === undefined) throw new Error(`no check ${name}`);
      return found;
    },
    report: (pr) =>
      github.comments.find(({ issueNumber, marker }) => issueNumber === pr && marker !== null)?.body ?? '',
  };
}

function imageOf({
  request,
  destination,
}: {
  request: { key: string; inputs: { variant: 'slim' | 'fat'; runtime: string; revision: string } };
  destination: string;
}) {
  const { variant, runtime, revision } = request.inputs;
  const digest = `sha256:${request.key}` as const;
  const reference = `${destination}@${digest}`;
  const bytes = { weights: 0, uploaded: 0, reused: 0 };
  return { variant, runtime, reference, references: [reference], digest, revision, bytes, notes: [], durationMs: 1 };
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

async function pushBase(registry: RegistryStandIn, label: string): Promise<string> {
  const { digest } = await pushBaseImage(repositoryAt(`${registry.host}/base/runtime`), {
    tag: 'v1.2.3',
    labels: { 'org.example.label': label },
  });
  return digest;
}
