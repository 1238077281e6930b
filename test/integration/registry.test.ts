import { randomBytes } from 'node:crypto';
import { afterEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { PublisherError } from '../../src/errors.ts';
import { silentLogger } from '../../src/log.ts';
import { RegistryClient, type RegistryRepository } from '../../src/registry/client.ts';
import { blobOf } from '../../src/registry/content.ts';
import type { Credentials } from '../../src/registry/credentials.ts';
import { digestOf } from '../../src/registry/digest.ts';
import { OCI_LAYER, OCI_MANIFEST } from '../../src/registry/media-types.ts';
import { parseImageConfig, parseManifestContent } from '../../src/registry/schema.ts';
import type { BlobContent, Descriptor } from '../../src/registry/types.ts';
import { pushBaseImage, type RegistryOptions, type RegistryStandIn, startRegistry } from '../support/registry/index.ts';

const MiB = 1024 * 1024;
const running: RegistryStandIn[] = [];
afterEach(async () => {
  await Promise.all(running.splice(0).map((registry) => registry.close()));
});

async function start(options: RegistryOptions = {}): Promise<RegistryStandIn> {
  const registry = await startRegistry(options);
  running.push(registry);
  return registry;
}

const robot: Credentials = { username: 'robot', password: 'secret' };

function client(credentials: Credentials | null = robot): RegistryClient {
  return new RegistryClient({
    fetch: globalThis.fetch,
    clock: systemClock,
    credentials: async () => credentials,
    logger: silentLogger,
    userAgent: 'test',
    random: () => 0,
  });
}

function open({ host }: { host: string }, repository = 'acme/model', credentials: Credentials | null = robot) {
  return client(credentials).repository({ registry: host, repository });
}

/** Content in chunks of 64 KiB, counting how often it was opened. */
function streamed(bytes: Uint8Array, digest: BlobContent['digest'] = null) {
  const content = {
    mediaType: OCI_LAYER,
    size: bytes.byteLength,
    digest,
    opened: 0,
    async *open() {
      content.opened++;
      for (let at = 0; at < bytes.byteLength; at += 65_536) yield bytes.subarray(at, at + 65_536);
    },
  };
  return content;
}

async function read(repository: RegistryRepository, descriptor: Descriptor): Promise<Buffer> {
  return Buffer.concat(await Array.fromAsync(repository.blob(descriptor)));
}

const failing = (code: string, message: RegExp) =>
  expect.objectContaining({ code, message: expect.stringMatching(message) });

describe('pushing and pulling', () => {
  it('stores an image for two platforms that reads back the same', async () => {
    const registry = await start();
    const repository = open(registry, 'library/base');
    const base = await pushBaseImage(repository, { labels: { a: 'b' }, compression: 'zstd', tag: 'v1' });
    const found = parseManifestContent(await repository.manifest('v1'));
    if (found.kind !== 'index') throw new Error('not an index');
    expect(found.index.manifests.map(({ platform }) => platform?.architecture)).toEqual(['amd64', 'arm64']);
    const first = found.index.manifests[0]?.digest ?? '';
    const image = parseManifestContent(await repository.manifest(first));
    if (image.kind !== 'manifest') throw new Error('not a manifest');
    const config = parseImageConfig(await read(repository, image.manifest.config));
    expect(config.config?.Labels).toEqual({ a: 'b' });
    expect(config.rootfs.diff_ids).toEqual(base.manifests[0]?.diffIds);
  });

  it('streams a large blob in one chunked request and a small one in a single PUT', async () => {
    const registry = await start({ like: 'ghcr' });
    const repository = open(registry);
    const bytes = randomBytes(6 * MiB);
    let seen = 0;
    const descriptor = await repository.write(streamed(bytes), { onBytes: (count) => (seen += count) });
    expect(descriptor).toEqual({ mediaType: OCI_LAYER, digest: digestOf(bytes), size: bytes.byteLength });
    expect(seen).toBe(bytes.byteLength);
    expect(registry.requests.filter(({ method }) => method === 'PATCH')).toMatchObject([{ contentLength: null }]);
    await repository.write(blobOf(Buffer.from('small'), OCI_LAYER));
    expect(
      registry.requests.filter(({ method }) => method === 'PUT').map(({ contentLength }) => contentLength),
    ).toEqual([0, 5]);
    expect((await read(repository, descriptor)).equals(bytes)).toBe(true);
  });

  it('understands relative upload addresses', async () => {
    const repository = open(await start({ relativeLocations: true }));
    const bytes = randomBytes(5 * MiB);
    expect((await repository.write(streamed(bytes))).digest).toBe(digestOf(bytes));
  });

  it('writes an empty blob', async () => {
    const repository = open(await start());
    const descriptor = await repository.write(blobOf(new Uint8Array(), OCI_LAYER));
    expect(await read(repository, descriptor)).toHaveLength(0);
  });

  it('answers whether a blob is there, and with verify whether it reads back', async () => {
    const registry = await start();
    const repository = open(registry);
    const descriptor = await repository.write(blobOf(Buffer.from('bytes'), OCI_LAYER));
    expect(await repository.has(descriptor)).toBe(true);
    expect(await repository.has({ ...descriptor, digest: digestOf(Buffer.from('other')) })).toBe(false);
    expect(await repository.has(descriptor, { verify: true })).toBe(true);
    registry.storage.blobs.set(descriptor.digest, Buffer.from('rot!!'));
    expect(await repository.has(descriptor, { verify: true })).toBe(false);
  });

  it('lists tags page by page, and none for a repository that is not there', async () => {
    const registry = await start();
    const repository = open(registry);
    const { digest } = await pushBaseImage(repository, { platforms: ['linux/amd64'], tag: 'a' });
    const manifest = await repository.manifest(digest);
    await repository.tag('b', manifest);
    expect(await repository.tags()).toEqual(['a', 'b']);
    expect(await open(registry, 'acme/nothing').tags()).toEqual([]);
    for (let at = 0; at < 1000; at++) registry.storage.repository('acme/model').tags.set(`t${at}`, digest);
    expect(await repository.tags()).toHaveLength(1002);
  });
});

describe('mounting', () => {
  async function mounted(mount: 201 | 202) {
    const registry = await start({ mount });
    const source = open(registry, 'acme/base');
    const descriptor = await source.write(blobOf(Buffer.from('layer'), OCI_LAYER));
    const target = open(registry, 'acme/model');
    const from = { registry: registry.host, repository: 'acme/base', tag: null, digest: null };
    return { registry, target, descriptor, from };
  }

  it('takes a blob over from another repository of the registry', async () => {
    const { target, descriptor, from } = await mounted(201);
    expect(await target.mount(descriptor, from)).toBe(true);
    expect(await target.has(descriptor)).toBe(true);
  });

  it('cancels the upload it is offered instead and says no', async () => {
    const { registry, target, descriptor, from } = await mounted(202);
    expect(await target.mount(descriptor, from)).toBe(false);
    expect(registry.uploads.open).toBe(0);
  });

  it('sends nothing when the blob is in another registry', async () => {
    const { registry, target, descriptor, from } = await mounted(201);
    const before = registry.requests.length;
    expect(await target.mount(descriptor, { ...from, registry: 'ghcr.io' })).toBe(false);
    expect(registry.requests).toHaveLength(before);
  });
});

describe('logging in', () => {
  it('pulls anonymously, and names the remedy when pushing so', async () => {
    const registry = await start();
    await pushBaseImage(open(registry), {});
    const stranger = open(registry, 'acme/model', null);
    await expect(stranger.manifest('latest')).resolves.toBeDefined();
    await expect(stranger.write(blobOf(Buffer.from('x'), OCI_LAYER))).rejects.toEqual(
      failing('registry-denied', new RegExp(`docker login ${registry.host}`)),
    );
  });

  it('refuses a wrong password with the registry named and the password not', async () => {
    const registry = await start();
    const wrong = open(registry, 'acme/model', { username: 'robot', password: 'hunter22' });
    const error = await wrong.manifest('latest').catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'registry-denied' });
    expect(String(error)).not.toContain('hunter22');
  });

  it('uses basic authentication where the registry wants that', async () => {
    const registry = await start({ auth: 'basic' });
    await pushBaseImage(open(registry));
    expect(registry.requests.every(({ authorization }) => authorization !== 'bearer')).toBe(true);
    await expect(open(registry, 'acme/model', null).manifest('latest')).rejects.toMatchObject({
      code: 'registry-denied',
    });
  });

  it('trades an identity token for access', async () => {
    const registry = await start({ identityTokens: ['idt'], anonymousPull: false });
    const repository = open(registry, 'acme/model', { identityToken: 'idt' });
    await expect(pushBaseImage(repository)).resolves.toBeDefined();
    expect(registry.requests.some(({ method, path }) => method === 'POST' && path === '/auth/token')).toBe(true);
  });

  it('asks for one token however many requests wait for it', async () => {
    const registry = await start({ tokenLifeMs: 60_000 });
    const repository = open(registry);
    const contents = Array.from({ length: 8 }, (_, at) => blobOf(Buffer.from(`blob ${at}`), OCI_LAYER));
    await Promise.all(contents.map((content) => repository.write(content)));
    expect(registry.tokens.count).toBe(1);
  });

  it('goes on with a new token when the old one ends between two requests of an upload', async () => {
    const registry = await start({ tokenLifeMs: 60_000 });
    const bytes = randomBytes(5 * MiB);
    const content = streamed(bytes);
    // The PATCH is under way with a good token; the PUT that ends the upload finds it revoked.
    const chunks = content.open;
    content.open = async function* () {
      yield* chunks();
      registry.tokens.revokeAll();
    };
    await open(registry).write(content);
    expect(content.opened).toBe(1);
    expect(registry.storage.blob('acme/model', digestOf(bytes))?.equals(bytes)).toBe(true);
  });
});

describe('a registry in trouble', () => {
  it('waits as long as it is asked to, then goes on', async () => {
    const registry = await start();
    await pushBaseImage(open(registry));
    registry.faults.push({ kind: 'status', status: 429, retryAfter: '0', path: /manifests/ });
    registry.faults.push({ kind: 'status', status: 503, path: /manifests/ });
    await expect(open(registry).manifest('latest')).resolves.toBeDefined();
  });

  it('gives up after the third refusal with status, reason and target named', async () => {
    const registry = await start();
    registry.faults.push({ kind: 'status', status: 500, code: 'UNKNOWN', times: 3, path: /manifests/ });
    await expect(open(registry).manifest('latest')).rejects.toEqual(
      failing(
        'registry-unavailable',
        /answered 500 \(UNKNOWN: injected fault\) while reading manifest latest of .*acme\/model/,
      ),
    );
  });

  it('starts the layer over when the registry dies in the middle, and the sum of bytes stays true', async () => {
    const registry = await start();
    registry.faults.push({ kind: 'die', afterBytes: 2 * MiB, method: 'PATCH', times: 2 });
    const bytes = randomBytes(8 * MiB);
    const content = streamed(bytes);
    let sum = 0;
    await open(registry).write(content, { onBytes: (count) => (sum += count) });
    expect(content.opened).toBe(3);
    expect(sum).toBe(bytes.byteLength);
    expect(registry.storage.blob('acme/model', digestOf(bytes))?.equals(bytes)).toBe(true);
  });

  it('names registry, blob and cause when it keeps dying, and leaves nothing behind', async () => {
    const registry = await start();
    registry.faults.push({ kind: 'die', afterBytes: MiB, path: /uploads/, times: 100 });
    await expect(open(registry).write(streamed(randomBytes(8 * MiB)))).rejects.toEqual(
      failing(
        'registry-unavailable',
        new RegExp(`${registry.host} broke the connection while uploading a blob of 8388608 bytes`),
      ),
    );
    expect(registry.storage.repositories.get('acme/model')?.blobs.size ?? 0).toBe(0);
  });

  it('says unavailable when nobody listens', async () => {
    const registry = await start();
    await registry.close();
    running.splice(0);
    await expect(open(registry).manifest('latest')).rejects.toEqual(
      failing('registry-unavailable', /broke the connection while reading manifest latest.*ECONNREFUSED/),
    );
  });

  it('begins a new session when the old one was lost', async () => {
    const registry = await start();
    registry.faults.push({ kind: 'lose-session', method: 'PUT' });
    const content = streamed(randomBytes(5 * MiB));
    await open(registry).write(content);
    expect(content.opened).toBe(2);
  });

  it('takes an upload for done when only the answer was lost', async () => {
    const registry = await start();
    const bytes = randomBytes(5 * MiB);
    const content = streamed(bytes);
    const repository = open(registry);
    registry.faults.push({ kind: 'status', status: 502, method: 'PUT' });
    registry.storage.addBlob('acme/model', bytes);
    await repository.write(content);
    expect(content.opened).toBe(1);
  });

  it('notices when it stores something else', async () => {
    const registry = await start();
    const repository = open(registry);
    const fetch: typeof globalThis.fetch = async (input, init) => {
      const response = await globalThis.fetch(input, init);
      if (init?.method !== 'PUT') return response;
      return new Response(null, { status: 201, headers: { 'docker-content-digest': digestOf(Buffer.from('else')) } });
    };
    const options = { clock: systemClock, credentials: async () => robot, logger: silentLogger, userAgent: 'test' };
    const other = new RegistryClient({ ...options, fetch }).repository({
      registry: registry.host,
      repository: 'acme/model',
    });
    await repository.has({ mediaType: OCI_LAYER, digest: digestOf(Buffer.from('')), size: 0 });
    await expect(other.write(blobOf(Buffer.from('x'), OCI_LAYER))).rejects.toEqual(
      failing('registry-invalid', /instead of/),
    );
  });
});

describe('content in trouble', () => {
  const broken = (): BlobContent => ({
    mediaType: OCI_LAYER,
    size: 8 * MiB,
    digest: null,
    async *open() {
      for (let at = 0; at < 40; at++) yield randomBytes(65_536);
      throw new PublisherError('download-truncated', 'the Hub hung up');
    },
  });

  it('rethrows the error of the content, and the upload is gone', async () => {
    const registry = await start();
    await expect(open(registry).write(broken())).rejects.toEqual(failing('download-truncated', /the Hub hung up/));
    expect(registry.requests.filter(({ method }) => method === 'PATCH')).toHaveLength(1);
    expect(registry.requests.some(({ method }) => method === 'DELETE')).toBe(true);
    expect(registry.storage.repository('acme/model').blobs.size).toBe(0);
  });

  it.each([
    ['fewer', 8 * MiB, 'download-truncated'],
    ['more', 5 * MiB, 'download-corrupt'],
  ])('refuses %s bytes than declared', async (_how, size, code) => {
    const registry = await start();
    const content = { ...streamed(randomBytes(6 * MiB)), size };
    await expect(open(registry).write(content)).rejects.toMatchObject({ code });
    expect(registry.storage.repository('acme/model').blobs.size).toBe(0);
  });

  it('refuses other bytes than the declared digest, small or large', async () => {
    const registry = await start();
    const digest = digestOf(Buffer.from('something else'));
    for (const size of [100, 5 * MiB]) {
      const content = streamed(randomBytes(size), digest);
      await expect(open(registry).write(content)).rejects.toMatchObject({ code: 'download-corrupt' });
    }
    expect(registry.storage.repository('acme/model').blobs.size).toBe(0);
  });

  it('stops at once when cancelled, telling the content so', async () => {
    const registry = await start();
    const controller = new AbortController();
    let told = false;
    const content: BlobContent = {
      mediaType: OCI_LAYER,
      size: 100 * MiB,
      digest: null,
      async *open(signal) {
        yield randomBytes(MiB);
        controller.abort();
        told = signal.aborted;
        yield randomBytes(MiB);
      },
    };
    await expect(open(registry).write(content, { signal: controller.signal })).rejects.toMatchObject({
      code: 'cancelled',
    });
    expect(told).toBe(true);
  });

  it('reads no faster than the registry takes', async () => {
    const registry = await start();
    let produced = 0;
    let most = 0;
    const content: BlobContent = {
      mediaType: OCI_LAYER,
      size: 64 * MiB,
      digest: null,
      async *open() {
        for (; produced < 64; produced++) yield Buffer.alloc(MiB, produced);
      },
    };
    // A reader that never reads: what is produced is what buffers hold.
    const fetch: typeof globalThis.fetch = async (input, init) => {
      if (init?.method !== 'PATCH' || !(init.body instanceof ReadableStream)) return globalThis.fetch(input, init);
      const reader = init.body.getReader();
      await reader.read();
      await new Promise((resolve) => setImmediate(resolve));
      most = produced;
      await reader.cancel();
      throw new TypeError('fetch failed');
    };
    const options = { clock: systemClock, credentials: async () => robot, logger: silentLogger, userAgent: 'test' };
    const repository = new RegistryClient({ ...options, fetch, attempts: 1 }).repository({
      registry: registry.host,
      repository: 'a/b',
    });
    await expect(repository.write(content)).rejects.toMatchObject({ code: 'registry-unavailable' });
    expect(most).toBeLessThan(3);
  });
});

describe('downloads in trouble', () => {
  const bytes = randomBytes(3 * MiB);
  const descriptor = { mediaType: OCI_LAYER, digest: digestOf(bytes), size: bytes.byteLength };

  async function stored(options: RegistryOptions) {
    const registry = await start(options);
    registry.storage.addBlob('acme/model', Buffer.from(bytes));
    return registry;
  }

  it.each([true, false])('resumes where it was cut (second server: %s)', async (cdn) => {
    const registry = await stored({ cdn });
    registry.faults.push({ kind: 'cut', afterBytes: MiB, method: 'GET', path: cdn ? /^\/blob\// : /\/blobs\// });
    expect((await read(open(registry), descriptor)).equals(bytes)).toBe(true);
    if (!cdn) expect(registry.requests.at(-1)?.range).toMatch(/^bytes=[1-9]\d*-$/);
  });

  it('sends no credentials to the second server', async () => {
    const registry = await stored({ cdn: true, anonymousPull: false });
    expect((await read(open(registry), descriptor)).equals(bytes)).toBe(true);
  });

  it('asks for a new address when a signed one has run out', async () => {
    const registry = await stored({ cdn: true });
    registry.faults.push({ kind: 'status', status: 403, path: /^\/blob\// });
    expect((await read(open(registry), descriptor)).equals(bytes)).toBe(true);
  });

  it('gives up on a download that breaks off again and again', async () => {
    const registry = await stored({});
    registry.faults.push({ kind: 'cut', afterBytes: 1000, method: 'GET', path: /blobs/, times: 9 });
    await expect(read(open(registry), descriptor)).rejects.toEqual(
      failing('registry-unavailable', /broke off after \d+ of 3145728 bytes/),
    );
  });

  it('refuses bytes that do not match the digest', async () => {
    const registry = await stored({});
    registry.faults.push({ kind: 'corrupt', path: /blobs/ });
    await expect(read(open(registry), descriptor)).rejects.toEqual(
      failing('registry-invalid', /sent bytes with digest/),
    );
  });

  it('refuses another size than the descriptor has', async () => {
    const registry = await stored({});
    await expect(read(open(registry), { ...descriptor, size: 5 })).rejects.toMatchObject({ code: 'registry-invalid' });
  });

  it('stops when cancelled', async () => {
    const registry = await stored({});
    const signal = AbortSignal.abort();
    await expect(Array.fromAsync(open(registry).blob(descriptor, { signal }))).rejects.toMatchObject({
      code: 'cancelled',
    });
  });
});

describe('manifests in trouble', () => {
  function put(registry: RegistryStandIn, bytes: Buffer, mediaType = OCI_MANIFEST): void {
    const repository = registry.storage.repository('acme/model');
    repository.manifests.set(digestOf(bytes), { mediaType, bytes });
    repository.tags.set('bad', digestOf(bytes));
  }

  it('refuses one of more than 4 MiB', async () => {
    const registry = await start();
    put(registry, Buffer.alloc(4 * MiB + 1, ' '));
    await expect(open(registry).manifest('bad')).rejects.toMatchObject({ code: 'too-large' });
  });

  it('refuses one that is not JSON', async () => {
    const registry = await start();
    put(registry, Buffer.from('<html>Please log in</html>'));
    await expect(open(registry).manifest('bad')).rejects.toEqual(failing('registry-invalid', /not a JSON manifest/));
  });

  it('refuses one whose own type differs from the header', async () => {
    const registry = await start();
    put(
      registry,
      Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: 'application/vnd.oci.image.index.v1+json' })),
    );
    await expect(open(registry).manifest('bad')).rejects.toMatchObject({ code: 'registry-invalid' });
  });

  it('refuses bytes that differ from the digest asked for, or from the digest sent along', async () => {
    const registry = await start();
    const { digest } = await pushBaseImage(open(registry));
    registry.faults.push({ kind: 'corrupt', path: /manifests/ }, { kind: 'corrupt', path: /manifests/ });
    await expect(open(registry).manifest(digest)).rejects.toMatchObject({ code: 'registry-invalid' });
    await expect(open(registry).manifest('latest')).rejects.toMatchObject({ code: 'registry-invalid' });
  });

  it('says when a tag is not there', async () => {
    await expect(open(await start()).manifest('nope')).rejects.toEqual(
      failing('registry-not-found', /MANIFEST_UNKNOWN/),
    );
  });

  it('passes on why a manifest was refused', async () => {
    const bytes = Buffer.from('{"schemaVersion":2}');
    await expect(open(await start()).putManifest(bytes, OCI_MANIFEST)).rejects.toEqual(
      failing('registry-invalid', /MANIFEST_INVALID/),
    );
  });
});
