import { describe, expect, test } from 'vitest';
import type { TargetState } from '../../../src/report/types.ts';
import { standing, verdict } from '../../../src/report/verdict.ts';
import {
  buildFailed,
  building,
  built,
  failedGate,
  finding,
  notScanned,
  planned,
  reviewReport,
  targetState,
} from '../../support/report/report.ts';

const target = planned('tiny');
const fails = (code: 'hub-unavailable' | 'not-found') =>
  targetState(planned('tiny', { action: 'fail', reasons: [{ code, effect: 'fails', message: 'no' }] }), {
    build: null,
    scan: null,
    gate: null,
  });
const unscanned = targetState(target, { scan: notScanned('Trivy is not installed'), gate: null });
const critical = targetState(target, { gate: failedGate([finding('CVE-1')]) });
const awaiting = targetState(target, { build: { state: 'awaiting-approval' }, scan: null, gate: null });

describe('how a target stands', () => {
  test.each<[string, TargetState, string]>([
    ['removed', targetState(planned('tiny', { action: 'remove' }), { build: null }), 'removed'],
    ['denied by policy', targetState(planned('tiny', { action: 'skip' }), { build: null }), 'denied'],
    ['without its model', fails('not-found'), 'failed'],
    ['without an answer of the Hub', fails('hub-unavailable'), 'undecided'],
    ['without a build', targetState(target, { build: null }), 'failed'],
    ['of a fork', awaiting, 'awaits-approval'],
    ['queued', targetState(target, { build: { state: 'queued' } }), 'pending'],
    ['being built', targetState(target, { build: building }), 'pending'],
    ['failed to build', targetState(target, { build: buildFailed('no') }), 'failed'],
    ['built, its scan still running', targetState(target, { scan: null, gate: null }), 'pending'],
    ['built, not scanned', unscanned, 'not-scanned'],
    ['built, with findings that stop it', critical, 'failed'],
    ['built and scanned', targetState(target), 'passed'],
  ])('%s', (_, state, expected) => {
    expect(standing(state)).toBe(expected);
  });

  test('a build that failed counts more than a scan that passed', () => {
    expect(standing(targetState(target, { build: buildFailed('no'), gate: null }))).toBe('failed');
  });
});

describe('the verdict', () => {
  test.each<[string, TargetState[], string | null]>([
    ['all passed', [targetState(target)], 'success'],
    ['a denied fat is an answer', [targetState(target), targetState(planned('tiny', { action: 'skip' }))], 'success'],
    ['one failed', [targetState(target), targetState(target, { build: buildFailed('no') })], 'failure'],
    ['the gate failed', [critical], 'failure'],
    ['the Hub did not answer', [fails('hub-unavailable')], 'failure'],
    ['one awaits approval', [targetState(target), awaiting], 'action_required'],
    ['approval comes before failure', [awaiting, fails('not-found')], 'action_required'],
    ['one in progress', [fails('not-found'), targetState(target, { build: building })], null],
    ['only removals', [targetState(planned('tiny', { action: 'remove' }), { build: null })], 'success'],
  ])('%s', (_, targets, conclusion) => {
    expect(verdict(reviewReport(targets))).toMatchObject({ concluded: conclusion !== null, conclusion });
  });

  test('what was not scanned fails where scanning is required, and says why', () => {
    const answer = verdict(reviewReport([unscanned], { scanning: 'required' }));
    expect(answer.conclusion).toBe('failure');
    expect(answer.line).toContain('not scanned because Trivy is not installed');
  });

  test('what was not scanned passes where scanning is optional, and still says why', () => {
    const answer = verdict(reviewReport([unscanned], { scanning: 'optional' }));
    expect(answer.conclusion).toBe('success');
    expect(answer.line).toContain('not scanned because Trivy is not installed');
  });

  test('optional scanning does not let a failed gate through', () => {
    expect(verdict(reviewReport([critical], { scanning: 'optional' })).conclusion).toBe('failure');
  });

  test('the line counts in words that fit the number', () => {
    const states = [targetState(target), targetState(target), targetState(planned('b', { action: 'skip' }))];
    expect(verdict(reviewReport(states)).line).toBe('2 images built, 1 fat image not permitted.');
  });

  test.each([
    [{ kind: 'untouched' } as const, 'success', 'No model changes.'],
    [{ kind: 'removed' } as const, 'success', 'models.yaml is removed: nothing is built, existing tags stay.'],
    [
      { kind: 'unreadable', reason: 'it is a symlink' } as const,
      'failure',
      'models.yaml cannot be read: it is a symlink',
    ],
    [
      { kind: 'invalid', problems: [{ path: '', message: 'no', line: 1, column: 1 }] } as const,
      'failure',
      'models.yaml has 1 problem; nothing was planned.',
    ],
  ])('a catalog that is %o', (catalog, conclusion, line) => {
    const state = catalog.kind === 'invalid' ? { ...catalog, problems: [...catalog.problems] } : catalog;
    expect(verdict(reviewReport([], { catalog: state }))).toEqual({ concluded: true, conclusion, line });
  });

  test('a catalog that is still being read concludes nothing', () => {
    expect(verdict(reviewReport([], { catalog: null }))).toMatchObject({ concluded: false, conclusion: null });
  });

  test('a review that failed fails, whatever was known before', () => {
    const answer = verdict(reviewReport([targetState(target)], { failure: 'GitHub is down' }));
    expect(answer).toEqual({ concluded: true, conclusion: 'failure', line: 'GitHub is down' });
    expect(built('x').state).toBe('built');
  });
});
