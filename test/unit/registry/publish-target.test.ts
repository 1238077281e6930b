import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../../src/clock.ts';
import { guardedHttp } from '../../../src/http/fetch.ts';
import { silentLogger } from '../../../src/log.ts';
import { RegistryClient, type RegistryRepository } from '../../../src/registry/client.ts';
import { digestOf } from '../../../src/registry/digest.ts';
import { OCI_INDEX, OCI_MANIFEST } from '../../../src/registry/media-types.ts';
import { fallbackTag } from '../../../src/registry/referrers.ts';
import {
  artifactFor,
  attach,
  describePublishTarget,
  pull,
  pushBaseImage,
  type RegistryOptions,
  type RegistryStandIn,
  startRegistry,
} from '../../support/registry/index.ts';

const http = guardedHttp({ allow: [], allowLoopback: true });
const credentials = async () => ({ username: 'robot', password: 'secret' });

const options = { ...http, clock: systemClock, credentials, logger: silentLogger, userAgent: 'test', random: () => 0 };
const client = new RegistryClient(options);
const clientOf = ({ host }: RegistryStandIn, repository: string): RegistryRepository =>
  client.repository({ registry: host, repository });

const registries: RegistryStandIn[] = [];
afterAll(async () => {
  await Promise.all(registries.map((registry) => registry.close()));
});
async function start(mode: RegistryOptions = {}): Promise<RegistryStandIn> {
  const registry = await startRegistry(mode);
  registries.push(registry);
  return registry;
}

const modes: [string, RegistryOptions][] = [
  ['a registry without referrers API that deletes by digest only', {}],
  ['a registry without referrers API that deletes tags', { deletes: 'tag' }],
  ['a registry without referrers API that takes a tag for its manifest when it deletes', { deletes: 'tag-as-digest' }],
  ['a registry with referrers API that deletes by digest only', { referrers: true }],
  [
    'a registry with referrers API, two on a page, that deletes tags',
    { referrers: true, referrersPage: 2, deletes: 'tag' },
  ],
];
for (const [name, mode] of modes) {
  describe('publishing to', () => {
    let registry: RegistryStandIn;
    beforeAll(async () => {
      registry = await start(mode);
    });
    describePublishTarget(name, (repository) => clientOf(registry, repository));
  });
}

describe('a tag stays where it is', () => {
  it('when the registry deletes nothing, and is not moved to find that out', async () => {
    const registry = await start({ deletes: 'nothing' });
    const target = clientOf(registry, 'acme/x');
    const { digest } = await pushBaseImage(target, { tag: 'v1' });
    registry.requests.length = 0;
    const answer = await target.removeTag('v1');
    expect(answer).toMatchObject({ state: 'kept', why: expect.stringContaining('405') });
    expect(registry.requests.filter(({ method, path }) => method === 'PUT' && path.endsWith('/v1'))).toEqual([]);
    expect(await pull(target, 'v1')).toBe(digest);
    expect(await target.deleteManifest(digest)).toBe(false);
  });

  it('when the login may not delete', async () => {
    const registry = await start();
    const target = clientOf(registry, 'acme/x');
    const { digest } = await pushBaseImage(target, { tag: 'v1' });
    registry.faults.push({ kind: 'status', status: 403, code: 'DENIED', method: 'DELETE', times: 9 });
    expect(await target.removeTag('v1')).toMatchObject({ state: 'kept', why: expect.stringContaining('403') });
    expect((await target.head('v1'))?.digest).toBe(digest);
    await expect(target.deleteManifest(digest)).rejects.toMatchObject({ code: 'registry-denied' });
  });

  it('and is put back when the delete fails after it was moved out of the way', async () => {
    const registry = await start();
    const target = clientOf(registry, 'acme/x');
    const { digest } = await pushBaseImage(target, { tag: 'v1' });
    const last = { kind: 'status', status: 503, method: 'DELETE', path: /sha256:/, times: 3 } as const;
    const probe = { ...last, status: 200, times: 1 } as const;
    registry.faults.push(probe, last);
    await expect(target.removeTag('v1')).rejects.toMatchObject({ code: 'registry-unavailable' });
    expect(await pull(target, 'v1')).toBe(digest);
    expect(await target.removeTag('v1')).toEqual({ state: 'removed' });
  });

  it('and not on the throw-away when the registry only says that it deletes', async () => {
    const registry = await start();
    const target = clientOf(registry, 'acme/x');
    const { digest } = await pushBaseImage(target, { tag: 'v1' });
    registry.faults.push({ kind: 'status', status: 202, method: 'DELETE', times: 3 });
    expect(await target.removeTag('v1')).toMatchObject({ state: 'kept', why: expect.stringContaining('did not') });
    expect(await pull(target, 'v1')).toBe(digest);
  });

  it('when it is immutable to the registry', async () => {
    const registry = await start({ deletes: 'tag' });
    const target = clientOf(registry, 'acme/x');
    const { digest } = await pushBaseImage(target, { tag: 'v1' });
    registry.faults.push({ kind: 'status', status: 409, code: 'TAG_INVALID', method: 'PUT', path: /v1$/ });
    expect(await target.removeTag('v1')).toMatchObject({ state: 'kept', why: expect.stringContaining('TAG_INVALID') });
    expect(await pull(target, 'v1')).toBe(digest);
  });

  it.each(['ghcr.io', 'docker.io'])('on %s, where only its own API deletes', async (registry) => {
    const methods: string[] = [];
    const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: OCI_INDEX, manifests: [] }));
    const far = new RegistryClient({
      fetch: async (_url, init) => {
        methods.push(init?.method ?? 'GET');
        const headers = { 'content-type': OCI_INDEX, 'docker-content-digest': digestOf(bytes), 'content-length': '88' };
        return new Response(null, { headers });
      },
      clock: systemClock,
      credentials,
      logger: silentLogger,
      userAgent: 'test',
    });
    const answer = await far.repository({ registry, repository: 'acme/x' }).removeTag('v1');
    expect(answer).toMatchObject({ state: 'kept', why: expect.stringContaining('API') });
    expect(new Set(methods)).toEqual(new Set(['HEAD']));
  });
});

describe('the index under the fallback tag', () => {
  it('keeps entries that we cannot read, and fields that we do not know', async () => {
    const target = clientOf(await start(), 'acme/x');
    const { digest } = await pushBaseImage(target);
    const first = await attach(target, digest, { text: 'theirs' });
    const theirs = { ...first, artifactType: 'text/x', 'com.example.more': [1] };
    const bytes = Buffer.from(
      JSON.stringify({ schemaVersion: 2, mediaType: OCI_INDEX, manifests: [theirs], annotations: { who: 'them' } }),
    );
    await target.tag(fallbackTag(digest), { bytes, mediaType: OCI_INDEX, digest: digestOf(bytes) });
    const ours = await attach(target, digest, { text: 'ours' });
    const index: unknown = JSON.parse(Buffer.from((await target.manifest(fallbackTag(digest))).bytes).toString());
    expect(index).toMatchObject({ manifests: [theirs, { digest: ours.digest }], annotations: { who: 'them' } });
  });

  it('is written again when another writer replaced it between our write and our second look', async () => {
    const registry = await start();
    const target = clientOf(registry, 'acme/x');
    const { digest } = await pushBaseImage(target);
    const theirs = await attach(target, digest, { text: 'theirs' });
    const before = await target.manifest(fallbackTag(digest));
    let puts = 0;
    const rival = new RegistryClient({
      fetch: async (url, init) => {
        const answer = await http.fetch(url, init);
        const isIndex = init?.method === 'PUT' && String(url).endsWith(fallbackTag(digest));
        if (isIndex && ++puts === 1) await target.tag(fallbackTag(digest), before);
        return answer;
      },
      clock: systemClock,
      credentials,
      logger: silentLogger,
      userAgent: 'test',
    }).repository({ registry: registry.host, repository: 'acme/x' });
    const ours = await attach(rival, digest, { text: 'ours' });
    expect(puts).toBe(2);
    expect((await target.referrers(digest)).map((entry) => entry.digest)).toEqual([theirs.digest, ours.digest]);
  });

  it('that a registry shows an old state of is a failure of the registry, to be tried again', async () => {
    const registry = await start();
    const { digest } = await pushBaseImage(clientOf(registry, 'acme/x'));
    const lagging = new RegistryClient({
      clock: { ...systemClock, sleep: async () => undefined },
      credentials,
      logger: silentLogger,
      userAgent: 'test',
      fetch: async (url, init) => {
        const isRead = init?.method === 'GET' && String(url).endsWith(fallbackTag(digest));
        return isRead ? new Response(null, { status: 404 }) : http.fetch(url, init);
      },
    }).repository({ registry: registry.host, repository: 'acme/x' });
    await expect(attach(lagging, digest)).rejects.toMatchObject({ code: 'registry-unavailable', retryable: true });
  });

  it('drops what is not there any more when the registry insists', async () => {
    const target = clientOf(await start(), 'acme/x');
    const { digest } = await pushBaseImage(target);
    const gone = await attach(target, digest, { text: 'gone' });
    await target.deleteManifest(gone.digest);
    const ours = await attach(target, digest, { text: 'ours' });
    expect((await target.referrers(digest)).map((entry) => entry.digest)).toEqual([ours.digest]);
  });

  it('is no index of ours to replace when it is an image', async () => {
    const target = clientOf(await start(), 'acme/x');
    const { digest, manifests } = await pushBaseImage(target);
    const [image] = manifests;
    if (image === undefined) throw new Error('the base has a platform');
    await target.tag(fallbackTag(digest), await target.manifest(image.descriptor.digest));
    await expect(attach(target, digest)).rejects.toMatchObject({ code: 'registry-invalid' });
    expect((await target.head(fallbackTag(digest)))?.digest).toBe(image.descriptor.digest);
  });
});

it('writes no index where the registry keeps referrers itself', async () => {
  const target = clientOf(await start({ referrers: true }), 'acme/x');
  const { digest } = await pushBaseImage(target, { tag: 'v1' });
  await attach(target, digest);
  expect(await target.tags()).toEqual(['v1']);
});

it('an artifact may be put before its subject is there', async () => {
  const target = clientOf(await start(), 'acme/x');
  const subject = { mediaType: OCI_MANIFEST, digest: digestOf(Buffer.from('later')), size: 5 };
  const put = await target.putReferrer(await artifactFor(target, subject), OCI_MANIFEST, subject.digest);
  expect(await target.referrers(subject.digest)).toMatchObject([put]);
});
