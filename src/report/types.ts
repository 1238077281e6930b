import type { SmokeResult } from '../build/smoke/types.ts';
import type { BuildProgress, BuiltImage } from '../build/types.ts';
import type { CatalogDiff, Problem } from '../catalog/types.ts';
import type { PlannedTarget } from '../plan/types.ts';
import type { GateResult, ScanResult } from '../scan/types.ts';

/** Where one planned image stands. Only targets with `action: build` have a build. */
export type BuildState =
  | { state: 'queued' }
  /** From a fork and not approved. */
  | { state: 'awaiting-approval' }
  /** The image of its runtime is built first. */
  | { state: 'awaiting-runtime'; runtime: string; building: boolean }
  | { state: 'building'; progress: BuildProgress }
  | { state: 'built'; image: BuiltImage; smoke: SmokeResult | null }
  /** `log`: last lines of what failed. */
  | { state: 'failed'; code: string; message: string; log?: string[] };

export interface TargetState {
  target: PlannedTarget;
  build: BuildState | null;
  /** Of the slim image, which stands for both variants; null while there is none yet. */
  scan: ScanResult | null;
  gate: GateResult | null;
  /** Tags of the pull request that name the image, `host/repository:tag`. */
  previews?: string[];
}

export type CatalogState =
  | { kind: 'valid'; warnings: Problem[] }
  | { kind: 'invalid'; problems: Problem[] }
  /** The file is there but cannot be read as text: a symlink, too large, not UTF-8. */
  | { kind: 'unreadable'; reason: string }
  /** Neither side has a catalog's models changed. */
  | { kind: 'untouched' }
  | { kind: 'removed' };

/** Everything a pull request's report says, as plain data. */
export interface ReviewReport {
  catalogPath: string;
  headSha: string;
  /** null while the catalog is still being read and planned. */
  catalog: CatalogState | null;
  diff: CatalogDiff | null;
  targets: TargetState[];
  scanning: 'required' | 'optional';
  /** What would loosen the rules: in force after the merge. */
  weakenings: string[];
  /** Models whose licence override this pull request brings. */
  overrides: string[];
  /** Remarks about the plan as a whole. */
  notes: string[];
  /** The plan itself could not be made: a dead GitHub, a bug. */
  failure: string | null;
}

export type Conclusion = 'success' | 'failure' | 'neutral' | 'cancelled' | 'skipped' | 'action_required';

export interface Annotation {
  path: string;
  line: number;
  column: number | null;
  level: 'notice' | 'warning' | 'failure';
  message: string;
}

/** One check run as it should be on GitHub. */
export interface CheckReport {
  name: string;
  status: 'queued' | 'in_progress' | 'completed';
  /** Only, and always, with `completed`. */
  conclusion: Conclusion | null;
  title: string;
  /** Markdown. */
  summary: string;
  annotations: Annotation[];
  /** Buttons on the check. */
  actions: CheckButton[];
}

export type CheckButton = 'approve' | 'rebuild';
