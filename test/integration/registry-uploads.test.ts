import { randomBytes } from 'node:crypto';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Clock } from '../../src/clock.ts';
import { PublisherError } from '../../src/errors.ts';
import { guardedHttp } from '../../src/http/fetch.ts';
import { silentLogger } from '../../src/log.ts';
import { RegistryClient } from '../../src/registry/client.ts';
import { digestOf } from '../../src/registry/digest.ts';
import { OCI_LAYER } from '../../src/registry/media-types.ts';
import { Spool } from '../../src/registry/spool.ts';
import { uploadStrategy } from '../../src/registry/strategy.ts';
import type { BlobContent, Digest } from '../../src/registry/types.ts';
import { hastyClock } from '../support/clock/hasty-clock.ts';
import { type ManualClock, manualClock } from '../support/clock/manual-clock.ts';
import { type RegistryOptions, type RegistryStandIn, startRegistry } from '../support/registry/index.ts';

const MiB = 1024 * 1024;
const SIZE = 6 * MiB;
const http = guardedHttp({ allow: [], allowLoopback: true });

const running: RegistryStandIn[] = [];
let directory = '';
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'uploads-'));
});
afterEach(async () => {
  await Promise.all(running.splice(0).map((registry) => registry.close()));
  await rm(directory, { recursive: true });
});

interface Setting extends RegistryOptions {
  clock?: Clock;
  spool?: Spool;
  /** The registry whose strategy is used. */
  as?: string;
}

async function setUp({ clock = hastyClock, as = 'docker.io', ...options }: Setting = {}) {
  const registry = await startRegistry({ tokenLifeMs: 60_000, ...options });
  running.push(registry);
  const spool = options.spool ?? new Spool({ directory });
  const client = new RegistryClient({
    ...http,
    clock,
    credentials: async () => ({ username: 'robot', password: 'secret' }),
    logger: silentLogger,
    userAgent: 'test',
    random: () => 0,
    spool,
    strategy: () => uploadStrategy(as),
  });
  const repository = client.repository({ registry: registry.host, repository: 'acme/model' });
  const uploads = (method: string) =>
    registry.requests.filter(
      (request) => request.method === method && request.path.includes('/uploads/') && request.authorization !== 'none',
    );
  return {
    registry,
    repository,
    spool,
    /** How often each step was asked for, with `Content-Length` of the PUTs. */
    asked: () => ({
      posts: uploads('POST').length,
      patches: uploads('PATCH').length,
      puts: uploads('PUT').map(({ contentLength }) => contentLength),
    }),
    stored: (bytes: Buffer) => registry.storage.blob('acme/model', digestOf(bytes))?.equals(bytes) === true,
  };
}

interface Layer extends BlobContent {
  opened: number;
}

/** Content in chunks of 64 KiB; `during` runs before each of them, with the number of the pass and the bytes already given. */
function layer(
  bytes: Buffer,
  digest: Digest | null = null,
  during: (pass: number, at: number) => void | Promise<void> = () => undefined,
): Layer {
  const content: Layer = {
    mediaType: OCI_LAYER,
    size: bytes.byteLength,
    digest,
    opened: 0,
    async *open(signal) {
      const pass = ++content.opened;
      for (let at = 0; at < bytes.byteLength; at += 65_536) {
        await during(pass, at);
        signal.throwIfAborted();
        yield bytes.subarray(at, at + 65_536);
      }
    },
  };
  return content;
}

/** Counts what is reported as sent, and that it never leaves the bounds of the layer. */
function counter(size: number) {
  const count = {
    sum: 0,
    onBytes(bytes: number) {
      count.sum += bytes;
      if (count.sum < 0 || count.sum > size) throw new Error(`${count.sum} of ${size} bytes sent`);
    },
  };
  return count;
}

describe('a registry that takes streams', () => {
  it('gets one chunked PATCH for a layer of unknown digest, even in the manner of GHCR', async () => {
    const { repository, asked, stored } = await setUp({ like: 'ghcr', as: 'ghcr.io' });
    const bytes = randomBytes(SIZE);
    await repository.write(layer(bytes));
    expect(asked()).toEqual({ posts: 1, patches: 1, puts: [0] });
    expect(stored(bytes)).toBe(true);
  });

  it('gets one PUT with its length for a layer of known digest', async () => {
    const { repository, asked, stored } = await setUp({ like: 'ghcr', as: 'ghcr.io' });
    const bytes = randomBytes(SIZE);
    const count = counter(SIZE);
    await repository.write(layer(bytes, digestOf(bytes)), count);
    expect(asked()).toEqual({ posts: 1, patches: 0, puts: [SIZE] });
    expect([stored(bytes), count.sum]).toEqual([true, SIZE]);
  });
});

describe('a registry that takes no streams', () => {
  it.each([
    ['known by its host (GAR)', { like: 'gar', as: 'europe-docker.pkg.dev' }, 0],
    ['found out by asking', { like: 'gar' }, 1],
    ['answering before it has everything (ECR)', { like: 'ecr' }, 1],
  ] as const)('%s gets whole layers from the disk, from then on', async (_what, setting, patches) => {
    const { repository, asked, stored, spool } = await setUp(setting);
    for (const puts of [[SIZE], [SIZE, SIZE]]) {
      const bytes = randomBytes(SIZE);
      const count = counter(SIZE);
      await repository.write(layer(bytes), count);
      expect(asked()).toMatchObject({ patches, puts });
      expect([stored(bytes), count.sum, spool.reserved]).toEqual([true, SIZE, 0]);
    }
  });

  it('gets layers of known digest straight from their source', async () => {
    const spool = new Spool({ directory, maxBytes: 0 });
    const { repository, asked, stored } = await setUp({ like: 'gar', as: 'gcr.io', spool });
    const bytes = randomBytes(SIZE);
    await repository.write(layer(bytes, digestOf(bytes)));
    expect(asked()).toEqual({ posts: 1, patches: 0, puts: [SIZE] });
    expect(stored(bytes)).toBe(true);
  });

  it('has no more layers on disk than there is room for, and none when all is done', async () => {
    const spool = new Spool({ directory, maxBytes: 2 * SIZE });
    const { repository, stored } = await setUp({ like: 'gar', as: 'gcr.io', spool });
    let most = 0;
    const during = () => {
      most = Math.max(most, spool.reserved);
    };
    const layers = Array.from({ length: 5 }, () => randomBytes(SIZE));
    await Promise.all(layers.map((bytes) => repository.write(layer(bytes, null, during))));
    expect(layers.map(stored)).toEqual([true, true, true, true, true]);
    expect([most, spool.reserved, await readdir(directory)]).toEqual([2 * SIZE, 0, []]);
  });

  it('costs no second download when it fails, or ends the token, under the PUT', async () => {
    const { registry, repository, asked, stored } = await setUp({ like: 'gar', as: 'gcr.io' });
    registry.faults.push({ kind: 'expire-tokens', method: 'PUT' });
    registry.faults.push({ kind: 'die', afterBytes: MiB, method: 'PUT' });
    registry.faults.push({ kind: 'lose-session', afterBytes: MiB, method: 'PUT' });
    const bytes = randomBytes(SIZE);
    const content = layer(bytes);
    const count = counter(SIZE);
    await repository.write(content, count);
    expect(content.opened).toBe(1);
    expect(asked()).toEqual({ posts: 3, patches: 0, puts: [SIZE, SIZE, SIZE, SIZE] });
    expect([stored(bytes), count.sum]).toEqual([true, SIZE]);
  });

  it('fails the layer when the disk is too small, before a byte is asked for', async () => {
    const spool = new Spool({ directory, freeBytes: async () => MiB });
    const { repository } = await setUp({ like: 'gar', as: 'gcr.io', spool });
    const content = layer(randomBytes(SIZE));
    await expect(repository.write(content)).rejects.toMatchObject({
      code: 'environment',
      message: expect.stringContaining(`${SIZE} bytes`),
    });
    expect(content.opened).toBe(0);
  });

  it('sees nothing of content that fails, and the disk is free again', async () => {
    const { repository, asked, spool } = await setUp({ like: 'gar', as: 'gcr.io' });
    const count = counter(SIZE);
    const content = layer(randomBytes(SIZE), null, (_pass, at) => {
      if (at > 4 * MiB) throw new PublisherError('download-truncated', 'the Hub hung up');
    });
    await expect(repository.write(content, count)).rejects.toMatchObject({ message: 'the Hub hung up' });
    expect(asked()).toEqual({ posts: 0, patches: 0, puts: [] });
    expect([content.opened, count.sum, spool.reserved]).toEqual([1, 0, 0]);
  });

  it('is left alone at once when the write is cancelled, reading or sending', async () => {
    const { registry, repository, spool, stored } = await setUp({ like: 'gar', as: 'gcr.io' });
    const bytes = randomBytes(SIZE);
    const reading = new AbortController();
    const cut = layer(bytes, null, (_pass, at) => {
      if (at > MiB) reading.abort();
    });
    await expect(repository.write(cut, { signal: reading.signal })).rejects.toMatchObject({ code: 'cancelled' });
    const sending = new AbortController();
    registry.faults.push({ kind: 'slow', ms: 60_000, method: 'PUT' });
    const write = repository.write(layer(bytes), {
      signal: sending.signal,
      onBytes: (count) => {
        if (count < 0) setTimeout(() => sending.abort(), 20);
      },
    });
    await expect(write).rejects.toMatchObject({ code: 'cancelled' });
    expect([spool.reserved, stored(bytes)]).toEqual([0, false]);
  });
});

describe('a session that is lost', () => {
  it('once, in the middle, is followed by another one from the start of the layer', async () => {
    const { registry, repository, asked, stored } = await setUp();
    registry.faults.push({ kind: 'lose-session', afterBytes: 2 * MiB, method: 'PATCH' });
    const bytes = randomBytes(SIZE);
    const content = layer(bytes);
    const count = counter(SIZE);
    await repository.write(content, count);
    expect(asked()).toEqual({ posts: 2, patches: 2, puts: [0] });
    expect([content.opened, stored(bytes), count.sum]).toEqual([2, true, SIZE]);
  });

  it.each([
    ['in the middle', { kind: 'lose-session', afterBytes: 2 * MiB, method: 'PATCH', times: 2 }, [SIZE]],
    ['at its end', { kind: 'lose-session', method: 'PUT', times: 2 }, [0, 0, SIZE]],
    ['with its connection', { kind: 'die', afterBytes: 2 * MiB, method: 'PATCH', times: 2 }, [SIZE]],
  ] as const)('twice, %s, puts that one layer on disk, and no other', async (_how, fault, puts) => {
    const { registry, repository, asked, stored } = await setUp();
    registry.faults.push(fault);
    const bytes = randomBytes(SIZE);
    const content = layer(bytes);
    const count = counter(SIZE);
    await repository.write(content, count);
    expect(asked()).toEqual({ posts: 3, patches: 2, puts });
    expect([content.opened, stored(bytes), count.sum]).toEqual([3, true, SIZE]);
    await repository.write(layer(randomBytes(SIZE)));
    expect(asked()).toEqual({ posts: 4, patches: 3, puts: [...puts, 0] });
  });

  it('again and again fails the layer with the registry named, nothing stored and nothing counted', async () => {
    const { registry, repository, spool } = await setUp();
    registry.faults.push({ kind: 'lose-session', afterBytes: MiB, times: 100 });
    const count = counter(SIZE);
    await expect(repository.write(layer(randomBytes(SIZE)), count)).rejects.toMatchObject({
      code: 'registry-unavailable',
      message: expect.stringMatching(new RegExp(`${registry.host}.*BLOB_UPLOAD_UNKNOWN.*session was lost`)),
    });
    expect([count.sum, spool.reserved, registry.storage.blobs.size]).toEqual([0, 0, 0]);
  });

  it('is not what a failing PUT means: only that is repeated', async () => {
    const { registry, repository, asked, stored } = await setUp();
    registry.faults.push({ kind: 'status', status: 502, method: 'PUT', times: 2 });
    const bytes = randomBytes(SIZE);
    const content = layer(bytes);
    await repository.write(content);
    expect(asked()).toEqual({ posts: 1, patches: 1, puts: [0, 0, 0] });
    expect([content.opened, stored(bytes)]).toEqual([1, true]);
  });

  it('is no loss when the blob is there: the registry refuses to be told twice', async () => {
    const { registry, repository, asked } = await setUp();
    const bytes = randomBytes(SIZE);
    const content = layer(bytes, null, (_pass, at) => {
      if (at === 5 * MiB) registry.storage.addBlob('acme/model', bytes);
    });
    registry.faults.push({ kind: 'status', status: 400, code: 'BLOB_UPLOAD_INVALID', method: 'PUT' });
    expect((await repository.write(content)).digest).toBe(digestOf(bytes));
    expect(asked()).toEqual({ posts: 1, patches: 1, puts: [0] });
  });
});

describe('a token that ends', () => {
  it.each([
    ['PATCH', null, { posts: 1, patches: 2, puts: [0] }],
    ['PUT', true, { posts: 1, patches: 0, puts: [SIZE, SIZE] }],
  ] as const)('before the %s took a byte is renewed and the session kept', async (method, known, expected) => {
    const { registry, repository, asked, stored } = await setUp();
    registry.faults.push({ kind: 'expire-tokens', method });
    const bytes = randomBytes(SIZE);
    const content = layer(bytes, known === null ? null : digestOf(bytes));
    const count = counter(SIZE);
    await repository.write(content, count);
    expect(asked()).toEqual(expected);
    expect([content.opened, stored(bytes), count.sum]).toEqual([2, true, SIZE]);
  });

  it('after some bytes were taken costs the session: they cannot be taken back', async () => {
    const { registry, repository, asked, stored } = await setUp();
    registry.faults.push({ kind: 'expire-in-body', afterBytes: 2 * MiB, method: 'PATCH' });
    const bytes = randomBytes(SIZE);
    const content = layer(bytes);
    const count = counter(SIZE);
    await repository.write(content, count);
    expect(asked()).toEqual({ posts: 2, patches: 2, puts: [0] });
    expect([content.opened, stored(bytes), count.sum, registry.uploads.open]).toEqual([2, true, SIZE, 0]);
  });

  it('before the finishing PUT is renewed, and nothing is sent again', async () => {
    const { registry, repository, asked, stored } = await setUp();
    registry.faults.push({ kind: 'expire-tokens', method: 'PUT' });
    const bytes = randomBytes(SIZE);
    const content = layer(bytes);
    await repository.write(content);
    expect(asked()).toEqual({ posts: 1, patches: 1, puts: [0, 0] });
    expect([content.opened, stored(bytes)]).toEqual([1, true]);
  });

  it('every two seconds is renewed before it ends, without a refusal', async () => {
    const clock = manualClock();
    const { registry, repository } = await setUp({ clock, tokenLifeMs: 2_000, now: clock.now });
    for (let at = 0; at < 3; at++) {
      await repository.write(layer(randomBytes(SIZE)));
      await clock.advance(1_900);
    }
    // The first request only asks how to log in.
    const refused = registry.requests.filter(({ authorization }) => authorization === 'none');
    expect(refused.map(({ method }) => method)).toEqual(['POST']);
    expect(registry.tokens.count).toBe(3);
  });
});

describe('a registry that gives an upload ten minutes', () => {
  async function slow(clock: ManualClock) {
    return setUp({ clock, now: clock.now, sessionMs: 600_000, as: 'ghcr.io', like: 'ghcr', tokenLifeMs: 1e9 });
  }

  it.each([null, 'known'])('gets from the disk what its source is too slow to stream (digest: %s)', async (known) => {
    const clock = manualClock();
    const { repository, asked, stored } = await slow(clock);
    const bytes = randomBytes(SIZE);
    const content = layer(bytes, known === null ? null : digestOf(bytes), async (_pass, at) => {
      if (at % MiB === 0) await clock.advance(100_001);
    });
    const count = counter(SIZE);
    await repository.write(content, count);
    expect(asked()).toMatchObject({ posts: 2, patches: known === null ? 1 : 0 });
    expect(asked().puts.at(-1)).toBe(SIZE);
    expect([content.opened, stored(bytes), count.sum]).toEqual([2, true, SIZE]);
  });

  it('streams what comes within that time', async () => {
    const clock = manualClock();
    const { repository, asked } = await slow(clock);
    const content = layer(randomBytes(SIZE), null, async (_pass, at) => {
      if (at % MiB === 0) await clock.advance(90_000);
    });
    await repository.write(content);
    expect(asked()).toEqual({ posts: 1, patches: 1, puts: [0] });
  });

  it('and is too slow even for the file is named with what to set', async () => {
    const clock = manualClock();
    const { repository, spool } = await slow(clock);
    const content = layer(randomBytes(SIZE), null, () => clock.advance(10_000));
    let passes = 0;
    const onBytes = (bytes: number) => {
      if (bytes < 0) passes++;
      // The second time that bytes are taken back they were read, and go to the registry from then on.
      if (passes >= 2) void clock.advance(50_000);
    };
    await expect(repository.write(content, { onBytes })).rejects.toMatchObject({
      code: 'too-large',
      message: expect.stringMatching(/gives an upload 600 s.*limits\.layer_max_bytes/),
    });
    expect([content.opened, spool.reserved]).toEqual([2, 0]);
  });
});

describe('a digest', () => {
  it.each([
    ['streams', {}, null],
    ['is sent with its length', {}, 'known'],
    ['is spooled', { like: 'gar', as: 'gcr.io' }, null],
  ] as const)('of a layer that %s is told once, with all read and nothing visible', async (_how, setting, known) => {
    const { registry, repository, stored } = await setUp(setting);
    registry.faults.push({ kind: 'lose-session', method: 'PUT' });
    const bytes = randomBytes(SIZE);
    let read = 0;
    const content = layer(bytes, known === null ? null : digestOf(bytes), (_pass, at) => {
      read = at + 65_536;
    });
    const told: unknown[] = [];
    const onDigest = async ({ digest, size }: { digest: Digest; size: number }) => {
      await new Promise((resolve) => setTimeout(resolve, 20));
      told.push([digest, size, read, stored(bytes)]);
    };
    await repository.write(content, { onDigest });
    expect(told).toEqual([[digestOf(bytes), SIZE, SIZE, false]]);
    expect(stored(bytes)).toBe(true);
  });

  it.each([null, 'known'])('that cannot be noted leaves nothing visible (digest: %s)', async (known) => {
    const { registry, repository } = await setUp();
    const bytes = randomBytes(SIZE);
    const content = layer(bytes, known === null ? null : digestOf(bytes));
    const onDigest = () => Promise.reject(new PublisherError('registry-unavailable', 'no ledger'));
    await expect(repository.write(content, { onDigest })).rejects.toThrow('no ledger');
    expect([content.opened, registry.storage.blobs.size, registry.uploads.open]).toEqual([1, 0, 0]);
  });

  it('of small content is told too', async () => {
    const { repository, stored } = await setUp();
    const bytes = randomBytes(10);
    const told: unknown[] = [];
    const onDigest = ({ digest }: { digest: Digest }) => void told.push([digest, stored(bytes)]);
    await repository.write(layer(bytes), { onDigest });
    expect(told).toEqual([[digestOf(bytes), false]]);
  });

  it('that was declared and is another never completes the request that would store it', async () => {
    const { registry, repository } = await setUp();
    const content = layer(randomBytes(SIZE), digestOf(Buffer.from('declared')));
    await expect(repository.write(content)).rejects.toMatchObject({ code: 'download-corrupt' });
    expect([content.opened, registry.storage.blobs.size]).toEqual([1, 0]);
  });

  it('that content worked out itself is taken', async () => {
    const { repository, stored } = await setUp();
    const bytes = randomBytes(SIZE);
    const content = { ...layer(bytes), verified: () => digestOf(bytes) };
    expect((await repository.write(content)).digest).toBe(digestOf(bytes));
    expect(stored(bytes)).toBe(true);
  });
});
