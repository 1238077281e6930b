import type { Severity } from '../catalog/types.ts';

/** One vulnerability in one package, as Trivy reports it. */
export interface Finding {
  id: string;
  severity: Severity;
  package: string;
  /** Where a language package was found; null for packages of the system. */
  packagePath: string | null;
  installed: string;
  /** Version that fixes it; null when there is none yet. */
  fixed: string | null;
  /** Trivy's result class, e.g. `os-pkgs`, `lang-pkgs`. */
  class: string;
  /** Trivy's result type, e.g. `debian`, `python-pkg`. */
  type: string;
  title: string | null;
  url: string | null;
}

export interface ScanSummary {
  critical: number;
  high: number;
  medium: number;
  low: number;
  unknown: number;
  /** Those of all severities with a fixed version. */
  fixable: number;
}

export type ScanResult =
  | {
      status: 'scanned';
      reference: string;
      reason: null;
      summary: ScanSummary;
      findings: Finding[];
      database: { version: number | null; updatedAt: string | null };
    }
  | { status: 'not-scanned'; reference: string; reason: string; summary: null; findings: []; database: null };

/** The gate's answer over a scan: which findings stop the image, which were set aside and why. */
export interface GateResult {
  passed: boolean;
  failing: Finding[];
  /** Present in the bare base too, and `base_findings: warn`. */
  fromBase: Finding[];
  ignored: Finding[];
  /** In words: expired ignores, a base that could not be scanned. */
  notes: string[];
}
