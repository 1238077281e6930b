/** The five statements about every published index, and the name under which cosign checks their form (`cosign attest --type`). */

/** Names that are ours: the reverse of the labels' prefix. Nothing has to answer there. */
export const OWN_URI = 'https://model-image-publisher.io';

/** SLSA v1.0, "Provenance". */
export const PROVENANCE = 'https://slsa.dev/provenance/v1';
/** in-toto attestation, "SPDX predicate": an SPDX 2.3 document. */
export const SPDX = 'https://spdx.dev/Document';
/** in-toto attestation, "CycloneDX predicate": a CycloneDX 1.6 document. */
export const CYCLONEDX = 'https://cyclonedx.org/bom';
/** cosign, "Cosign Vulnerability Scan Record Attestation". */
export const SCAN = 'https://cosign.sigstore.dev/attestation/vuln/v1';
/** Why this variant may be published at all. */
export const LICENSE_DECISION = `${OWN_URI}/attestation/license-decision/v1`;

export const PREDICATE_TYPES = [PROVENANCE, SPDX, CYCLONEDX, LICENSE_DECISION, SCAN] as const;
export type PredicateType = (typeof PREDICATE_TYPES)[number];

/** For people: what a predicate type is called in notes and checks. */
export const STATEMENT_NAMES: Record<PredicateType, string> = {
  [PROVENANCE]: 'provenance',
  [SPDX]: 'sbom-spdx',
  [CYCLONEDX]: 'sbom-cyclonedx',
  [LICENSE_DECISION]: 'license-decision',
  [SCAN]: 'scan',
};

/** cosign's own names; a type without one goes by its URI. */
export const COSIGN_TYPES: Record<PredicateType, string> = {
  [PROVENANCE]: 'slsaprovenance1',
  [SPDX]: 'spdxjson',
  [CYCLONEDX]: 'cyclonedx',
  [LICENSE_DECISION]: LICENSE_DECISION,
  [SCAN]: 'vuln',
};
