import { beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { buildRequestSchema } from '../../../../src/build/schema.ts';
import { sha256Hex } from '../../../../src/image/hash.ts';
import type { PlannedTarget } from '../../../../src/plan/types.ts';
import type { BasePackages } from '../../../../src/publish/attest/base-packages.ts';
import {
  COSIGN_TYPES,
  CYCLONEDX,
  LICENSE_DECISION,
  PREDICATE_TYPES,
  PROVENANCE,
  SCAN,
  SPDX,
} from '../../../../src/publish/attest/predicate-types.ts';
import { isAbout, parseStatement, statementOf } from '../../../../src/publish/attest/statement.ts';
import { wantedStatements } from '../../../../src/publish/attest/statements.ts';
import { uuidOf } from '../../../../src/publish/attest/uuid.ts';
import type { ScanResult } from '../../../../src/scan/types.ts';

const INDEX = `sha256:${'1'.repeat(64)}` as const;
const BASE = `sha256:${'2'.repeat(64)}` as const;
const SHA = 'a'.repeat(64);
const OID = 'b'.repeat(40);
const REVISION = 'c'.repeat(40);
const source = { repository: 'https://github.com/acme/models', commit: 'd'.repeat(40), path: 'models.yaml' };
const listed: BasePackages = {
  kind: 'listed',
  packages: [{ name: 'tiny-ssl', version: '1.0-1', purl: 'pkg:deb/debian/tiny-ssl@1.0-1' }],
};
const none: BasePackages = { kind: 'not-listed', why: 'Trivy is not installed' };
const scan: ScanResult = {
  status: 'scanned',
  reference: `ghcr.io/acme/hf-tiny@${INDEX}`,
  reason: null,
  summary: { critical: 0, high: 0, medium: 0, low: 0, unknown: 0, fixable: 0 },
  findings: [],
  database: { version: 2, updatedAt: '2026-11-20T12:00:00Z' },
};

let target: PlannedTarget;
beforeAll(() => {
  const files = [
    { path: 'config.json', size: 10, sha256: null, oid: OID, security: null },
    { path: 'sub dir/model.safetensors', size: 20, sha256: SHA, oid: OID, security: null },
  ];
  const license = { declared: 'llama3.1', spdx: 'LicenseRef-llama3.1 AND MIT', class: 'community-conditions' as const };
  const base = { reference: 'docker.io/library/runtime:v1', digest: BASE };
  const request = buildRequestSchema.parse({
    key: 'e'.repeat(64),
    hubId: 'acme/tiny',
    files,
    legal: [],
    unreadable: [],
    lastModified: '2026-01-02T03:04:05.678Z',
    base,
    inputs: {
      model: 'acme/tiny',
      revision: REVISION,
      files: [],
      base: { 'linux/amd64': BASE },
      runtime: 'vllm',
      engine: 'vllm',
      variant: 'fat',
      builder: 'assemble',
      layerLimit: 10,
      short: 'tiny',
      serveArgs: [],
      oci: { title: null, description: null, url: null },
      downloadRoot: '/models',
      hfCacheDir: '/cache',
      legal: [{ path: 'LICENSE', content: `git:${OID}` }],
      license: { ...license, link: null },
      entrypoint: SHA,
      format: 4,
      codes: ['license-permissive'],
    },
  });
  target = {
    model: { id: 'acme/tiny', short: 'tiny' },
    runtime: 'vllm',
    engine: 'vllm',
    variant: 'fat',
    platforms: ['linux/amd64'],
    action: 'build',
    reasons: [{ code: 'license-permissive', effect: 'allows', message: 'Permitted.' }],
    warnings: [],
    revision: REVISION,
    license,
    lineage: [{ id: 'acme/parent', revision: null }],
    gated: false,
    bytes: 30,
    inputs: request.key,
    base,
    files: [],
    reshard: [],
    repository: 'ghcr.io/acme/hf-tiny',
    repositories: ['ghcr.io/acme/hf-tiny'],
    tags: [],
    request,
    awaits: null,
  };
});

const at = (time = '2026-11-21T10:00:00.000Z', result: ScanResult | null = scan, from = source) =>
  wantedStatements(INDEX, { target, source: from, scan: result }, '1.2.3', time);
function predicates(base: BasePackages, wanted = at()) {
  return Object.fromEntries(wanted.map((each) => [COSIGN_TYPES[each.type], each.predicate(base)]));
}

describe('provenance', () => {
  const dependency = z.strictObject({ name: z.string(), uri: z.url(), digest: z.record(z.string(), z.string()) });
  /** SLSA v1.0, the fields it requires. */
  const schema = z.object({
    buildDefinition: z.object({
      buildType: z.url(),
      externalParameters: z.record(z.string(), z.unknown()),
      internalParameters: z.record(z.string(), z.unknown()),
      resolvedDependencies: z.array(dependency),
    }),
    runDetails: z.object({ builder: z.object({ id: z.url(), version: z.record(z.string(), z.string()) }) }),
  });

  it('names the base, the catalog and every file with its address and hash', () => {
    const { buildDefinition } = schema.parse(predicates(listed).slsaprovenance1);
    expect(buildDefinition.externalParameters).toEqual({
      catalog: source,
      model: 'acme/tiny',
      short: 'tiny',
      runtime: 'vllm',
      variant: 'fat',
    });
    expect(buildDefinition.resolvedDependencies).toEqual([
      { name: 'base', uri: `oci://docker.io/library/runtime@${BASE}`, digest: { sha256: '2'.repeat(64) } },
      { name: 'catalog', uri: `git+${source.repository}@${source.commit}`, digest: { gitCommit: source.commit } },
      {
        name: 'config.json',
        uri: `https://huggingface.co/acme/tiny/resolve/${REVISION}/config.json`,
        digest: { gitBlob: OID },
      },
      {
        name: 'sub dir/model.safetensors',
        uri: `https://huggingface.co/acme/tiny/resolve/${REVISION}/sub%20dir/model.safetensors`,
        digest: { sha256: SHA },
      },
    ]);
  });
});

describe('SPDX', () => {
  /** SPDX 2.3 JSON: what is mandatory of document, package and relationship. */
  const item = z.looseObject({
    SPDXID: z.string().regex(/^SPDXRef-[A-Za-z0-9.-]+$/),
    name: z.string().min(1),
    downloadLocation: z.string().min(1),
    filesAnalyzed: z.literal(false),
    checksums: z
      .array(z.strictObject({ algorithm: z.literal('SHA256'), checksumValue: z.string().length(64) }))
      .optional(),
    externalRefs: z
      .array(
        z.strictObject({
          referenceCategory: z.enum(['PACKAGE-MANAGER', 'PERSISTENT-ID']),
          referenceType: z.enum(['purl', 'gitoid']),
          referenceLocator: z.string().regex(/^(pkg:|gitoid:blob:sha1:[0-9a-f]{40}$)/),
        }),
      )
      .optional(),
  });
  const schema = z.object({
    spdxVersion: z.literal('SPDX-2.3'),
    dataLicense: z.literal('CC0-1.0'),
    SPDXID: z.literal('SPDXRef-DOCUMENT'),
    name: z.string(),
    documentNamespace: z.url().refine((text) => !text.includes('#')),
    creationInfo: z.object({
      created: z.string().regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/),
      creators: z.array(z.string().regex(/^(Tool|Person|Organization): /)).min(1),
    }),
    comment: z.string().optional(),
    packages: z.array(item),
    hasExtractedLicensingInfos: z.array(z.object({ licenseId: z.string(), extractedText: z.string() })).optional(),
    relationships: z.array(
      z.strictObject({ spdxElementId: z.string(), relationshipType: z.string(), relatedSpdxElement: z.string() }),
    ),
  });

  it('is a whole document in which every relationship leads somewhere and every own licence is explained', () => {
    const document = schema.parse(predicates(listed).spdxjson);
    const ids = [document.SPDXID, ...document.packages.map(({ SPDXID }) => SPDXID)];
    expect(new Set(ids).size).toBe(ids.length);
    for (const { spdxElementId, relatedSpdxElement } of document.relationships) {
      expect(ids).toEqual(expect.arrayContaining([spdxElementId, relatedSpdxElement]));
    }
    expect(document.hasExtractedLicensingInfos?.map(({ licenseId }) => licenseId)).toEqual(['LicenseRef-llama3.1']);
    expect(document.packages.map(({ name }) => name)).toEqual(
      expect.arrayContaining(['acme/tiny', 'acme/parent', 'config.json', 'sub dir/model.safetensors', 'tiny-ssl']),
    );
    expect(document.comment).toBeUndefined();
  });

  it('says so when the packages of the base are not in it', () => {
    const { comment, packages } = schema.parse(predicates(none).spdxjson);
    expect(comment).toBe('base packages not enumerated: Trivy is not installed');
    expect(packages.some(({ name }) => name === 'tiny-ssl')).toBe(false);
  });
});

describe('CycloneDX', () => {
  const hashes = z.array(z.strictObject({ alg: z.literal('SHA-256'), content: z.string().length(64) })).optional();
  const component = z.looseObject({ type: z.string(), name: z.string().min(1), 'bom-ref': z.string(), hashes });
  const schema = z.object({
    bomFormat: z.literal('CycloneDX'),
    specVersion: z.literal('1.6'),
    serialNumber: z.string().regex(/^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/),
    version: z.literal(1),
    metadata: z.looseObject({ timestamp: z.iso.datetime(), component }),
    components: z.array(component.extend({ components: z.array(component).optional() })),
    dependencies: z.array(z.strictObject({ ref: z.string(), dependsOn: z.array(z.string()) })),
    compositions: z.array(z.object({ aggregate: z.string(), assemblies: z.array(z.string()) })),
  });

  it('has the model with its licence, files, hashes and ancestors, and packages that dependencies name', () => {
    const bom = schema.parse(predicates(listed).cyclonedx);
    const model = bom.components.find(({ type }) => type === 'machine-learning-model');
    expect(model).toMatchObject({
      name: 'acme/tiny',
      version: REVISION,
      purl: `pkg:huggingface/acme/tiny@${REVISION}`,
      licenses: [{ expression: 'LicenseRef-llama3.1 AND MIT' }],
      pedigree: { ancestors: [{ name: 'acme/parent', purl: 'pkg:huggingface/acme/parent' }] },
      components: [
        { name: 'config.json', omniborId: [`gitoid:blob:sha1:${OID}`] },
        { name: 'sub dir/model.safetensors', hashes: [{ alg: 'SHA-256', content: SHA }] },
      ],
    });
    const refs = [bom.metadata.component, ...bom.components].map((each) => each['bom-ref']);
    for (const { ref, dependsOn } of bom.dependencies)
      expect(refs).toEqual(expect.arrayContaining([ref, ...dependsOn]));
  });

  it('says so when the packages of the base are not in it', () => {
    expect(schema.parse(predicates(none).cyclonedx).metadata).toMatchObject({
      properties: [{ name: 'base packages not enumerated', value: 'Trivy is not installed' }],
    });
  });
});

describe('the other statements', () => {
  it('tell the licence decision with its reasons', () => {
    const wanted = at().find(({ type }) => type.includes('license-decision'));
    expect(wanted?.predicate(none)).toMatchObject({
      model: 'acme/tiny',
      variant: 'fat',
      license: { declared: 'llama3.1', spdx: 'LicenseRef-llama3.1 AND MIT', class: 'community-conditions' },
      whitelist: { satisfied: true },
      reasons: [{ code: 'license-permissive', effect: 'allows', message: 'Permitted.' }],
      legalFiles: [{ path: 'LICENSE', content: `git:${OID}` }],
    });
  });

  it('tell the scan, or plainly that there was none', () => {
    expect(predicates(none).vuln).toMatchObject({ scanner: { result: { status: 'scanned', findings: [] } } });
    expect(predicates(none, at(undefined, null)).vuln).toMatchObject({
      scanner: { result: { status: 'not-scanned', reason: 'nobody scanned it' } },
    });
  });
});

describe('the same image', () => {
  it('is stated in the same words at any time, the scan apart', () => {
    const [now, later] = [at(), at('2027-01-01T00:00:00.000Z')].map((wanted) =>
      wanted
        .filter(({ type }) => type !== SCAN)
        .map(({ type, predicate }) => statementOf('hf-tiny', INDEX, type, predicate(listed))),
    );
    expect(now).toEqual(later);
    expect(now).toHaveLength(PREDICATE_TYPES.length - 1);
  });

  const wanted = (name: string, list = at()) => {
    const found = list.find(({ type }) => COSIGN_TYPES[type] === name);
    if (found === undefined) throw new Error(name);
    return found;
  };

  it('needs no new provenance for another commit of the catalog, but for another catalog', () => {
    const there = wanted('slsaprovenance1').predicate(none);
    const moved = at(undefined, scan, { ...source, commit: 'f'.repeat(40) });
    const elsewhere = at(undefined, scan, { ...source, repository: 'https://github.com/acme/other' });
    expect(wanted('slsaprovenance1', moved).stands(there, null)).toBe(true);
    expect(wanted('slsaprovenance1', elsewhere).stands(there, null)).toBe(false);
  });

  it('needs a new SBOM where packages can be listed now, and a new scan where there was none', () => {
    const bare = wanted('cyclonedx').predicate(none);
    expect(wanted('cyclonedx').stands(bare, true)).toBe(false);
    expect(wanted('cyclonedx').stands(bare, false)).toBe(true);
    expect(wanted('cyclonedx').stands(wanted('cyclonedx').predicate(listed), true)).toBe(true);
    const unscanned = wanted('vuln', at(undefined, null));
    expect(wanted('vuln').stands(unscanned.predicate(none), null)).toBe(false);
    expect(unscanned.stands(wanted('vuln').predicate(none), null)).toBe(true);
  });
});

describe('a statement', () => {
  it('is about one digest', () => {
    const statement = parseStatement(new TextEncoder().encode(statementOf('hf-tiny', INDEX, SCAN, {})));
    expect(statement).toMatchObject({ _type: 'https://in-toto.io/Statement/v1', predicateType: SCAN });
    expect(statement && [isAbout(statement, INDEX), isAbout(statement, BASE)]).toEqual([true, false]);
    expect(statement && isAbout({ ...statement, subject: [] }, INDEX)).toBe(false);
  });

  it('of anything else is none', () => {
    expect(parseStatement(new TextEncoder().encode('{"_type":"other"}'))).toBeNull();
    expect(parseStatement(Buffer.from([0xff, 0xfe]))).toBeNull();
  });

  it('has identifiers that follow from content', () => {
    expect(uuidOf('a')).toBe(uuidOf('a'));
    expect(uuidOf('a')).not.toBe(uuidOf('b'));
    expect(uuidOf(sha256Hex('a'))).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  });
});

describe('an unsigned statement that is there', () => {
  const read = (predicate: unknown): unknown => JSON.parse(JSON.stringify(predicate));
  /** Whether what one run stated stands in another. */
  const stands = (type: string, stated: unknown, wanted = at(), packages: boolean | null = null) =>
    wanted.find((each) => each.type === type)?.standsBare(read(stated), packages);
  const stated = (type: string, wanted = at(), base: BasePackages = listed) =>
    wanted.find((each) => each.type === type)?.predicate(base);

  it('stays when it says the same, whatever the commit, the version, the time and the day of the database', () => {
    const later: ScanResult = {
      ...scan,
      reference: `two.test/acme/hf-tiny@${INDEX}`,
      database: { version: 2, updatedAt: '2026-11-29T12:00:00Z' },
    };
    const next = wantedStatements(
      INDEX,
      { target, source: { ...source, commit: 'f'.repeat(40) }, scan: later },
      '2.0.0',
      '2026-12-01T00:00:00.000Z',
    );
    for (const type of PREDICATE_TYPES) expect([type, stands(type, stated(type), next)]).toEqual([type, true]);
    const unscanned = at(undefined, null);
    expect(stands(SCAN, stated(SCAN, unscanned), at('2026-12-01T00:00:00Z', null))).toBe(true);
  });

  it('does not when it is of the right type and says something else', () => {
    for (const type of PREDICATE_TYPES) {
      for (const other of [{}, null, [], { ...Object(stated(type)), more: 1 }]) {
        expect([type, stands(type, other)]).toEqual([type, false]);
      }
    }
    const elsewhere = { ...target, license: { ...target.license, spdx: 'MIT' } };
    const foreign = wantedStatements(`sha256:${'9'.repeat(64)}`, { target: elsewhere, source, scan }, '1.2.3', '');
    for (const type of [SPDX, CYCLONEDX, LICENSE_DECISION]) expect(stands(type, stated(type, foreign))).toBe(false);
    const materials = JSON.stringify(stated(PROVENANCE)).replace(SHA, 'f'.repeat(64));
    expect(stands(PROVENANCE, JSON.parse(materials))).toBe(false);
  });

  it('does not when it tells other findings, or any where we have none', () => {
    const finding = { id: 'CVE-1', severity: 'critical', package: 'tiny-ssl', packagePath: null } as const;
    const detail = { installed: '1.0-1', fixed: null, class: 'os-pkgs', type: 'debian', title: null, url: null };
    const found: ScanResult = { ...scan, findings: [{ ...finding, ...detail }] };
    expect(stands(SCAN, stated(SCAN), at(undefined, found))).toBe(false);
    expect(stands(SCAN, stated(SCAN), at(undefined, { ...scan, reference: `x@sha256:${'9'.repeat(64)}` }))).toBe(false);
    expect(stands(SCAN, stated(SCAN), at(undefined, null))).toBe(false);
  });

  it('stays without packages only where they cannot be listed', () => {
    for (const type of [SPDX, CYCLONEDX]) {
      const bare = stated(type, at(), none);
      expect([null, true, false].map((packages) => stands(type, bare, at(), packages))).toEqual([false, false, true]);
    }
  });
});
