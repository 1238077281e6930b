import type { PlannedTarget } from '../../plan/types.ts';
import type { Digest, PublishTarget } from '../../registry/types.ts';
import type { ScanResult } from '../../scan/types.ts';
import type { Attestation } from '../../store/publications.ts';
import type { CatalogSource } from '../types.ts';

/** What is stated about a published index. */
export interface AttestationFacts {
  target: PlannedTarget;
  source: CatalogSource;
  scan: ScanResult | null;
}

export interface Attested {
  attestations: Attestation[];
  signed: boolean;
  /** What people should know, e.g. that nothing is signed, or that the SBOM does not list the base's packages. */
  notes: string[];
}

/**
 * Makes sure that every statement lies beside an index in each repository, and its signature when signing is configured. What is there
 * already, and verifies, is left as it is: a second run writes nothing.
 *
 * @throws PublisherError with the registry codes; `environment` when signing is configured and cosign is missing or fails
 */
export interface Attester {
  attest(
    index: Digest,
    repositories: readonly PublishTarget[],
    facts: AttestationFacts,
    signal: AbortSignal,
  ): Promise<Attested>;
}
