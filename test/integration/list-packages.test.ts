import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { find, run } from '../../src/exec.ts';
import { listPackages } from '../../src/publish/attest/list-packages.ts';
import { openWorkshop } from '../support/build/workshop.ts';
import { type BaseImage, pushBaseImage, type RegistryStandIn, startRegistry } from '../support/registry/index.ts';

const trivy = await find('trivy');
const signal = AbortSignal.timeout(120_000);

const base = {
  platforms: ['linux/amd64', 'linux/arm64'],
  files: {
    'etc/os-release': 'ID=debian\nVERSION_ID="12"\n',
    'etc/debian_version': '12.11\n',
    'var/lib/dpkg/status':
      'Package: tiny-ssl\nStatus: install ok installed\nVersion: 1.0-1\nArchitecture: amd64\nMaintainer: nobody\n\n',
    'usr/lib/python3/dist-packages/tiny_py-1.0.0.dist-info/METADATA':
      'Metadata-Version: 2.1\nName: tiny-py\nVersion: 1.0.0\n',
  },
};

test('without Trivy says that nobody listed them', async () => {
  const parts = { run, find, env: { PATH: '/nonexistent' }, cacheDir: null, redact: (text: string) => text };
  expect(await listPackages(parts, [], null)).toEqual({ kind: 'not-listed', why: 'Trivy is not installed' });
});

describe.skipIf(trivy === null)(`the real Trivy${trivy === null ? ' (skipped: it is not on PATH)' : ''}`, () => {
  let folder: string;
  let registry: RegistryStandIn;
  let image: BaseImage;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'publisher-packages-'));
    registry = await startRegistry();
    image = await pushBaseImage(openWorkshop('http://127.0.0.1:1').repository(registry.host, 'library/base'), base);
  });
  afterAll(async () => {
    await registry?.close();
    if (folder !== undefined) await rm(folder, { recursive: true, force: true });
  });

  const list = (digests: string[]) =>
    listPackages(
      { run, find, env: { PATH: process.env.PATH }, cacheDir: join(folder, 'cache'), redact: (text) => text },
      digests.map((digest) => `${registry.host}/library/base@${digest}`),
      null,
      signal,
    );

  test("lists a base's packages over its platforms, each once, without a vulnerability database", async () => {
    const found = await list(image.manifests.map(({ descriptor }) => descriptor.digest));
    if (found.kind !== 'listed') throw new Error(found.why);
    expect(found.packages.map(({ name, version }) => [name, version])).toEqual(
      expect.arrayContaining([
        ['tiny-ssl', '1.0-1'],
        ['tiny-py', '1.0.0'],
      ]),
    );
    const purls = found.packages.map(({ purl }) => purl);
    expect(new Set(purls).size).toBe(purls.length);
  });

  test('of an image that is not there gives the reason', async () => {
    expect(await list([`sha256:${'0'.repeat(64)}`])).toMatchObject({
      kind: 'not-listed',
      why: expect.stringContaining('MANIFEST_UNKNOWN'),
    });
  });
});
