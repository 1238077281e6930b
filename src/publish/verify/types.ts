import type { Digest } from '../../registry/types.ts';

export interface Check {
  /** E.g. `signature`, `layers`, `attestation:provenance`. */
  check: string;
  status: 'passed' | 'failed' | 'not-checked';
  /** What was looked at, or what is wrong, in plain words. */
  detail: string;
}

/** What `verify --json` prints. */
export interface Verification {
  reference: string;
  /** Of the index; null when there is none worth the name. */
  digest: Digest | null;
  ok: boolean;
  checks: Check[];
}

export const passed = (check: string, detail: string): Check => ({ check, status: 'passed', detail });
export const failed = (check: string, detail: string): Check => ({ check, status: 'failed', detail });
export const notChecked = (check: string, detail: string): Check => ({ check, status: 'not-checked', detail });

/** `passed` with a detail, or `failed` with the problems. */
export function judged(check: string, problems: readonly string[], detail: string): Check {
  return problems.length === 0 ? passed(check, detail) : failed(check, listed(problems));
}

const MOST_PROBLEMS = 5;

function listed(problems: readonly string[]): string {
  const rest = problems.length - MOST_PROBLEMS;
  return `${problems.slice(0, MOST_PROBLEMS).join('; ')}${rest > 0 ? `; and ${rest} more` : ''}`;
}
