import { z } from 'zod';
import { canonicalJson } from '../../image/canonical-json.ts';
import type { Digest } from '../../registry/types.ts';
import { equals, isOurCyclonedx, isOurProvenance, isOurScan, isOurSpdx } from './as-ours.ts';
import { type BasePackages, NOT_ENUMERATED } from './base-packages.ts';
import { cyclonedxOf } from './cyclonedx.ts';
import { licenseDecisionOf } from './license-decision.ts';
import { CYCLONEDX, LICENSE_DECISION, PROVENANCE, type PredicateType, SCAN, SPDX } from './predicate-types.ts';
import { provenanceOf } from './provenance.ts';
import { scanRecordOf } from './scan-result.ts';
import { spdxOf } from './spdx.ts';
import type { AttestationFacts } from './types.ts';

/** One statement that has to lie beside an index. */
export interface Wanted {
  type: PredicateType;
  /** Whether it tells the base's packages, which takes a while to find out. */
  packages: boolean;
  predicate(base: BasePackages): unknown;
  /**
   * Whether a statement that is there says as much: then it stays.
   *
   * @param listed whether the base's packages can be listed now; null when nobody has tried
   */
  stands(predicate: unknown, listed: boolean | null): boolean;
  /** The same for one that bears no signature: it has to be ours as a whole, since anybody who may push could have written it. */
  standsBare(predicate: unknown, listed: boolean | null): boolean;
}

/**
 * The five statements about an index.
 *
 * @param version of this program
 * @param at RFC 3339; only the scan's record has a time in it
 */
export function wantedStatements(
  index: Digest,
  { target, source, scan }: AttestationFacts,
  version: string,
  at: string,
): Wanted[] {
  const provenance = provenanceOf(target, source, version);
  const decision = licenseDecisionOf(target);
  return [
    {
      type: PROVENANCE,
      packages: false,
      predicate: () => provenance,
      // The catalog goes on to other commits while the image stays the same.
      stands: (there) => sameIn(provenanceSchema, there, provenance),
      standsBare: (there) =>
        isOurProvenance(there, (theirs) => provenanceOf(target, { ...source, ...theirs }, theirs.version)),
    },
    {
      type: SPDX,
      packages: true,
      predicate: (base) => spdxOf(target, index, base),
      stands: (there, listed) => listed === false || !mentions(there, NOT_ENUMERATED),
      standsBare: (there, listed) => isOurSpdx(there, listed, (base) => spdxOf(target, index, base)),
    },
    {
      type: CYCLONEDX,
      packages: true,
      predicate: (base) => cyclonedxOf(target, index, base),
      stands: (there, listed) => listed === false || !mentions(there, NOT_ENUMERATED),
      standsBare: (there, listed) => isOurCyclonedx(there, listed, (base) => cyclonedxOf(target, index, base)),
    },
    {
      type: LICENSE_DECISION,
      packages: false,
      predicate: () => decision,
      stands: (there) => sameIn(decisionSchema, there, decision),
      standsBare: (there) => equals(decision, there),
    },
    {
      type: SCAN,
      packages: false,
      predicate: () => scanRecordOf(scan, at),
      stands: (there) => scan?.status !== 'scanned' || statusOf(there) === 'scanned',
      standsBare: (there) => isOurScan(there, scan),
    },
  ];
}

/** What makes two provenances tell the same build. */
const provenanceSchema = z.object({
  buildDefinition: z.object({
    buildType: z.string(),
    externalParameters: z.object({
      catalog: z.object({ repository: z.string().nullable(), path: z.string() }),
      model: z.string(),
      short: z.string(),
      runtime: z.string(),
      variant: z.string(),
    }),
    internalParameters: z.object({ inputs: z.string() }),
  }),
});

const decisionSchema = z.object({
  model: z.string(),
  revision: z.string(),
  variant: z.string(),
  license: z.object({ declared: z.string().nullable(), spdx: z.string().nullable() }),
  reasons: z.array(z.object({ code: z.string(), effect: z.string() })),
});

function sameIn(schema: z.ZodType, there: unknown, ours: unknown): boolean {
  const parsed = schema.safeParse(there);
  return parsed.success && canonicalJson(parsed.data) === canonicalJson(schema.parse(ours));
}

function mentions(predicate: unknown, words: string): boolean {
  return canonicalJson(predicate).includes(words);
}

const scanSchema = z.object({ scanner: z.object({ result: z.object({ status: z.string() }) }) });

function statusOf(predicate: unknown): string | null {
  return scanSchema.safeParse(predicate).data?.scanner.result.status ?? null;
}
