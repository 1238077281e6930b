import type { GateResult, ScanResult } from '../scan/types.ts';
import { plural } from './numbers.ts';

const SEVERITIES = ['critical', 'high', 'medium', 'low', 'unknown'] as const;

/** A scan in one line for a table: counts by severity, fixable apart; or that there was none. */
export function scanCounts(scan: ScanResult | null): string {
  if (scan === null) return 'pending';
  if (scan.status === 'not-scanned') return 'not scanned';
  const counts = SEVERITIES.filter((severity) => scan.summary[severity] > 0).map(
    (severity) => `${scan.summary[severity]} ${severity}`,
  );
  return counts.length === 0 ? 'none found' : `${counts.join(', ')} (${scan.summary.fixable} fixable)`;
}

/** The gate's answer in one sentence. */
export function gateSentence(scan: ScanResult | null, gate: GateResult | null): string {
  if (scan === null) return 'The scan has not run yet.';
  if (scan.status === 'not-scanned') return `Not scanned: ${scan.reason}`;
  if (gate === null) return `Scanned: ${scanCounts(scan)}.`;
  if (gate.passed) return `The vulnerability gate passed: ${scanCounts(scan)}.`;
  return `The vulnerability gate failed on ${plural(gate.failing.length, 'finding')}.`;
}
