import { plural } from './numbers.ts';
import type { Conclusion, ReviewReport, TargetState } from './types.ts';

/** How a target stands, in the one word that everything else derives from. */
export type Standing =
  | 'pending'
  | 'awaits-approval'
  | 'denied'
  | 'removed'
  | 'failed'
  | 'undecided'
  | 'not-scanned'
  | 'passed';

/**
 * The predicate of the `model-images` check, and of whether tags may move: pure, and the only place that decides it.
 * `not-scanned` passes only where the operator made scanning optional.
 */
export function standing({ target, build, scan, gate }: TargetState): Standing {
  if (target.action === 'remove') return 'removed';
  if (target.action === 'skip') return 'denied';
  if (target.action === 'fail') {
    return target.reasons.some(({ code }) => code === 'hub-unavailable') ? 'undecided' : 'failed';
  }
  if (build === null) return 'failed';
  if (build.state === 'awaiting-approval') return 'awaits-approval';
  if (build.state === 'failed') return 'failed';
  if (build.state !== 'built') return 'pending';
  if (scan === null) return 'pending';
  if (scan.status === 'not-scanned') return 'not-scanned';
  return gate?.passed === false ? 'failed' : 'passed';
}

export interface Verdict {
  concluded: boolean;
  conclusion: Conclusion | null;
  /** One line, plain text. */
  line: string;
}

/** The verdict over all targets of a head commit. */
export function verdict(report: ReviewReport): Verdict {
  if (report.failure !== null) return { concluded: true, conclusion: 'failure', line: report.failure };
  if (report.catalog === null) return { concluded: false, conclusion: null, line: 'Reading the catalog.' };
  if (report.catalog.kind === 'invalid') {
    const count = plural(report.catalog.problems.length, 'problem');
    return { concluded: true, conclusion: 'failure', line: `${report.catalogPath} has ${count}; nothing was planned.` };
  }
  if (report.catalog.kind === 'unreadable') {
    return {
      concluded: true,
      conclusion: 'failure',
      line: `${report.catalogPath} cannot be read: ${report.catalog.reason}`,
    };
  }
  if (report.catalog.kind === 'removed') {
    const line = `${report.catalogPath} is removed: nothing is built, existing tags stay.`;
    return { concluded: true, conclusion: 'success', line };
  }
  if (report.catalog.kind === 'untouched') return { concluded: true, conclusion: 'success', line: 'No model changes.' };
  return overTargets(report);
}

function overTargets({ targets, scanning }: ReviewReport): Verdict {
  const standings = targets.map(standing);
  const count = (which: Standing) => standings.filter((value) => value === which).length;
  const unscanned = count('not-scanned');
  const reason = targets.flatMap(({ scan }) => (scan?.status === 'not-scanned' ? [scan.reason] : []))[0];
  const notScanned = unscanned > 0 ? `not scanned because ${lowerFirst(reason ?? 'no reason was given')}` : '';
  const parts = [
    [count('passed') + unscanned, 'image', 'built'],
    [count('denied'), 'fat image', 'not permitted'],
    [count('failed'), 'image', 'failed'],
    [count('undecided'), 'image', 'not decided (the Hub did not answer)'],
    [count('awaits-approval'), 'image', 'awaiting approval'],
    [count('pending'), 'image', 'in progress'],
    [count('removed'), 'image', 'removed from the catalog'],
  ] as const;
  const told = parts.filter(([number]) => number > 0).map(([number, noun, what]) => `${plural(number, noun)} ${what}`);
  const line = [told.join(', ') || 'no images to build', notScanned].filter((part) => part !== '').join('; ');
  const sentence = `${line.charAt(0).toUpperCase()}${line.slice(1)}${line.endsWith('.') ? '' : '.'}`;
  if (count('pending') > 0) return { concluded: false, conclusion: null, line: sentence };
  return { concluded: true, conclusion: conclude(count, scanning), line: sentence };
}

function conclude(count: (which: Standing) => number, scanning: 'required' | 'optional'): Conclusion {
  if (count('awaits-approval') > 0) return 'action_required';
  if (count('failed') + count('undecided') > 0) return 'failure';
  return count('not-scanned') > 0 && scanning === 'required' ? 'failure' : 'success';
}

function lowerFirst(text: string): string {
  return /^[A-Z][a-z]/.test(text) && !text.startsWith('Trivy') ? text.charAt(0).toLowerCase() + text.slice(1) : text;
}
