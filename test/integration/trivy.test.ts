import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { find, run } from '../../src/exec.ts';
import { silentLogger } from '../../src/log.ts';
import { RegistryClient } from '../../src/registry/client.ts';
import { gate } from '../../src/scan/gate.ts';
import { scanImage, type TrivyParts } from '../../src/scan/trivy.ts';
import { type BaseImage, pushBaseImage, type RegistryStandIn, startRegistry } from '../support/registry/index.ts';
import { SAMPLE_DATABASE, writeTrivyDatabase } from '../support/trivy/database.ts';

// Also where `go install` puts it.
const path = [process.env.PATH ?? '', join(homedir(), 'go', 'bin')].join(delimiter);
const trivy = await find('trivy', path);

const debian = {
  'etc/os-release': 'ID=debian\nVERSION_ID="12"\nPRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\n',
  'etc/debian_version': '12.11\n',
  'var/lib/dpkg/status':
    'Package: tiny-ssl\nStatus: install ok installed\nVersion: 1.0-1\nArchitecture: amd64\nMaintainer: nobody\n\n',
};
const python = {
  'usr/lib/python3/dist-packages/tiny_py-1.0.0.dist-info/METADATA':
    'Metadata-Version: 2.1\nName: tiny-py\nVersion: 1.0.0\n',
};

describe.skipIf(trivy === null)(`the real Trivy${trivy === null ? ' (skipped: it is not installed)' : ''}`, () => {
  let folder: string;
  let registry: RegistryStandIn;
  let parts: TrivyParts;
  let database: { version: number; updatedAt: string };
  let base: BaseImage;
  let image: BaseImage;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'publisher-trivy-'));
    const cacheDir = join(folder, 'cache');
    database = await writeTrivyDatabase(cacheDir, SAMPLE_DATABASE);
    registry = await startRegistry({ anonymousPull: false, tokenLifeMs: 60_000 });
    const client = new RegistryClient({
      ...{ fetch, clock: systemClock, logger: silentLogger, userAgent: 'test' },
      credentials: async () => ({ username: 'robot', password: 'secret' }),
    });
    const target = (repository: string) => client.repository({ registry: registry.host, repository });
    base = await pushBaseImage(target('library/base'), { files: debian });
    image = await pushBaseImage(target('acme/hf-tiny'), { files: { ...debian, ...python } });
    await mkdir(join(folder, 'docker'));
    const auths = { [registry.host]: { auth: Buffer.from('robot:secret').toString('base64') } };
    await writeFile(join(folder, 'docker', 'config.json'), JSON.stringify({ auths }));
    const env = { PATH: path, TRIVY_SKIP_DB_UPDATE: 'true', TRIVY_SKIP_JAVA_DB_UPDATE: 'true' };
    parts = { run, find, env, cacheDir, redact: (text) => text };
  });
  afterAll(async () => {
    await registry?.close();
    if (folder !== undefined) await rm(folder, { recursive: true, force: true });
  });

  const scan = (repository: string, digest: string, dockerConfig: string | null = join(folder, 'docker')) =>
    scanImage(parts, { reference: `${registry.host}/${repository}@${digest}`, platform: 'linux/amd64', dockerConfig });

  test('finds what the database knows about an image in a registry that wants a login', async () => {
    const result = await scan('acme/hf-tiny', image.digest);
    expect(result).toMatchObject({
      status: 'scanned',
      reason: null,
      summary: { critical: 1, high: 1, low: 1, fixable: 2 },
      database,
    });
    expect(
      result.findings.map((finding) => [finding.id, finding.package, finding.installed, finding.fixed, finding.type]),
    ).toEqual([
      ['CVE-2026-1000', 'tiny-ssl', '1.0-1', '2.0-1', 'debian'],
      ['CVE-2026-2000', 'tiny-py', '1.0.0', '1.5.0', 'python-pkg'],
      ['CVE-2026-1001', 'tiny-ssl', '1.0-1', null, 'debian'],
    ]);
    expect(result.findings[1]).toMatchObject({
      class: 'lang-pkgs',
      packagePath: 'usr/lib/python3/dist-packages/tiny_py-1.0.0.dist-info/METADATA',
      title: 'tiny-py: runs too much',
    });
  });

  test("tells an image's own findings from those of its base", async () => {
    const [ours, bare] = [await scan('acme/hf-tiny', image.digest), await scan('library/base', base.digest)];
    const settings = {
      failOn: ['critical' as const, 'high' as const],
      ignoreUnfixed: true,
      baseFindings: 'warn' as const,
      ignore: [],
    };
    const answer = gate(ours, bare, settings, '2026-11-21');
    expect(answer.notes).toEqual([]);
    expect([answer.failing.map(({ id }) => id), answer.fromBase.map(({ id }) => id)]).toEqual([
      ['CVE-2026-2000'],
      ['CVE-2026-1000'],
    ]);
  });

  test('without the login says that it was refused', async () => {
    const result = await scan('acme/hf-tiny', image.digest, null);
    expect(result).toMatchObject({
      status: 'not-scanned',
      reason: expect.stringMatching(/exit code 1: run error: .*UNAUTHORIZED/),
    });
  });

  test('of an image that is not there says so', async () => {
    const result = await scan('acme/hf-tiny', `sha256:${'0'.repeat(64)}`);
    expect(result).toMatchObject({ status: 'not-scanned', reason: expect.stringContaining('MANIFEST_UNKNOWN') });
  });
});
