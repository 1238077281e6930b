import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { run } from '../../src/exec.ts';
import { guardedHttp } from '../../src/http/fetch.ts';
import { silentLogger } from '../../src/log.ts';
import { RegistryClient } from '../../src/registry/client.ts';
import { compareImage } from '../../src/registry/copy/compare.ts';
import { copyImage } from '../../src/registry/copy/copy-image.ts';
import type { PublishTarget } from '../../src/registry/types.ts';
import {
  attach,
  attachByTag,
  findProgram,
  pull,
  pushBaseImage,
  type RegistryOptions,
  startDistribution,
  startRegistry,
} from '../support/registry/index.ts';

const http = guardedHttp({ allow: [], allowLoopback: true });
const everything = { everything: true };
const client = new RegistryClient({
  ...http,
  clock: systemClock,
  credentials: async () => ({ username: 'robot', password: 'secret' }),
  logger: silentLogger,
  userAgent: 'test',
  random: () => 0,
});

interface Host {
  host: string;
  close(): Promise<void>;
}
const hosts: Host[] = [];
afterAll(async () => {
  await Promise.all(hosts.map((one) => one.close()));
});
async function started<T extends Host>(starting: Promise<T>): Promise<T> {
  const host = await starting;
  hosts.push(host);
  return host;
}
const open = ({ host }: Host, repository: string) => client.repository({ registry: host, repository });

/** An image with statements on index and platform, a statement on a statement, and what cosign writes. */
async function pushAll(target: PublishTarget) {
  const { digest, manifests } = await pushBaseImage(target, { tag: 'v1', platforms: ['linux/amd64', 'linux/arm64'] });
  const [amd64] = manifests;
  if (amd64 === undefined) throw new Error('the base has platforms');
  const statement = await attach(target, digest, { text: 'on the index' });
  const platform = await attach(target, amd64.descriptor.digest, { text: 'on a platform' });
  const deep = await attach(target, statement.digest, { text: 'on a statement' });
  const sig = await attachByTag(target, digest, '.sig', 'a signature');
  const att = await attachByTag(target, digest, '.att', 'an attestation');
  return { digest, amd64: amd64.descriptor.digest, statement, platform, deep, sig, att };
}

const stand = (options: RegistryOptions) => () => startRegistry(options);
const real = findProgram('docker-registry') !== null;
const pairs: [string, () => Promise<Host>, () => Promise<Host>, boolean][] = [
  ['neither has the referrers API', stand({}), stand({}), true],
  ['only the source has the referrers API', stand({ referrers: true }), stand({}), true],
  ['only the target has the referrers API', stand({}), stand({ referrers: true }), true],
  ['both are Distribution (needs docker-registry)', startDistribution, startDistribution, real],
];

describe.each(pairs)('an image copied with everything where %s', (_name, startSource, startTarget, possible) => {
  let source: PublishTarget;
  let target: PublishTarget;
  let image: Awaited<ReturnType<typeof pushAll>>;
  beforeAll(async () => {
    if (!possible) return;
    source = open(await started(startSource()), 'acme/x');
    target = open(await started(startTarget()), 'mirror/x');
    image = await pushAll(source);
  });

  it.skipIf(!possible)('arrives whole, and is not moved a second time', async () => {
    const { digest, amd64, statement, platform, deep, sig, att } = image;
    expect((await compareImage(source, target, digest)).length).toBeGreaterThan(0);
    const first = await copyImage(source, target, digest, everything);
    expect(first.moved).toBeGreaterThan(0);
    expect(await compareImage(source, target, digest)).toEqual([]);
    expect(await pull(target, digest)).toBe(digest);
    expect((await target.referrers(digest)).map((entry) => entry.digest)).toEqual([statement.digest]);
    expect((await target.referrers(amd64)).map((entry) => entry.digest)).toEqual([platform.digest]);
    expect((await target.referrers(statement.digest)).map((entry) => entry.digest)).toEqual([deep.digest]);
    const tag = digest.replace(':', '-');
    expect([(await target.head(`${tag}.sig`))?.digest, (await target.head(`${tag}.att`))?.digest]).toEqual([sig, att]);
    const tags = await target.tags();
    expect(await copyImage(source, target, digest, everything)).toEqual({
      moved: 0,
      reused: first.moved + first.reused,
    });
    expect([await target.tags(), tags.includes('v1')]).toEqual([tags, false]);
  });

  it.skipIf(!possible || findProgram('skopeo') === null)('is read by skopeo (needs skopeo)', async () => {
    await copyImage(source, target, image.digest, everything);
    const reference = `docker://${target.name}@${image.digest}`;
    const { stdout } = await run('skopeo', ['inspect', '--raw', '--tls-verify=false', reference], {
      timeoutMs: 30_000,
    });
    expect(stdout).toBe(Buffer.from((await source.manifest(image.digest)).bytes).toString());
  });

  it.skipIf(!possible || findProgram('oras') === null)('shows its referrers to oras (needs oras)', async () => {
    await copyImage(source, target, image.digest, everything);
    const { stdout } = await run(
      'oras',
      ['discover', '--plain-http', '--format', 'json', `${target.name}@${image.digest}`],
      { timeoutMs: 30_000 },
    );
    expect(stdout).toContain(image.statement.digest);
  });
});

describe('a copy', () => {
  it('on the same host mounts all blobs and moves none', async () => {
    const host = await started(startRegistry());
    const image = await pushAll(open(host, 'acme/x'));
    const copied = await copyImage(open(host, 'acme/x'), open(host, 'acme/alias'), image.digest, { everything: false });
    expect(copied.moved).toBe(0);
    expect(await pull(open(host, 'acme/alias'), image.digest)).toBe(image.digest);
    expect(await open(host, 'acme/alias').referrers(image.digest)).toEqual([]);
  });

  it('mounts from a neighbour of the target what that has already', async () => {
    const [one, two] = [await started(startRegistry()), await started(startRegistry())];
    const { digest } = await pushBaseImage(open(one, 'acme/x'));
    await copyImage(open(one, 'acme/x'), open(two, 'm/x'), digest, everything);
    const near = [open(two, 'm/x').name];
    expect((await copyImage(open(one, 'acme/x'), open(two, 'm/y'), digest, { everything: true, near })).moved).toBe(0);
  });

  it('that was broken off goes on where it was', async () => {
    const [one, two] = [await started(startRegistry()), await started(startRegistry())];
    const files = Object.fromEntries(Array.from({ length: 8 }, (_, at) => [`f${at}`, 'x'.repeat(1000 + at)]));
    const { digest } = await pushBaseImage(open(one, 'acme/x'), { files, platforms: ['linux/amd64'] });
    const [from, to] = [open(one, 'acme/x'), open(two, 'm/x')];
    two.faults.push({ kind: 'status', status: 500, method: 'PUT', path: /manifests/, times: 3 });
    await expect(copyImage(from, to, digest, everything)).rejects.toMatchObject({ code: 'registry-unavailable' });
    expect((await copyImage(from, to, digest, everything)).moved).toBe(0);
    expect(await compareImage(from, to, digest)).toEqual([]);
  });

  it('ends when it is cancelled, leaving no manifest', async () => {
    const [one, two] = [await started(startRegistry()), await started(startRegistry())];
    const { digest } = await pushBaseImage(open(one, 'acme/x'));
    const stop = new AbortController();
    const throttle = async () => stop.abort();
    const copying = copyImage(open(one, 'acme/x'), open(two, 'm/x'), digest, {
      everything: true,
      signal: stop.signal,
      throttle,
    });
    await expect(copying).rejects.toMatchObject({ code: 'cancelled' });
    expect(await open(two, 'm/x').head(digest)).toBeNull();
  });

  it('is found wanting when a blob, a statement or a signature is gone from it', async () => {
    const [one, two] = [await started(startRegistry()), await started(startRegistry({ referrers: true }))];
    const [from, to] = [open(one, 'acme/x'), open(two, 'm/x')];
    const image = await pushAll(from);
    await copyImage(from, to, image.digest, everything);
    await to.deleteManifest(image.platform.digest);
    await to.removeTag(`${image.digest.replace(':', '-')}.sig`);
    const [blob] = two.storage.repository('m/x').blobs;
    two.storage.repository('m/x').blobs.delete(blob ?? '');
    const differences = await compareImage(from, to, image.digest);
    expect(differences).toEqual(
      expect.arrayContaining([
        `manifest ${image.platform.digest} is missing`,
        `${image.platform.digest} is not listed as referring to ${image.amd64}`,
        `blob ${blob} is missing`,
        `${image.digest.replace(':', '-')}.sig is missing`,
      ]),
    );
    await copyImage(from, to, image.digest, everything);
    expect(await compareImage(from, to, image.digest)).toEqual([]);
  });
});

const cosign = findProgram('cosign') !== null && real;

describe.skipIf(!cosign)('a signature of stock cosign (needs cosign and docker-registry)', () => {
  it('verifies on the copy as on the original', async () => {
    const [one, two] = [await started(startDistribution()), await started(startDistribution())];
    const [from, to] = [open(one, 'acme/x'), open(two, 'mirror/x')];
    const { digest } = await pushBaseImage(from);
    const cwd = await mkdtemp(join(tmpdir(), 'copy-cosign-'));
    const options = { cwd, env: { COSIGN_PASSWORD: '' }, timeoutMs: 60_000 };
    try {
      await run('cosign', ['generate-key-pair'], options);
      const sign = ['sign', '--key', 'cosign.key', '--tlog-upload=false', '--allow-insecure-registry', '--yes'];
      await run('cosign', [...sign, `${from.name}@${digest}`], options);
      const verify = ['verify', '--key', 'cosign.pub', '--insecure-ignore-tlog=true', '--allow-insecure-registry'];
      const before = await run('cosign', [...verify, `${to.name}@${digest}`], { ...options, check: false });
      await copyImage(from, to, digest, everything);
      const after = await run('cosign', [...verify, `${to.name}@${digest}`], { ...options, check: false });
      expect([before.exitCode === 0, after.exitCode]).toEqual([false, 0]);
    } finally {
      await rm(cwd, { recursive: true, force: true });
    }
  });
});
