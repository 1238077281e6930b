import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readEnvironment } from '../../src/environment.ts';
import { silentLogger } from '../../src/log.ts';
import { createAttester } from '../../src/publish/attest/create-attester.ts';
import { parseReference } from '../../src/registry/reference.ts';
import { createServices } from '../../src/services.ts';
import { cosignKeys, type KeyPair, type PublishedImage, publishImage } from '../support/attest/attestations.ts';
import { openWorkshop } from '../support/build/workshop.ts';
import { cli } from '../support/cli/cli.ts';
import { type HubStandIn, startHub } from '../support/hub/server.ts';
import { tinyModel } from '../support/hub/tiny.ts';
import { findProgram, pushBaseImage, type RegistryStandIn, startRegistry } from '../support/registry/index.ts';

const found = findProgram('cosign') !== null;

describe.skipIf(!found)(`the attester of an owner${found ? '' : ' (skipped: cosign is not on PATH)'}`, () => {
  let folder: string;
  let hub: HubStandIn;
  let registry: RegistryStandIn;
  let keys: KeyPair;
  let image: PublishedImage;
  let variables: Record<string, string>;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'publisher-attester-'));
    hub = await startHub({ models: [tinyModel({ id: 'acme/tiny' })] });
    registry = await startRegistry({ anonymousPull: false, tokenLifeMs: 60_000 });
    keys = await cosignKeys();
    const workshop = openWorkshop(hub.url);
    await pushBaseImage(workshop.repository(registry.host, 'base/runtime'), {
      tag: 'v1',
      files: {
        'etc/os-release': 'ID=debian\nVERSION_ID="12"\n',
        'var/lib/dpkg/status':
          'Package: tiny-ssl\nStatus: install ok installed\nVersion: 1.0-1\nArchitecture: amd64\nMaintainer: nobody\n\n',
      },
    });
    const repository = workshop.repository(registry.host, 'acme/hf-tiny');
    image = await publishImage(workshop, `${registry.host}/base/runtime:v1`, 'slim', [repository]);
    const auths = { [registry.host]: { auth: Buffer.from('robot:secret').toString('base64') } };
    await mkdir(join(folder, 'logins', 'acme'), { recursive: true });
    await writeFile(join(folder, 'logins', 'acme', 'config.json'), JSON.stringify({ auths }));
    variables = {
      HF_ENDPOINT: hub.url,
      DATA_DIR: join(folder, 'data'),
      REGISTRY_AUTH_DIR: join(folder, 'logins'),
      COSIGN_PRIVATE_KEY: keys.privateKey,
      PATH: process.env.PATH ?? '',
      TRIVY_CACHE_DIR: join(folder, 'trivy'),
    };
  });
  afterAll(async () => {
    await registry?.close();
    await hub?.close();
    await keys?.remove();
    await rm(folder, { recursive: true, force: true });
  });

  it("signs with the owner's logins, lists the base's packages where Trivy is there, and is verified", async () => {
    const services = await createServices({
      environment: readEnvironment(variables, 'command'),
      logger: silentLogger,
      as: 'command',
    });
    const target = services.target(parseReference(`${registry.host}/acme/hf-tiny`), 'acme');
    const attester = await createAttester(services, 'acme', variables);
    const attested = await attester.attest(image.digest, [target], image.facts, AbortSignal.timeout(120_000));
    expect(attested).toMatchObject({ signed: true });
    const packages = attested.notes.filter((note) => note.includes('not enumerated'));
    expect(packages).toHaveLength(findProgram('trivy') === null ? 1 : 0);
    const reference = `${registry.host}/acme/hf-tiny:v1`;
    // The public half of the private key, and the key itself where there is no other.
    for (const [args, more] of [
      [[], variables],
      [['--key', keys.publicKey], { ...variables, COSIGN_PRIVATE_KEY: '' }],
    ] as const) {
      const told = await cli(['verify', reference, '--owner', 'acme', '--no-catalog', ...args], more);
      expect([told.code, told.stderr, told.stdout]).toEqual([0, '', expect.stringContaining(': verified')]);
    }
  }, 180_000);
});
