import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { attachedStatements } from '../../src/publish/attest/attached.ts';
import type { BasePackages } from '../../src/publish/attest/base-packages.ts';
import { PAYLOAD_TYPE } from '../../src/publish/attest/dsse.ts';
import { placeReferrer, prepareReferrer } from '../../src/publish/attest/place.ts';
import { PREDICATE_TYPES, SCAN } from '../../src/publish/attest/predicate-types.ts';
import { statementOf } from '../../src/publish/attest/statement.ts';
import type { RegistryRepository } from '../../src/registry/client.ts';
import { digestOf } from '../../src/registry/digest.ts';
import type { Digest } from '../../src/registry/types.ts';
import type { ScanResult } from '../../src/scan/types.ts';
import { attesterWith, NO_SIGNING, type PublishedImage, publishImage } from '../support/attest/attestations.ts';
import { openWorkshop, type Workshop } from '../support/build/workshop.ts';
import { type HubStandIn, startHub } from '../support/hub/server.ts';
import { tinyModel } from '../support/hub/tiny.ts';
import { pushBaseImage, type RegistryStandIn, startRegistry } from '../support/registry/index.ts';

const signal = AbortSignal.timeout(120_000);
const listed: BasePackages = { kind: 'listed', packages: [{ name: 'tiny-ssl', version: '1.0-1', purl: null }] };
const scan: ScanResult = {
  status: 'scanned',
  reference: 'x',
  reason: null,
  summary: { critical: 0, high: 0, medium: 0, low: 0, unknown: 0, fixable: 0 },
  findings: [],
  database: { version: 2, updatedAt: null },
};

let hub: HubStandIn;
let registry: RegistryStandIn;
let workshop: Workshop;
let image: PublishedImage;
let repositories: [RegistryRepository, RegistryRepository];
let count = 0;

beforeAll(async () => {
  hub = await startHub({ models: [tinyModel({ id: 'acme/tiny' })] });
  registry = await startRegistry();
  workshop = openWorkshop(hub.url);
  await pushBaseImage(workshop.repository(registry.host, 'base/runtime'), { tag: 'v1' });
});
afterAll(async () => {
  await hub.close();
  await registry.close();
});
beforeEach(async () => {
  count += 1;
  repositories = [
    workshop.repository(registry.host, `acme/one-${count}`),
    workshop.repository(registry.host, `acme/two-${count}`),
  ];
  image = await publishImage(workshop, `${registry.host}/base/runtime:v1`, 'slim', repositories);
});

const attest = (facts = image.facts, targets: RegistryRepository[] = repositories, packages?: BasePackages) =>
  attesterWith(NO_SIGNING, packages).attest(image.digest, targets, facts, signal);

async function writes(action: () => Promise<unknown>): Promise<number> {
  const before = registry.requests.length;
  await action();
  return registry.requests.slice(before).filter(({ method }) => ['PUT', 'POST', 'PATCH', 'DELETE'].includes(method))
    .length;
}

describe('statements that nobody signs', () => {
  it('lie beside the image in every repository, the same in each, and it is said that nothing is signed', async () => {
    const attested = await attest();
    expect(attested.signed).toBe(false);
    expect(attested.attestations.map(({ predicateType, signed }) => [predicateType, signed])).toEqual(
      PREDICATE_TYPES.map((type) => [type, false]),
    );
    expect(attested.notes).toEqual([
      'SBOM: base packages not enumerated: Trivy is not installed.',
      'Nothing is signed: no key and no identity is configured.',
      'Stated as not scanned: nobody scanned it.',
    ]);
    for (const repository of repositories) {
      const digests = (await repository.referrers(image.digest)).map(({ digest }) => digest);
      expect(digests.sort()).toEqual(attested.attestations.map(({ digest }) => digest).sort());
      const found = await attachedStatements(repository, image.digest);
      expect(found.map(({ statement }) => statement.predicateType).sort()).toEqual([...PREDICATE_TYPES].sort());
    }
  });

  it('are not written again, also by another commit of the catalog', async () => {
    const first = await attest();
    expect(await writes(() => attest())).toBe(0);
    const facts = { ...image.facts, source: { ...image.facts.source, commit: 'f'.repeat(40) } };
    expect(await writes(() => attest(facts))).toBe(0);
    expect((await attest()).attestations).toEqual(first.attestations);
  });

  it('are put beside what others state of the image, which is neither copied nor recorded', async () => {
    const { mediaType, bytes } = await repositories[0].manifest(image.digest);
    const subject = { mediaType, digest: image.digest, size: bytes.byteLength };
    const foreign: Digest[] = [];
    for (const predicateType of PREDICATE_TYPES) {
      const text = statementOf('hf-tiny', image.digest, predicateType, {});
      const content = { predicateType, artifactType: PAYLOAD_TYPE, bytes: new TextEncoder().encode(text) };
      const prepared = prepareReferrer(subject, content, false, (data, type) => {
        return { mediaType: type, digest: digestOf(data), size: data.byteLength };
      });
      foreign.push((await placeReferrer(repositories[0], image.digest, prepared, signal)).digest);
    }
    const { attestations } = await attest();
    expect(attestations.map(({ predicateType }) => predicateType)).toEqual(PREDICATE_TYPES);
    expect(attestations.filter(({ digest }) => foreign.includes(digest))).toEqual([]);
    const [there, copied] = await Promise.all(repositories.map((each) => attachedStatements(each, image.digest)));
    expect([there?.length, copied?.length]).toEqual([2 * PREDICATE_TYPES.length, PREDICATE_TYPES.length]);
    expect(await writes(() => attest())).toBe(0);
  });

  it('are taken from the repository that has them where another lacks them', async () => {
    const first = await attest(image.facts, [repositories[0]]);
    const both = await attest();
    expect(both.attestations).toEqual(first.attestations);
    expect(await writes(() => attest())).toBe(0);
  });

  it('are added to once there is more to say: a scan, the packages of the base', async () => {
    await attest();
    const facts = { ...image.facts, scan };
    const more = await attest(facts, repositories, listed);
    expect(more.notes).toEqual(['Nothing is signed: no key and no identity is configured.']);
    const found = await attachedStatements(repositories[0], image.digest);
    expect(found.filter(({ statement }) => statement.predicateType === SCAN)).toHaveLength(2);
    expect(await writes(() => attest(facts, repositories, listed))).toBe(0);
  });
});
