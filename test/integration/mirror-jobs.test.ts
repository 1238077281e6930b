import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { readEnvironment } from '../../src/environment.ts';
import { PublisherError } from '../../src/errors.ts';
import { Queue } from '../../src/jobs/queue.ts';
import type { JobContext } from '../../src/jobs/worker.ts';
import { silentLogger } from '../../src/log.ts';
import {
  enqueueMirrors,
  type MirrorJob,
  type MirrorJobContext,
  mirrorJobSchema,
  runMirror,
} from '../../src/publish/mirror/job.ts';
import { createThrottle } from '../../src/publish/mirror/throttle.ts';
import { workMirrors } from '../../src/publish/mirror/work.ts';
import { readOwnership } from '../../src/publish/ownership.ts';
import { RegistryClient } from '../../src/registry/client.ts';
import { formatReference, parseReference } from '../../src/registry/reference.ts';
import type { Digest } from '../../src/registry/types.ts';
import { mirrorsOf } from '../../src/store/mirrored.ts';
import type { Store } from '../../src/store/open.ts';
import { recordPublication } from '../../src/store/publications.ts';
import { claimRepository, holderOf } from '../../src/store/repositories.ts';
import { lastWritten } from '../../src/store/tag-moves.ts';
import { pushModelImage, type RegistryStandIn, startRegistry } from '../support/registry/index.ts';
import { memoryStore } from '../support/store/memory.ts';

const client = new RegistryClient({
  fetch: globalThis.fetch,
  clock: systemClock,
  credentials: async () => ({ username: 'robot', password: 'secret' }),
  logger: silentLogger,
  userAgent: 'test',
  random: () => 0,
});
const open = (repository: string) => client.repository(parseReference(repository));

let primary: RegistryStandIn;
let mirror: RegistryStandIn;
let store: Store;
let source: string;
let target: string;
let enqueued: { key: string; data: MirrorJob }[];
const ends: (() => Promise<void>)[] = [];
let catalog = '';

beforeAll(async () => {
  store = await memoryStore();
});
afterAll(async () => {
  await Promise.all(ends.map((end) => end()));
  await store.close();
});

beforeEach(async () => {
  primary = await startRegistry();
  mirror = await startRegistry();
  ends.push(primary.close, mirror.close);
  catalog = `${primary.port}/models.yaml`;
  source = `${primary.host}/acme/hf-tiny`;
  target = `${mirror.host}/far/hf-tiny`;
  enqueued = [];
});

const queue: MirrorJobContext['queue'] = {
  async enqueue(name, data, { key }) {
    expect(name).toBe('mirror');
    enqueued.push({ key, data: mirrorJobSchema.parse(data) });
  },
};
const context = (more: Partial<MirrorJobContext['services']> = {}): MirrorJobContext => ({
  services: { target: (reference) => client.repository(reference), redact: (text) => text, ...more },
  store,
  queue,
  logger: silentLogger,
  throttle: createThrottle(null, systemClock),
});

const jobOf = (digest: Digest, more: Partial<MirrorJob> = {}): JobContext & { data: MirrorJob } => ({
  id: 'job',
  signal: new AbortController().signal,
  attempt: 1,
  lastAttempt: false,
  postpone: () => undefined,
  data: {
    source,
    target,
    near: [],
    digest,
    model: 'acme/tiny',
    tags: [{ tag: '1.2-slim', immutable: false }],
    catalog,
    owner: 'acme',
    short: 'tiny',
    commit: null,
    ...more,
  },
});

/** Digests are the same in every test. */
const mirrorsHere = async (digest: Digest) =>
  (await mirrorsOf(store.db, digest)).filter((one) => one.target === target);

/** The ledger says that this is published now. */
async function publish(text: string, tags = ['1.2-slim']): Promise<Digest> {
  const digest = await pushModelImage(open(source), { text });
  await recordPublication(store.db, {
    catalog,
    short: 'tiny',
    runtime: 'default',
    variant: 'slim',
    owner: 'acme',
    model: 'acme/tiny',
    inputs: text,
    digest,
    revision: '0'.repeat(40),
    base: { reference: 'base.test/x:1', digest },
    platforms: ['linux/amd64'],
    repositories: [source],
    mirrors: { [source]: [target] },
    tags,
    immutable: [],
    attestations: [],
    signed: false,
    scanned: true,
    commit: null,
    pr: null,
    entry: '',
    wanted: null,
  });
  return digest;
}

describe('a mirror job', () => {
  it('copies what is published, and remembers what it did', async () => {
    const digest = await publish('one');
    await runMirror(jobOf(digest), context());
    expect((await open(target).head('1.2-slim'))?.digest).toBe(digest);
    expect(await lastWritten(store.db, target, '1.2-slim')).toBe(digest);
    expect(await mirrorsHere(digest)).toMatchObject([{ source, target, state: 'copied', tags: ['1.2-slim'] }]);
    await runMirror(jobOf(digest), context());
    expect(await mirrorsHere(digest)).toMatchObject([{ state: 'same', bytes: { moved: 0 } }]);
  });

  it('claims the repository for its catalog, in the ledger and by a marker', async () => {
    const digest = await publish('one');
    await runMirror(jobOf(digest), context());
    expect(await holderOf(store.db, target)).toEqual({ repository: target, catalog, marked: true, adopted: false });
    expect(await readOwnership(open(target), catalog, new AbortController().signal)).toEqual({ state: 'ours' });
  });

  it('writes nothing to what another catalog claimed', async () => {
    const digest = await publish('one');
    await claimRepository(store.db, target, 'other/models.yaml');
    await expect(runMirror(jobOf(digest), context())).rejects.toMatchObject({ code: 'refused', retryable: false });
    expect(await open(target).tags()).toEqual([]);
    expect(await mirrorsHere(digest)).toMatchObject([{ state: 'failed' }]);
  });

  it('that comes late turns no tag back, and sees to it that what replaced it is there', async () => {
    const one = await publish('one');
    const two = await publish('two');
    await runMirror(jobOf(two), context());
    await runMirror(jobOf(one), context());
    expect((await open(target).head('1.2-slim'))?.digest).toBe(two);
    expect(enqueued.map(({ data }) => data.digest)).toEqual([two]);
  });

  it('that was suspended before its last write is put right', async () => {
    const one = await publish('one');
    let two: Digest | null = null;
    // Between the guard and the tag's PUT the whole world moves on.
    const late = context({
      target(reference) {
        const real = client.repository(reference);
        if (formatReference(reference) !== target) return real;
        const tag = real.tag.bind(real);
        real.tag = async (...given) => {
          if (given[0] === '1.2-slim') two ??= await publish('two');
          await tag(...given);
        };
        return real;
      },
    });
    await runMirror(jobOf(one), late);
    expect((await open(target).head('1.2-slim'))?.digest).toBe(one);
    expect(enqueued.map(({ data }) => data.digest)).toEqual([two]);
    for (const { data } of enqueued.splice(0)) await runMirror({ ...jobOf(one), data }, context());
    expect((await open(target).head('1.2-slim'))?.digest).toBe(two);
  });

  it('writes down a failure and hands it to the queue', async () => {
    const digest = await publish('one');
    mirror.faults.push({ kind: 'status', status: 503, times: 1_000 });
    await expect(runMirror(jobOf(digest), context())).rejects.toMatchObject({ code: 'registry-unavailable' });
    expect(await mirrorsHere(digest)).toMatchObject([{ state: 'failed' }]);
  });

  it('reaches no registry that the operator does not allow', async () => {
    const digest = await publish('one');
    const refusing = context({
      target() {
        throw new PublisherError('refused', 'Images may not go there.');
      },
    });
    await expect(runMirror(jobOf(digest), refusing)).rejects.toMatchObject({ code: 'refused', retryable: false });
    expect(mirror.requests).toEqual([]);
  });
});

it('there is one job for each image and repository', async () => {
  const digest = await publish('one');
  const { catalog: _, owner, short, commit, ...request } = jobOf(digest).data;
  await enqueueMirrors(queue, [request, { ...request, target: 'm.test/x' }], { catalog, owner, short, commit });
  expect(enqueued.map(({ key }) => key)).toEqual([`${target}@${digest}`, `m.test/x@${digest}`]);
});

it('jobs run from the queue, and a failed one again', async () => {
  const digest = await publish('one');
  const queue = await Queue.open(store, {
    logger: silentLogger,
    pollMs: 50,
    retries: { mirror: { limit: 5, baseMs: 1, maxMs: 1 } },
  });
  try {
    const environment = readEnvironment({}, 'command');
    workMirrors({ ...context(), queue, services: { ...context().services, environment, clock: systemClock } });
    mirror.faults.push({ kind: 'status', status: 500, method: 'PUT', path: /manifests/, times: 3 });
    const { catalog: name, owner, short, commit, ...request } = jobOf(digest).data;
    await store.transaction((tx) => enqueueMirrors(queue, [request], { catalog: name, owner, short, commit }, tx));
    await expect.poll(async () => (await open(target).head('1.2-slim'))?.digest, { timeout: 30_000 }).toBe(digest);
    await expect.poll(async () => (await mirrorsHere(digest))[0]?.state, { timeout: 10_000 }).toBe('copied');
  } finally {
    await queue.stop({ graceMs: 5_000 });
  }
});
