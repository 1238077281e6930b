import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import type { ScanResult } from '../../scan/types.ts';
import { type BasePackages, NOT_ENUMERATED } from './base-packages.ts';
import { scanRecordOf } from './scan-result.ts';

/**
 * Whether a predicate is, as a whole, what we would state. Nothing else tells an unsigned statement of ours from anybody's. What may differ
 * between two honest runs is read from theirs and put into ours, so nothing of theirs is walked deeper than ours goes.
 */
export function equals(ours: unknown, theirs: unknown): boolean {
  return isDeepStrictEqual(JSON.parse(JSON.stringify(ours)), theirs);
}

/** What may differ in a provenance: the catalog goes on to other commits, and a newer version of this program did not build the image. */
export interface ProvenanceVolatile {
  commit: string | null;
  path: string;
  version: string;
}

const provenanceSchema = z.object({
  buildDefinition: z.object({
    externalParameters: z.object({ catalog: z.object({ commit: z.string().nullable(), path: z.string() }) }),
  }),
  runDetails: z.object({ builder: z.object({ version: z.object({ 'model-image-publisher': z.string() }) }) }),
});

/** @param state our predicate with these in it */
export function isOurProvenance(theirs: unknown, state: (volatile: ProvenanceVolatile) => unknown): boolean {
  const read = provenanceSchema.safeParse(theirs).data;
  if (read === undefined) return false;
  const { commit, path } = read.buildDefinition.externalParameters.catalog;
  return equals(state({ commit, path, version: read.runDetails.builder.version['model-image-publisher'] }), theirs);
}

const spdxSchema = z.object({
  comment: z.string().optional(),
  packages: z.array(
    z.object({
      SPDXID: z.string(),
      name: z.string(),
      versionInfo: z.string().optional(),
      externalRefs: z.array(z.object({ referenceLocator: z.string() })).optional(),
    }),
  ),
});

/**
 * The base's packages are taken as they are listed: to list them takes a while, and differs from one Trivy to the next.
 *
 * @param listed whether they can be listed now, which is better than a document without them; null when nobody has tried
 * @param state our document with these packages
 */
export function isOurSpdx(theirs: unknown, listed: boolean | null, state: (base: BasePackages) => unknown): boolean {
  const read = spdxSchema.safeParse(theirs).data;
  if (read === undefined) return false;
  const packages = read.packages
    .filter(({ SPDXID }) => /^SPDXRef-Package-\d+$/.test(SPDXID))
    .map(({ name, versionInfo, externalRefs }) => {
      return { name, version: versionInfo ?? '', purl: externalRefs?.[0]?.referenceLocator ?? null };
    });
  return isOurList(theirs, listed, read.comment?.replace(`${NOT_ENUMERATED}: `, ''), packages, state);
}

const cyclonedxSchema = z.object({
  metadata: z.object({ properties: z.array(z.object({ value: z.string() })).optional() }),
  components: z.array(
    z.object({
      'bom-ref': z.string(),
      name: z.string(),
      version: z.string().optional(),
      purl: z.string().optional(),
    }),
  ),
});

/** As {@link isOurSpdx}. */
export function isOurCyclonedx(
  theirs: unknown,
  listed: boolean | null,
  state: (base: BasePackages) => unknown,
): boolean {
  const read = cyclonedxSchema.safeParse(theirs).data;
  if (read === undefined) return false;
  const packages = read.components
    .filter((component) => /^package-\d+$/.test(component['bom-ref']))
    .map(({ name, version, purl }) => ({ name, version: version ?? '', purl: purl ?? null }));
  return isOurList(theirs, listed, read.metadata.properties?.[0]?.value, packages, state);
}

function isOurList(
  theirs: unknown,
  listed: boolean | null,
  why: string | undefined,
  packages: Extract<BasePackages, { kind: 'listed' }>['packages'],
  state: (base: BasePackages) => unknown,
): boolean {
  if (why === undefined) return equals(state({ kind: 'listed', packages }), theirs);
  return listed === false && equals(state({ kind: 'not-listed', why }), theirs);
}

const time = z.iso.datetime({ offset: true });
const scanSchema = z.object({
  scanner: z.object({
    db: z.object({ uri: z.string(), version: z.string(), lastUpdate: time.nullable().optional() }),
    result: z.object({ reference: z.string().optional() }),
  }),
  metadata: z.object({ scanStartedOn: time }),
});

/** The same findings in the same image, by whatever day's database; or the same as we have none. */
export function isOurScan(theirs: unknown, scan: ScanResult | null): boolean {
  const read = scanSchema.safeParse(theirs).data;
  if (read === undefined) return false;
  const ours = scanRecordOf(scan, read.metadata.scanStartedOn);
  if (scan?.status !== 'scanned') return equals(ours, theirs);
  const { db, result } = read.scanner;
  if (digestIn(result.reference) !== digestIn(scan.reference)) return false;
  const { scanner } = ours;
  return equals({ ...ours, scanner: { ...scanner, db, result: { ...scanner.result, ...result } } }, theirs);
}

/** The same image is scanned in whichever registry is nearest. */
const digestIn = (reference = '') => reference.slice(reference.lastIndexOf('@') + 1);
