import type { AutoBoolean, Engine } from '../catalog/types.ts';
import type { FactsResult } from '../huggingface/types.ts';

export type ReasonCode =
  | 'license-permissive'
  | 'license-override'
  | 'license-not-permissive'
  | 'license-unknown'
  | 'license-missing'
  | 'lineage-unknown'
  | 'lineage-stricter'
  | 'gated'
  | 'private'
  | 'disabled'
  | 'not-found'
  | 'hub-unavailable'
  | 'unsafe-files'
  | 'remote-code'
  | 'runtime-incompatible'
  | 'too-large'
  | 'layer-too-large'
  | 'too-many-layers';

/** `allows` and `warns` never stop anything; `denies-fat` leaves slim; `fails` leaves nothing. */
export type Effect = 'allows' | 'warns' | 'denies-fat' | 'fails';

export interface Reason {
  code: ReasonCode;
  effect: Effect;
  /** One plain sentence: what is so, and what the author could do about it. */
  message: string;
}

export type LicenseClass =
  | 'permissive'
  | 'copyleft'
  | 'review'
  | 'rail-conditions'
  | 'noncommercial-or-research'
  | 'verbatim-only'
  | 'community-conditions'
  | 'ambiguous-family'
  | 'unknown';

/** What a declaration on the Hub means. */
export interface EffectiveLicense {
  /** As declared, joined with ` AND `; null when nothing is declared. */
  declared: string | null;
  /** SPDX expression; ids without one become `LicenseRef-…`. null when nothing is declared. */
  spdx: string | null;
  /** The strictest class of its parts. null when nothing is declared. */
  class: LicenseClass | null;
}

/** What an image would hold, chosen for an engine. */
export interface FileChoice {
  /** Paths to embed, sorted. Empty when the engine finds nothing it can load. */
  paths: string[];
  /** Bytes in total. */
  bytes: number;
  /** Why the engine cannot load this repository; null when it can. */
  incompatible: string | null;
}

/** What is known about splitting a file above the layer limit at tensor boundaries. */
export type Reshard =
  | { kind: 'possible' }
  /** Why it cannot be split, as the end of a sentence about the file. */
  | { kind: 'refused'; why: string };

export interface PolicyInput {
  id: string;
  permissive: AutoBoolean;
  overrideSpdx: string | null;
  gated: AutoBoolean;
  whitelist: string[];
  /** Bytes. `layerMaxBytes` is the strictest limit of catalog and registries. */
  limits: { fatMaxBytes: number; layerMaxBytes: number };
  /** By path. A file above the layer limit that is absent here cannot be split; `possible` until somebody looked into it. */
  reshard: ReadonlyMap<string, Reshard>;
  /** What becomes of files the Hub's scanners have not cleared (yet). */
  unscanned: 'warn' | 'deny';
  engine: Engine;
  facts: FactsResult;
  /** Absent unless facts were found. */
  choice: FileChoice | null;
}

export interface Decision {
  slim: 'build' | 'fail';
  fat: 'build' | 'skip' | 'fail';
  /** Every rule's contribution, denials first. */
  reasons: Reason[];
  license: EffectiveLicense;
  /** As the stricter of Hub and catalog says; null when the Hub did not answer. */
  gated: boolean | null;
}
