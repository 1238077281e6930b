import { generateKeyPairSync } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { attesterWith, type PublishedImage, publishImage } from '../../support/attest/attestations.ts';
import { openWorkshop } from '../../support/build/workshop.ts';
import { cli } from '../../support/cli/cli.ts';
import { type HubStandIn, startHub } from '../../support/hub/server.ts';
import { tinyModel } from '../../support/hub/tiny.ts';
import { pushBaseImage, type RegistryStandIn, startRegistry } from '../../support/registry/index.ts';

let hub: HubStandIn;
let registry: RegistryStandIn;
let folder: string;
let image: PublishedImage;
let reference: string;
let key: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'publisher-verify-'));
  hub = await startHub({ models: [tinyModel({ id: 'acme/tiny' })] });
  registry = await startRegistry();
  const workshop = openWorkshop(hub.url);
  const repository = workshop.repository(registry.host, 'acme/hf-tiny');
  await pushBaseImage(workshop.repository(registry.host, 'base/runtime'), { tag: 'v1' });
  image = await publishImage(workshop, `${registry.host}/base/runtime:v1`, 'fat', [repository]);
  await attesterWith().attest(image.digest, [repository], image.facts, AbortSignal.timeout(60_000));
  reference = `${registry.host}/acme/hf-tiny:v1`;
  key = join(folder, 'other.pub');
  const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  await writeFile(key, publicKey.export({ type: 'spki', format: 'pem' }));
});
afterAll(async () => {
  await hub.close();
  await registry.close();
  await rm(folder, { recursive: true, force: true });
});

const verify = (args: string[], variables: Record<string, string> = {}) =>
  cli(['verify', ...args], { HF_ENDPOINT: hub.url, DATA_DIR: join(folder, 'data'), ...variables });

describe('verify', () => {
  it('of an unsigned image is a doubt, and says which', async () => {
    const told = await verify([reference, '--json']);
    expect(told.code).toBe(1);
    expect(told.json()).toMatchObject({ reference, digest: image.digest, ok: false });
    expect(told.stdout).toContain('it is not signed');
  });

  it('is content with an unsigned image where that is allowed', async () => {
    const told = await verify([`${registry.host}/acme/hf-tiny@${image.digest}`, '--allow-unsigned', '--no-catalog']);
    expect([told.code, told.stderr]).toEqual([0, '']);
    expect(told.stdout).toMatch(/: verified\n/);
    expect(told.stdout).toMatch(/weights +ok: \d+ files agree with the Hub's hashes/);
  });

  it('doubts an image that a catalog it was told does not have, and says where it held it against none', async () => {
    const file = join(folder, 'models.yaml');
    await writeFile(
      file,
      `defaults: {base_image: "${registry.host}/base/runtime:v1"}\nmodels: [{id: acme/tiny, short: tiny}]\n`,
    );
    const args = [reference, '--allow-unsigned'];
    const where = process.cwd();
    const empty = join(folder, 'empty');
    await mkdir(empty);
    try {
      process.chdir(empty);
      const without = await verify(args);
      expect([without.code, without.stdout]).toEqual([
        0,
        expect.stringMatching(/catalog +not checked: .*--no-catalog/),
      ]);
      const other = join(folder, 'other.yaml');
      await writeFile(other, 'models: [{id: acme/other, short: other}]\n');
      expect((await verify([...args, '--catalog', other])).code).toBe(1);
      expect((await verify([...args, '--no-catalog'])).code).toBe(0);
      expect((await verify([...args, '--catalog', 'models.yaml'])).code).toBe(2);
      process.chdir(folder);
      const found = await verify(args);
      expect([found.code, found.stdout]).toEqual([0, expect.stringMatching(/catalog +ok: /)]);
    } finally {
      process.chdir(where);
    }
    const both = await verify([...args, '--catalog', file, '--no-catalog']);
    expect([both.code, both.stderr]).toEqual([2, expect.stringContaining('exclude each other')]);
  });

  it('with a key wants its signature, however it is given', async () => {
    for (const [args, variables] of [
      [['--key', key], {}],
      [[], { COSIGN_PUBLIC_KEY: key }],
    ] as const) {
      const told = await verify([reference, '--shallow', ...args], variables);
      expect(told.code).toBe(1);
      expect(told.stdout).toMatch(/signature +FAILED: it is not signed/);
    }
  });

  it('answers 3 when the registry or the Hub does not answer', async () => {
    const nobody = 'http://127.0.0.1:9';
    expect((await verify([reference, '--allow-unsigned'], { HF_ENDPOINT: nobody })).code).toBe(3);
    expect((await verify(['127.0.0.1:9/acme/hf-tiny:v1'])).code).toBe(3);
  }, 60_000);

  it.each([
    [['--certificate-identity', 'me'], /belong together/],
    [['--key', 'x', '--certificate-identity', 'me', '--certificate-oidc-issuer', 'y'], /exclude each other/],
  ])('refuses %j', async (args, message) => {
    const told = await verify([reference, ...args]);
    expect(told.code).toBe(2);
    expect(told.stderr).toMatch(message);
  });

  it('refuses what is no public key', async () => {
    const file = join(folder, 'none.pub');
    await writeFile(file, 'nothing');
    const told = await verify([reference, '--key', file]);
    expect([told.code, told.stderr]).toEqual([2, expect.stringContaining('is no public key in PEM')]);
  });
});
