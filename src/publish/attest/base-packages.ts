/** One package of the base image. */
export interface BasePackage {
  name: string;
  version: string;
  /** Package URL; null where the scanner gives none. */
  purl: string | null;
}

/** The base's packages over all its platforms; or why nobody listed them. */
export type BasePackages = { kind: 'listed'; packages: BasePackage[] } | { kind: 'not-listed'; why: string };

/** What an SBOM says that lists none, to be found again by whoever reads it. */
export const NOT_ENUMERATED = 'base packages not enumerated';
