import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run } from '../../src/exec.ts';
import { type Attached, attachedStatements, cosignTag } from '../../src/publish/attest/attached.ts';
import { BUNDLE_TYPE, bundleOf } from '../../src/publish/attest/bundle.ts';
import { readPublicKey } from '../../src/publish/attest/dsse.ts';
import { placeReferrer, prepareReferrer } from '../../src/publish/attest/place.ts';
import { COSIGN_TYPES, PREDICATE_TYPES, PROVENANCE } from '../../src/publish/attest/predicate-types.ts';
import { verifyImage } from '../../src/publish/verify/verify.ts';
import type { RegistryRepository } from '../../src/registry/client.ts';
import { blobOf } from '../../src/registry/content.ts';
import { digestOf } from '../../src/registry/digest.ts';
import { OCI_CONFIG, OCI_MANIFEST } from '../../src/registry/media-types.ts';
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
      // cosign takes its time: in the second repository one statement stands for all.
      for (const type of place === repository ? PREDICATE_TYPES : ([PROVENANCE] as const)) {
        expect(await cosign(['verify-attestation', '--type', COSIGN_TYPES[type]], keys, place)).toBe('accepted');
        expect(await cosign(['verify-attestation', '--type', COSIGN_TYPES[type], ...bundled()], keys, place)).toBe(
          'accepted',
        );
      }
    }
  }, 180_000);

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

  it('lets our own verify accept it, and no other key', async () => {
    const verify = async (key: KeyPair) =>
      verifyImage('image', 'v1', {
        source: repository,
        hub: workshop.hub,
        trust: { kind: 'key', key: readPublicKey(await readFile(key.publicKey, 'utf8'), 'the key') },
        allowUnsigned: false,
        shallow: false,
        catalog: null,
        catalogNamed: true,
        signal,
      });
    const done = await verify(keys);
    expect(done.checks.filter(({ status }) => status !== 'passed')).toEqual([]);
    expect(done.ok).toBe(true);
    const refused = await verify(others);
    expect(refused.ok).toBe(false);
    expect(refused.checks.filter(({ status }) => status === 'failed').map(({ check }) => check)).toEqual(
      expect.arrayContaining(['signature', 'attestation:provenance', 'attestation:scan', 'provenance']),
    );
  });

  it('is refused by cosign and by us once a statement was tampered with', async () => {
    const found = await attachedStatements(repository, image.digest);
    const bundle = found.find(({ place, statement }) => place === 'referrer' && statement.predicateType === PROVENANCE);
    const att = found.find(({ place, statement }) => place === 'att' && statement.predicateType === PROVENANCE);
    if (bundle?.envelope == null || att === undefined) throw new Error('nothing to tamper with');
    const lie = Buffer.from(bundle.envelope.payload, 'base64').toString().replaceAll('acme/tiny', 'evil/tiny');
    const envelope = { ...bundle.envelope, payload: Buffer.from(lie).toString('base64') };
    // Somewhere else, so that nothing genuine lies beside it.
    const elsewhere = workshop.repository(registry.host, 'tampered/hf-tiny');
    const source = await publishImage(workshop, `${registry.host}/base/runtime:v1`, 'fat', [elsewhere]);
    expect(source.digest).toBe(image.digest);
    const { bytes, mediaType } = await elsewhere.manifest(image.digest);
    const subject = { mediaType, digest: image.digest, size: bytes.byteLength };
    const text = new TextEncoder().encode(bundleOf(envelope, 'hint'));
    const prepared = prepareReferrer(
      subject,
      { predicateType: PROVENANCE, artifactType: BUNDLE_TYPE, bytes: text },
      true,
      (content, type) => ({ mediaType: type, digest: digestOf(content), size: content.byteLength }),
    );
    await placeReferrer(elsewhere, image.digest, prepared, signal);
    await attLayer(elsewhere, new TextEncoder().encode(JSON.stringify(envelope)), att);
    const args = ['verify-attestation', '--type', 'slsaprovenance1'];
    expect(await cosign(args, keys, elsewhere)).toMatch(/signature/);
    expect(await cosign([...args, ...bundled()], keys, elsewhere)).not.toBe('accepted');
    const done = await verifyImage('image', image.digest, {
      source: elsewhere,
      hub: workshop.hub,
      trust: { kind: 'key', key: readPublicKey(await readFile(keys.publicKey, 'utf8'), 'the key') },
      allowUnsigned: false,
      shallow: true,
      catalog: null,
      catalogNamed: true,
      signal,
    });
    expect(done.ok).toBe(false);
    expect(done.checks.find(({ check }) => check === 'attestation:provenance')).toMatchObject({
      status: 'failed',
      detail: 'it is not signed by whom it has to be',
    });
  });

  /** Puts one envelope under the `.att` tag, as cosign would. */
  async function attLayer(place: RegistryRepository, envelope: Uint8Array, like: Attached): Promise<void> {
    const config = await place.write(blobOf(Buffer.from('{"rootfs":{"type":"layers","diff_ids":[]}}'), OCI_CONFIG));
    const layer = await place.write(blobOf(envelope, like.content.descriptor.mediaType));
    const { annotations } = like.content.descriptor;
    const manifest = Buffer.from(
      JSON.stringify({ schemaVersion: 2, mediaType: OCI_MANIFEST, config, layers: [{ ...layer, annotations }] }),
    );
    const { digest } = await place.putManifest(manifest, OCI_MANIFEST);
    await place.tag(`${cosignTag(image.digest)}.att`, { bytes: manifest, mediaType: OCI_MANIFEST, digest });
  }

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
