import type { PlannedTarget } from '../../../src/plan/types.ts';
import type { BuildState, ReviewReport, TargetState } from '../../../src/report/types.ts';
import type { Finding, GateResult, ScanResult } from '../../../src/scan/types.ts';

/** Plain data of reports, as the ledger and the scanner give it. */

export const DIGEST = `sha256:${'d'.repeat(64)}` as const;

export function planned(short: string, extra: Partial<PlannedTarget> = {}): PlannedTarget {
  return {
    model: { id: `acme/${short}`, short },
    runtime: 'default',
    engine: 'vllm',
    variant: 'slim',
    platforms: ['linux/amd64'],
    action: 'build',
    reasons: [],
    warnings: [],
    revision: 'a'.repeat(40),
    license: { declared: 'mit', spdx: 'MIT', class: 'permissive' },
    gated: false,
    bytes: 1_340_000_000,
    inputs: 'b'.repeat(64),
    base: { reference: 'registry.test/base:v1', digest: DIGEST },
    files: [],
    reshard: [],
    repository: `registry.test/acme/hf-${short}`,
    repositories: [`registry.test/acme/hf-${short}`],
    tags: [],
    request: null,
    awaits: null,
    ...extra,
  };
}

export function built(short: string, variant: 'slim' | 'fat' = 'slim'): BuildState {
  const reference = `registry.test/acme/hf-${short}@${DIGEST}`;
  return {
    state: 'built',
    smoke: null,
    image: {
      variant,
      runtime: 'default',
      reference,
      references: [reference],
      digest: DIGEST,
      revision: 'a'.repeat(40),
      bytes: { weights: 1000, uploaded: 1000, reused: 0 },
      durationMs: 1234,
      notes: [],
    },
  };
}

export const building: BuildState = {
  state: 'building',
  progress: { step: 'pushing weights', bytesDone: 500_000, bytesTotal: 2_000_000 },
};

export const buildFailed = (message: string): BuildState => ({
  state: 'failed',
  code: 'registry-unavailable',
  message,
});

export function finding(id: string, extra: Partial<Finding> = {}): Finding {
  return {
    id,
    severity: 'critical',
    package: 'libtiny',
    packagePath: null,
    installed: '1.0',
    fixed: '1.1',
    class: 'os-pkgs',
    type: 'debian',
    title: null,
    url: null,
    ...extra,
  };
}

export function scanned(findings: Finding[] = []): ScanResult {
  const count = (severity: Finding['severity']) => findings.filter((one) => one.severity === severity).length;
  return {
    status: 'scanned',
    reference: 'registry.test/image',
    reason: null,
    summary: {
      critical: count('critical'),
      high: count('high'),
      medium: count('medium'),
      low: count('low'),
      unknown: count('unknown'),
      fixable: findings.filter(({ fixed }) => fixed !== null).length,
    },
    findings,
    database: { version: 2, updatedAt: '2026-11-20T12:00:00Z' },
  };
}

export const notScanned = (reason: string): ScanResult => ({
  status: 'not-scanned',
  reference: 'registry.test/image',
  reason,
  summary: null,
  findings: [],
  database: null,
});

export const passedGate = (extra: Partial<GateResult> = {}): GateResult => ({
  passed: true,
  failing: [],
  fromBase: [],
  ignored: [],
  notes: [],
  ...extra,
});

export const failedGate = (failing: Finding[]): GateResult => passedGate({ passed: false, failing });

/** Built, scanned, passed; `extra` says what is otherwise. */
export function targetState(target: PlannedTarget, extra: Partial<TargetState> = {}): TargetState {
  return {
    target,
    build: built(target.model.short, target.variant),
    scan: scanned(),
    gate: passedGate(),
    ...extra,
  };
}

export function reviewReport(targets: TargetState[], extra: Partial<ReviewReport> = {}): ReviewReport {
  return {
    catalogPath: 'models.yaml',
    headSha: 'c'.repeat(40),
    catalog: { kind: 'valid', warnings: [] },
    diff: null,
    targets,
    scanning: 'required',
    weakenings: [],
    overrides: [],
    notes: [],
    failure: null,
    ...extra,
  };
}
