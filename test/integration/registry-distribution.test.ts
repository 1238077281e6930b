import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { guardedHttp } from '../../src/http/fetch.ts';
import { silentLogger } from '../../src/log.ts';
import { RegistryClient, type RegistryRepository } from '../../src/registry/client.ts';
import type { ConnectionOptions } from '../../src/registry/connection.ts';
import { blobOf } from '../../src/registry/content.ts';
import { anonymous } from '../../src/registry/credentials.ts';
import { digestOf } from '../../src/registry/digest.ts';
import { OCI_LAYER } from '../../src/registry/media-types.ts';
import { uploadStrategy } from '../../src/registry/strategy.ts';
import type { BlobContent } from '../../src/registry/types.ts';
import {
  type Distribution,
  describePublishTarget,
  findProgram,
  pushBaseImage,
  startDistribution,
} from '../support/registry/index.ts';

const MiB = 1024 * 1024;
const http = guardedHttp({ allow: [], allowLoopback: true });
const found = findProgram('docker-registry') !== null;

describe.skipIf(!found)('the client and a real Distribution registry (needs docker-registry)', () => {
  let distribution: Distribution;
  beforeAll(async () => {
    distribution = await startDistribution();
  });
  afterAll(() => distribution.close());

  function open(
    repository: string,
    { host }: Distribution = distribution,
    more: Partial<ConnectionOptions> = {},
  ): RegistryRepository {
    const options = { ...http, clock: systemClock, credentials: anonymous, logger: silentLogger, ...more };
    return new RegistryClient({ ...options, userAgent: 'test', random: () => 0 }).repository({
      registry: host,
      repository,
    });
  }

  function streamed(bytes: Uint8Array): BlobContent {
    return {
      mediaType: OCI_LAYER,
      size: bytes.byteLength,
      digest: null,
      async *open() {
        for (let at = 0; at < bytes.byteLength; at += 65_536) yield bytes.subarray(at, at + 65_536);
      },
    };
  }

  const shared = new RegistryClient({
    ...http,
    clock: systemClock,
    credentials: anonymous,
    logger: silentLogger,
    userAgent: 'test',
  });
  describePublishTarget('agree on what publishing needs', (repository) =>
    shared.repository({ registry: distribution.host, repository }),
  );

  it('agree on an image, its tags and its blobs', async () => {
    const repository = open('acme/base');
    const { digest } = await pushBaseImage(repository, { dockerSchema2: true, tag: 'v1' });
    const index = await repository.manifest('v1');
    expect(index.digest).toBe(digest);
    await repository.tag('v2', index);
    expect(await repository.tags()).toEqual(['v1', 'v2']);
  });

  it('agree on a streamed blob, bit for bit', async () => {
    const repository = open('acme/weights');
    const bytes = randomBytes(20 * MiB);
    const descriptor = await repository.write(streamed(bytes));
    expect(descriptor.digest).toBe(digestOf(bytes));
    expect(await repository.has(descriptor, { verify: true })).toBe(true);
    expect(Buffer.concat(await Array.fromAsync(repository.blob(descriptor))).equals(bytes)).toBe(true);
  });

  it.each([
    ['sent with its length', 'known', 'docker.io'],
    ['spooled', null, 'gcr.io'],
  ])('agree on a blob that is %s, bit for bit', async (_how, known, as) => {
    const repository = open('acme/whole', distribution, { strategy: () => uploadStrategy(as) });
    const bytes = randomBytes(20 * MiB);
    const content = { ...streamed(bytes), digest: known === null ? null : digestOf(bytes) };
    const descriptor = await repository.write(content);
    expect(Buffer.concat(await Array.fromAsync(repository.blob(descriptor))).equals(bytes)).toBe(true);
  });

  it('agree that other bytes than declared are never stored', async () => {
    const repository = open('acme/other');
    const bytes = randomBytes(8 * MiB);
    const content = { ...streamed(bytes), digest: digestOf(Buffer.from('declared')) };
    await expect(repository.write(content)).rejects.toMatchObject({ code: 'download-corrupt' });
    const descriptor = { mediaType: OCI_LAYER, digest: digestOf(bytes), size: bytes.byteLength };
    expect(await repository.has(descriptor)).toBe(false);
  });

  it('agree on mounting', async () => {
    const descriptor = await open('acme/one').write(blobOf(Buffer.from('shared'), OCI_LAYER));
    const target = open('acme/two');
    const from = { registry: distribution.host, repository: 'acme/one', tag: null, digest: null };
    expect(await target.mount(descriptor, from)).toBe(true);
    expect(await target.has(descriptor)).toBe(true);
    const absent = { ...descriptor, digest: digestOf(Buffer.from('nowhere')) };
    expect(await target.mount(absent, from)).toBe(false);
  });

  it('a content error leaves no blob and no tag', async () => {
    const repository = open('acme/broken');
    const bytes = randomBytes(8 * MiB);
    const content: BlobContent = {
      ...streamed(bytes),
      async *open() {
        yield bytes.subarray(0, 6 * MiB);
        throw new Error('the source hung up');
      },
    };
    await expect(repository.write(content)).rejects.toThrow('the source hung up');
    const descriptor = { mediaType: OCI_LAYER, digest: digestOf(bytes.subarray(0, 6 * MiB)), size: 6 * MiB };
    expect(await repository.has(descriptor)).toBe(false);
    expect(await repository.tags()).toEqual([]);
  });

  it('a registry killed in mid-upload is named as the cause', async () => {
    const own = await startDistribution();
    const content: BlobContent = {
      mediaType: OCI_LAYER,
      size: 64 * MiB,
      digest: null,
      async *open() {
        for (let at = 0; at < 64; at++) {
          if (at === 8) await own.kill();
          yield Buffer.alloc(MiB, at);
        }
      },
    };
    const failure = await open('acme/killed', own)
      .write(content)
      .catch((error: unknown) => error);
    await own.close();
    expect(failure).toMatchObject({ code: 'registry-unavailable', message: expect.stringContaining(own.host) });
  });
});
