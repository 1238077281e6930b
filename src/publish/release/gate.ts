import type { TargetState } from '../../report/types.ts';
import { standing } from '../../report/verdict.ts';

export type ReleaseVerdict =
  | { kind: 'waiting' }
  /** One sentence for each image that keeps the release from being tagged. */
  | { kind: 'failed'; failures: string[] }
  | { kind: 'passed' };

/**
 * Whether a release may be tagged: every image it asks for is there and passed, by the predicate that decides everywhere. A fat image that
 * is not permitted is not asked for. One that failed decides it although others still run.
 */
export function releaseVerdict(states: readonly TargetState[], scanning: 'required' | 'optional'): ReleaseVerdict {
  const failures = states.flatMap((state) => failureOf(state, scanning) ?? []);
  if (failures.length > 0) return { kind: 'failed', failures };
  return { kind: states.some((state) => standing(state) === 'pending') ? 'waiting' : 'passed' };
}

function failureOf(state: TargetState, scanning: 'required' | 'optional'): string | null {
  const { target, build, scan, gate } = state;
  const name = `${target.model.short} ${target.variant} on ${target.runtime}`;
  switch (standing(state)) {
    case 'passed':
    case 'denied':
    case 'removed':
    case 'pending':
      return null;
    case 'not-scanned': {
      if (scanning === 'optional') return null;
      const reason = scan?.status === 'not-scanned' ? scan.reason : 'nobody scanned it';
      return `${name} was not scanned: ${reason}`;
    }
    case 'awaits-approval':
      return `${name} waits for an approval.`;
    case 'undecided':
    case 'failed': {
      if (build?.state === 'failed') return `${name} was not built (${build.code}): ${build.message}`;
      if (gate?.passed === false) {
        const found = gate.failing.slice(0, 5).map(({ id, package: where }) => `${id} (${where})`);
        const more = gate.failing.length > 5 ? ` and ${gate.failing.length - 5} more` : '';
        return `${name} does not pass the scan: ${found.join(', ')}${more}.`;
      }
      const told = target.reasons.filter(({ effect }) => effect === 'fails').map(({ message }) => message);
      return `${name} cannot be built: ${[...told, ...target.warnings].join(' ') || 'no reason is known.'}`;
    }
  }
}
