import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { PublisherError } from '../../src/errors.ts';
import { guardedHttp } from '../../src/http/fetch.ts';
import { silentLogger } from '../../src/log.ts';
import { mirrorAll } from '../../src/publish/mirror/mirror-all.ts';
import { type MirrorContext, mirrorImage } from '../../src/publish/mirror/mirror-image.ts';
import { createThrottle } from '../../src/publish/mirror/throttle.ts';
import type { MirrorRequest } from '../../src/publish/mirror/types.ts';
import { OWNER_TAG, readOwnership, writeMarker } from '../../src/publish/ownership.ts';
import type { TagMove } from '../../src/publish/types.ts';
import { RegistryClient, type RegistryRepository } from '../../src/registry/client.ts';
import { compareImage } from '../../src/registry/copy/compare.ts';
import { parseReference } from '../../src/registry/reference.ts';
import type { Digest } from '../../src/registry/types.ts';
import { recordMirrored } from '../../src/store/mirrored.ts';
import {
  attach,
  attachByTag,
  pull,
  pushModelImage,
  type RegistryStandIn,
  startRegistry,
} from '../support/registry/index.ts';
import { memoryStore } from '../support/store/memory.ts';

const { signal } = new AbortController();
const client = new RegistryClient({
  ...guardedHttp({ allow: [], allowLoopback: true }),
  clock: systemClock,
  credentials: async () => ({ username: 'robot', password: 'secret' }),
  logger: silentLogger,
  userAgent: 'test',
  random: () => 0,
});
const open = (repository: string) => client.repository(parseReference(repository));

const closing: RegistryStandIn[] = [];
afterAll(async () => {
  await Promise.all(closing.map((registry) => registry.close()));
});

let primary: RegistryStandIn;
let mirror: RegistryStandIn;
let source: RegistryRepository;
let target: RegistryRepository;
let moves: TagMove[];
let digest: Digest;

const context = (more: Partial<MirrorContext> = {}): MirrorContext => ({
  open,
  guard: async () => undefined,
  wrote: async () => null,
  recalls: async () => null,
  moved: async (move) => void moves.push(move),
  catalog: null,
  db: null,
  force: false,
  check: false,
  throttle: createThrottle(null, systemClock),
  signal,
  ...more,
});
const request = (more: Partial<MirrorRequest> = {}): MirrorRequest => ({
  source: source.name,
  target: target.name,
  near: [],
  digest,
  model: 'acme/tiny',
  tags: [
    { tag: 'i0123456789ab-slim', immutable: true },
    { tag: '1.2-slim', immutable: false },
  ],
  ...more,
});

beforeEach(async () => {
  primary = await startRegistry({ referrers: true });
  mirror = await startRegistry();
  closing.push(primary, mirror);
  source = open(`${primary.host}/acme/hf-tiny`);
  target = open(`${mirror.host}/far/hf-tiny`);
  moves = [];
  digest = await pushModelImage(source);
  await attach(source, digest, { text: 'provenance' });
  await attachByTag(source, digest, '.sig', 'signature');
});

describe('a mirror', () => {
  it('gets everything, then its tags; a second time nothing is written', async () => {
    const before = await mirrorImage(request(), context({ check: true }));
    expect(before).toMatchObject({ state: 'differs', bytes: { moved: 0 } });
    expect(mirror.requests.filter(({ method }) => method !== 'GET' && method !== 'HEAD')).toEqual([]);

    const first = await mirrorImage(request(), context());
    expect(first).toMatchObject({ state: 'copied', tags: ['i0123456789ab-slim', '1.2-slim'] });
    expect(first.differed).toEqual(before.differed);
    expect(first.bytes.moved).toBeGreaterThan(0);
    expect([await pull(target, '1.2-slim'), await pull(target, 'i0123456789ab-slim')]).toEqual([digest, digest]);
    expect(await compareImage(source, target, digest)).toEqual([]);
    expect(moves.map(({ tag, before: was, after }) => [tag, was, after])).toEqual([
      ['i0123456789ab-slim', null, digest],
      ['1.2-slim', null, digest],
    ]);

    mirror.requests.length = 0;
    const none = { moved: 0, reused: 0 };
    expect(await mirrorImage(request(), context())).toMatchObject({ state: 'same', differed: [], bytes: none });
    expect(mirror.requests.filter(({ method }) => method !== 'GET' && method !== 'HEAD')).toEqual([]);
  });

  it('gets a statement that was made later, and no byte of the image again', async () => {
    await mirrorImage(request(), context());
    const later = await attach(source, digest, { text: 'a scan' });
    const result = await mirrorImage(request(), context());
    expect(result).toMatchObject({ state: 'copied', bytes: { moved: 'a scan'.length } });
    expect((await target.referrers(digest)).map((entry) => entry.digest)).toContain(later.digest);
  });

  it('moves a tag of the same model, and keeps an immutable one that names something else', async () => {
    await mirrorImage(request(), context());
    const next = await pushModelImage(source, { text: 'two' });
    const result = await mirrorImage(request({ digest: next }), context());
    expect(result.state).toBe('differs');
    expect(result.differed).toContainEqual(expect.stringMatching(/i0123456789ab-slim is at .* stays there.*immutable/));
    expect([(await target.head('1.2-slim'))?.digest, (await target.head('i0123456789ab-slim'))?.digest]).toEqual([
      next,
      digest,
    ]);
    expect((await mirrorImage(request({ digest: next }), context({ force: true }))).state).toBe('differs');
  });

  it('keeps a tag at what others wrote, unless forced', async () => {
    for (const each of [source, target]) await writeMarker(each, '1/models.yaml', signal);
    const foreign = await pushModelImage(target, { model: 'other/model', text: 'theirs', tags: ['1.2-slim'] });
    const tags = [{ tag: '1.2-slim', immutable: false }];
    expect((await mirrorImage(request({ tags }), context())).state).toBe('differs');
    expect((await target.head('1.2-slim'))?.digest).toBe(foreign);
    expect((await mirrorImage(request({ tags }), context({ force: true }))).state).toBe('copied');
    expect((await target.head('1.2-slim'))?.digest).toBe(digest);
  });

  it('belongs to the catalog of its source: its marker is copied, and another’s is respected', async () => {
    await writeMarker(source, '1/models.yaml', signal);
    await mirrorImage(request(), context());
    expect((await target.head(OWNER_TAG))?.digest).toBe((await source.head(OWNER_TAG))?.digest);
    expect((await mirrorImage(request(), context())).state).toBe('same');

    await writeMarker(target, '2/models.yaml', signal);
    await expect(mirrorImage(request(), context())).rejects.toMatchObject({ code: 'refused' });
    expect((await mirrorImage(request(), context({ force: true }))).state).toBe('copied');
    expect((await target.head(OWNER_TAG))?.digest).toBe((await source.head(OWNER_TAG))?.digest);
  });

  it.each([{ force: false }, { force: true }])(
    'that holds images of strangers and no marker is taken over only by force: %o',
    async ({ force }) => {
      await writeMarker(source, '1/models.yaml', signal);
      const theirs = await pushModelImage(target, { text: 'theirs', tags: ['2.0-slim'] });
      const before = await target.tags();
      const mirroring = mirrorImage(request(), context({ force }));
      if (force) {
        expect((await mirroring).state).toBe('copied');
        expect(await readOwnership(target, '1/models.yaml', signal)).toEqual({ state: 'ours' });
        return;
      }
      await expect(mirroring).rejects.toMatchObject({ code: 'refused', message: expect.stringContaining('2.0-slim') });
      expect(await target.tags()).toEqual(before);
      expect((await target.head('2.0-slim'))?.digest).toBe(theirs);
    },
  );

  it('is another catalog’s by its marker also when the source has none', async () => {
    await writeMarker(target, '2/models.yaml', signal);
    await expect(mirrorImage(request(), context())).rejects.toMatchObject({ code: 'refused' });
    expect(await target.tags()).toEqual([OWNER_TAG]);
  });

  it('that has no marker and what the source has, or had by the ledger, is brought up to date', async () => {
    const store = await memoryStore();
    try {
      const { db } = store;
      const first = await mirrorImage(request(), context({ db }));
      const next = await pushModelImage(source, { text: 'two' });
      const tags = [{ tag: '2.0-slim', immutable: false }];
      expect((await mirrorImage(request({ digest: next, tags }), context({ db }))).state).toBe('copied');
      await source.deleteManifest(digest);
      const later = request({ digest: next, tags: [{ tag: 'latest', immutable: false }] });
      await expect(mirrorImage(later, context({ db }))).rejects.toMatchObject({ code: 'refused' });
      await recordMirrored(db, first);
      expect((await mirrorImage(later, context({ db }))).state).toBe('copied');
    } finally {
      await store.close();
    }
  });

  it('gets no tag before its copy verifies', async () => {
    // A registry that forgets what it was given: the statement's manifest is taken, and gone.
    const forgetful: MirrorContext['open'] = (repository) => {
      const real = open(repository);
      if (repository !== target.name) return real;
      real.putReferrer = async (bytes, mediaType) => ({ mediaType, digest, size: bytes.byteLength });
      return real;
    };
    const mirroring = mirrorImage(request(), context({ open: forgetful }));
    await expect(mirroring).rejects.toMatchObject({ code: 'registry-invalid', retryable: true });
    expect(moves).toEqual([]);
    expect(await target.head('1.2-slim')).toBeNull();
    expect((await mirrorImage(request(), context())).state).toBe('copied');
  });

  it('gets no tag when the guard says that it is not wanted any more', async () => {
    const guard = async () => {
      throw new PublisherError('cancelled', 'something newer is wanted');
    };
    await expect(mirrorImage(request(), context({ guard }))).rejects.toMatchObject({ code: 'cancelled' });
    expect(await target.head('1.2-slim')).toBeNull();
  });
});

describe('many mirrors', () => {
  it('are served though one of them is down; an alias mounts what its neighbour has', async () => {
    const down = await startRegistry();
    await down.close();
    const alias = `${mirror.host}/far/hf-small`;
    const requests = [
      request({ target: alias, near: [target.name] }),
      request({ target: `${down.host}/far/hf-tiny` }),
      request(),
    ];
    const seen: string[] = [];
    const outcomes = await mirrorAll(requests, context(), async (one) => void seen.push(one.target));
    expect(outcomes.map(({ state, error }) => [state, error?.code ?? null])).toEqual([
      ['copied', null],
      ['failed', 'registry-unavailable'],
      ['copied', null],
    ]);
    expect(outcomes[0]?.bytes.moved).toBe(0);
    expect(seen.at(-1)).toBe(alias);
    expect(await pull(open(alias), '1.2-slim')).toBe(digest);
  });

  it('end when they are cancelled', async () => {
    const stop = new AbortController();
    const mirroring = mirrorAll([request()], context({ signal: stop.signal, throttle: async () => stop.abort() }));
    await expect(mirroring).rejects.toMatchObject({ code: 'cancelled' });
    expect(moves).toEqual([]);
  });
});
