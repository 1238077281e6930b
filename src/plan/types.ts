import type { RuntimeRequest } from '../build/runtimes/types.ts';
import type { BuildRequest } from '../build/types.ts';
import type { CatalogDiff, Engine, Variant } from '../catalog/types.ts';
import type { EffectiveLicense, Reason } from '../policy/types.ts';
import type { Digest } from '../registry/types.ts';

export type Action = 'build' | 'skip' | 'fail' | 'remove';

/** One image that the catalog asks for: a model, a runtime and a variant, with what is to be done about it and why. */
export interface PlannedTarget {
  model: { id: string; short: string };
  runtime: string;
  engine: Engine;
  variant: Variant;
  /** `os/arch[/variant]`, those of the runtime. */
  platforms: string[];
  action: Action;
  reasons: Reason[];
  /** What is worth knowing but decides nothing. */
  warnings: string[];
  /** 40 hex; null when no revision could be pinned. */
  revision: string | null;
  license: EffectiveLicense;
  /** Everything the model descends from, nearest first; absent when it says nothing of that. `revision` is what was read, 40 hex. */
  lineage?: { id: string; revision: string | null }[] | undefined;
  gated: boolean | null;
  /** Of the chosen files; null when the Hub did not list them. */
  bytes: number | null;
  /** The inputs key; null when the target cannot be built, or its base has not been resolved. */
  inputs: string | null;
  base: { reference: string; digest: Digest | null };
  /** Exactly the files that fat embeds and slim downloads. */
  files: { path: string; size: number; sha256: string | null; oid: string }[];
  reshard: { path: string; parts: number }[];
  /** `host/repository` in the first registry; null when the model publishes nowhere. */
  repository: string | null;
  repositories: string[];
  tags: string[];
  /** What `{base_version}` stands for; null where nobody says. */
  version?: string | null | undefined;
  /** What a builder needs; null unless `action` is `build` and the base is resolved. */
  request: BuildRequest | null;
  /** The runtime image that has to be built first, as it is not there; null when it is, or is not ours to build. */
  awaits: RuntimeRequest | null;
}

export interface Plan {
  targets: PlannedTarget[];
  /** Concerning the plan as a whole. */
  warnings: string[];
  diff: CatalogDiff | null;
}

/** What a pull request resolved before and keeps: no second answer of Hub or registry moves it. */
export interface Pins {
  /** `short` → commit. */
  revisions: Record<string, string>;
  /** `short` → base reference as written → digest: a rebuild of one model moves no other's base. */
  bases: Record<string, Record<string, Digest>>;
}
