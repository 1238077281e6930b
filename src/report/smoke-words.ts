import type { SmokeResult } from '../build/smoke/types.ts';

/** A smoke run in one sentence. */
export function smokeSentence({ status, reason }: SmokeResult): string {
  if (status === 'passed') return 'Smoke run: passed.';
  return status === 'failed' ? `Smoke run: failed. ${reason}` : `Smoke run: not run (${reason}).`;
}
