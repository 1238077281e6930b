import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run } from '../../src/exec.ts';
import { attachedStatements } from '../../src/publish/attest/attached.ts';
import { COSIGN_TYPES, PREDICATE_TYPES } from '../../src/publish/attest/predicate-types.ts';
import type { RegistryRepository } from '../../src/registry/client.ts';
import {
  attesterWith,
  cosignKeys,
  type KeyPair,
  type PublishedImage,
  publishImage,
  signingWith,
} from '../support/attest/attestations.ts';
import { openWorkshop, type Workshop } from '../support/build/workshop.ts';
import { type HubStandIn, startHub } from '../support/hub/server.ts';
import { tinyModel } from '../support/hub/tiny.ts';
import { type Distribution, findProgram, pushBaseImage, startDistribution } from '../support/registry/index.ts';

const missing = ['docker-registry', 'cosign'].filter((program) => findProgram(program) === null);
const signal = AbortSignal.timeout(300_000);

describe.skipIf(missing.length > 0)(`signing with cosign (needs ${missing.join(' and ') || 'nothing more'})`, () => {
  let hub: HubStandIn;
  let registry: Distribution;
  let keys: KeyPair;
  let others: KeyPair;
  let workshop: Workshop;
  let repository: RegistryRepository;
  let second: RegistryRepository;
  let image: PublishedImage;
  let trustedRoot: string;

  beforeAll(async () => {
    hub = await startHub({ models: [tinyModel({ id: 'acme/tiny' })] });
    registry = await startDistribution();
    keys = await cosignKeys();
    others = await cosignKeys();
    workshop = openWorkshop(hub.url);
    await pushBaseImage(workshop.repository(registry.host, 'base/runtime'), { tag: 'v1' });
    repository = workshop.repository(registry.host, 'acme/hf-tiny');
    second = workshop.repository(registry.host, 'mirror/hf-tiny');
    image = await publishImage(workshop, `${registry.host}/base/runtime:v1`, 'fat', [repository, second]);
    trustedRoot = join(keys.publicKey, '..', 'trusted-root.json');
    await run('cosign', ['trusted-root', 'create', '--out', trustedRoot]);
  });
  afterAll(async () => {
    await registry?.close();
    await hub?.close();
    await keys?.remove();
    await others?.remove();
  });

  const cosign = async (args: string[], key = keys, place = repository, digest: string = image.digest) => {
    const { exitCode, stderr } = await run(
      'cosign',
      [
        ...args,
        '--key',
        key.publicKey,
        '--insecure-ignore-tlog=true',
        '--allow-insecure-registry',
        `${place.name}@${digest}`,
      ],
      { check: false },
    );
    return exitCode === 0 ? 'accepted' : stderr;
  };
  const bundled = () => ['--new-bundle-format', '--trusted-root', trustedRoot];

  it('makes stock cosign accept the signature and every statement, in every repository, both ways', async () => {
    const attester = attesterWith(signingWith({ kind: 'file', path: keys.privateKey }));
    const attested = await attester.attest(image.digest, [repository, second], image.facts, signal);
    expect(attested).toMatchObject({ signed: true });
    expect(attested.attestations.map(({ predicateType }) => predicateType)).toEqual([...PREDICATE_TYPES]);
    expect(attested.notes).toContain(
      'Signed with the configured key, and not written to a transparency log (COSIGN_TLOG=off).',
    );
    for (const place of [repository, second]) {
      expect(await cosign(['verify'], keys, place)).toBe('accepted');
      for (const type of PREDICATE_TYPES) {
        expect(await cosign(['verify-attestation', '--type', COSIGN_TYPES[type]], keys, place)).toBe('accepted');
        expect(await cosign(['verify-attestation', '--type', COSIGN_TYPES[type], ...bundled()], keys, place)).toBe(
          'accepted',
        );
      }
    }
  });

  it('is refused under another key', async () => {
    expect(await cosign(['verify'], others)).not.toBe('accepted');
    expect(await cosign(['verify-attestation', '--type', 'slsaprovenance1'], others)).not.toBe('accepted');
    expect(await cosign(['verify-attestation', '--type', 'slsaprovenance1', ...bundled()], others)).not.toBe(
      'accepted',
    );
  });

  it('writes nothing a second time, also with the key in the environment', async () => {
    const before = await state();
    const pem = await readFile(keys.privateKey, 'utf8');
    const again = await attesterWith(signingWith({ kind: 'pem', pem })).attest(
      image.digest,
      [repository, second],
      { ...image.facts, source: { ...image.facts.source, commit: 'd'.repeat(40) } },
      signal,
    );
    expect(again.attestations).toHaveLength(PREDICATE_TYPES.length);
    expect(await state()).toEqual(before);
  });

  /** Everything that lies beside the image, in both repositories. */
  async function state() {
    const all = [];
    for (const place of [repository, second]) {
      all.push(
        await place.tags(),
        (await place.referrers(image.digest)).map(({ digest }) => digest),
      );
      const found = await attachedStatements(place, image.digest);
      all.push(found.map(({ content, place: where }) => [where, content.descriptor.digest]));
      for (const tag of (await place.tags()).filter((name) => name.startsWith('sha256-'))) {
        all.push((await place.manifest(tag)).digest);
      }
    }
    return all;
  }
});
