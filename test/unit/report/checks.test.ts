import { describe, expect, test } from 'vitest';
import type { SmokeResult } from '../../../src/build/smoke/types.ts';
import { checkReports } from '../../../src/report/checks.ts';
import {
  buildFailed,
  building,
  built,
  failedGate,
  finding,
  notScanned,
  passedGate,
  planned,
  reviewReport,
  scanned,
  targetState,
} from '../../support/report/report.ts';

const slim = planned('tiny');
const fat = planned('tiny', { variant: 'fat' });
const denied = targetState(
  planned('tiny', {
    variant: 'fat',
    action: 'skip',
    reasons: [
      { code: 'license-permissive', effect: 'allows', message: 'MIT is fine.' },
      { code: 'gated', effect: 'denies-fat', message: 'gated on the Hub (manual)' },
    ],
  }),
  { build: null, scan: null, gate: null },
);
const names = (checks: { name: string }[]) => checks.map(({ name }) => name);
const find = (checks: ReturnType<typeof checkReports>, name: string) => {
  const check = checks.find((candidate) => candidate.name === name);
  if (check === undefined) throw new Error(`no check ${name} among ${names(checks).join(', ')}`);
  return check;
};

describe('the checks of a head commit', () => {
  test('catalog first, one per model and variant, the scan, and the required one last', () => {
    const checks = checkReports(reviewReport([targetState(slim), targetState(fat)]));
    expect(names(checks)).toEqual(['models.yaml', 'tiny · slim', 'tiny · fat', 'scan', 'model-images']);
  });

  test('the runtime is named only where a model has several', () => {
    const cuda = targetState(planned('tiny', { runtime: 'cuda' }));
    const cpu = targetState(planned('tiny', { runtime: 'cpu' }));
    const other = targetState(planned('other', { runtime: 'cuda' }));
    expect(names(checkReports(reviewReport([cuda, cpu, other]))).slice(1, 4)).toEqual([
      'tiny · slim · cuda',
      'tiny · slim · cpu',
      'other · slim',
    ]);
  });

  test('a conclusion exists exactly with `completed`', () => {
    const states = [
      targetState(slim, { build: { state: 'queued' }, scan: null, gate: null }),
      targetState(slim, { build: building, scan: null, gate: null }),
      targetState(slim, { scan: null, gate: null }),
      targetState(slim),
      denied,
    ];
    for (const state of states) {
      for (const check of checkReports(reviewReport([state]))) {
        expect(check.conclusion !== null).toBe(check.status === 'completed');
      }
    }
  });

  test('a built image tells how its smoke run went, and nothing where there was none', () => {
    const summaryWith = (smoke: SmokeResult | null) => {
      const state = built('tiny');
      if (state.state !== 'built') throw new Error('not built');
      const checks = checkReports(reviewReport([targetState(slim, { build: { ...state, smoke } })]));
      return find(checks, 'tiny · slim').summary;
    };
    expect(summaryWith(null)).not.toContain('Smoke run');
    expect(summaryWith({ status: 'passed', reason: null })).toContain('- Smoke run: passed.');
    const notRun = summaryWith({ status: 'not-run', reason: 'no container engine answers' });
    expect(notRun).toContain('- Smoke run: not run (no container engine answers).');
  });

  test('no model touched: only the required check', () => {
    expect(checkReports(reviewReport([], { catalog: { kind: 'untouched' } }))).toEqual([
      {
        name: 'model-images',
        status: 'completed',
        conclusion: 'success',
        title: 'No model changes.',
        summary: 'No model changes.',
        annotations: [],
        actions: [],
      },
    ]);
  });

  test('while the catalog is read only the required check is begun: nothing else might ever conclude', () => {
    expect(names(checkReports(reviewReport([], { catalog: null })))).toEqual(['model-images']);
  });

  test('a removed model has no check of its own', () => {
    const removed = targetState(planned('old', { action: 'remove' }), { build: null, scan: null, gate: null });
    expect(names(checkReports(reviewReport([removed])))).toEqual(['models.yaml', 'model-images']);
  });
});

describe('the check of a target', () => {
  const check = (state: Parameters<typeof checkReports>[0]['targets'][number]) =>
    checkReports(reviewReport([state]))[1];

  test('waiting, then building with its step and bytes', () => {
    expect(check(targetState(slim, { build: { state: 'queued' }, scan: null, gate: null }))).toMatchObject({
      status: 'queued',
    });
    expect(check(targetState(slim, { build: building, scan: null, gate: null }))).toMatchObject({
      status: 'in_progress',
      title: 'pushing weights (500 kB of 2 MB)',
    });
  });

  test('a denied fat is neutral and says why in a few words', () => {
    expect(check(denied)).toMatchObject({ conclusion: 'neutral', title: 'fat not permitted: gated on the Hub' });
  });

  test('a failure has its cause in the title and its code in the summary', () => {
    const failed = check(
      targetState(slim, { build: buildFailed('the registry did not answer'), scan: null, gate: null }),
    );
    expect(failed).toMatchObject({ conclusion: 'failure', title: 'the registry did not answer' });
    expect(failed?.summary).toContain('registry-unavailable');
  });

  test('built and not scanned is a success of its own: `scan` and `model-images` judge that', () => {
    expect(check(targetState(slim, { scan: notScanned('no Trivy'), gate: null }))).toMatchObject({
      conclusion: 'success',
      title: 'Built, not scanned',
    });
    expect(check(targetState(slim, { scan: notScanned('no Trivy'), gate: null }))?.summary).toContain(
      'Not scanned: no Trivy',
    );
  });

  test('a failed gate fails it and lists the findings', () => {
    const findings = [finding('CVE-2026-1', { package: 'lib|x' })];
    const failed = check(targetState(slim, { scan: scanned(findings), gate: failedGate(findings) }));
    expect(failed?.conclusion).toBe('failure');
    expect(failed?.summary).toContain('| CVE-2026-1 | critical | lib\\|x | 1\\.0 | 1\\.1 |');
  });

  test('a fork awaits approval', () => {
    expect(check(targetState(slim, { build: { state: 'awaiting-approval' }, scan: null, gate: null }))).toMatchObject({
      conclusion: 'action_required',
    });
  });
});

describe('the scan check', () => {
  const unscanned = targetState(slim, { scan: notScanned('Trivy is not installed'), gate: null });

  test('fails where scanning is required', () => {
    expect(find(checkReports(reviewReport([unscanned])), 'scan')).toMatchObject({
      conclusion: 'failure',
      title: 'Not scanned: Trivy is not installed',
    });
  });

  test('is neutral where scanning is optional', () => {
    expect(find(checkReports(reviewReport([unscanned], { scanning: 'optional' })), 'scan')).toMatchObject({
      conclusion: 'neutral',
    });
  });

  test('succeeds once every slim image is scanned', () => {
    expect(find(checkReports(reviewReport([targetState(slim), targetState(fat)])), 'scan')).toMatchObject({
      conclusion: 'success',
      title: '1 image scanned with Trivy',
    });
  });

  test('fails with the gate', () => {
    const failing = [finding('CVE-1')];
    const state = targetState(slim, { scan: scanned(failing), gate: failedGate(failing) });
    expect(find(checkReports(reviewReport([state])), 'scan')).toMatchObject({ conclusion: 'failure' });
  });

  test('stays in progress while one image is missing', () => {
    const waiting = targetState(planned('other'), { build: building, scan: null, gate: null });
    expect(find(checkReports(reviewReport([unscanned, waiting])), 'scan')).toMatchObject({ status: 'in_progress' });
  });

  test('is skipped when nothing could be built', () => {
    const failed = targetState(slim, { build: buildFailed('no'), scan: null, gate: null });
    expect(find(checkReports(reviewReport([failed])), 'scan')).toMatchObject({ conclusion: 'skipped' });
  });

  test('does not exist for a fork', () => {
    const awaiting = targetState(slim, { build: { state: 'awaiting-approval' }, scan: null, gate: null });
    expect(names(checkReports(reviewReport([awaiting])))).not.toContain('scan');
  });
});

describe('the catalog’s check', () => {
  test('an invalid catalog fails with an annotation on each exact line', () => {
    const problems = Array.from({ length: 63 }, (_, index) => ({
      path: `models[${index}]`,
      message: `wrong ${index}`,
      line: index + 2,
      column: 5,
    }));
    const check = find(checkReports(reviewReport([], { catalog: { kind: 'invalid', problems } })), 'models.yaml');
    expect(check).toMatchObject({ conclusion: 'failure', title: '63 problems' });
    expect(check.annotations).toHaveLength(63);
    expect(check.annotations[1]).toEqual({
      path: 'models.yaml',
      line: 3,
      column: 5,
      level: 'failure',
      message: 'wrong 1',
    });
  });

  test('a valid one says what changed, and warns on its lines', () => {
    const warning = { path: 'models[0].revision', message: 'a branch moves', line: 4, column: 7 };
    const diff = { added: ['a', 'b'], changed: [{ short: 'c', fields: ['revision'] }], removed: ['d'] };
    const report = reviewReport([targetState(slim)], { catalog: { kind: 'valid', warnings: [warning] }, diff });
    const check = find(checkReports(report), 'models.yaml');
    expect(check.title).toBe('Valid: 2 models added, 1 model changed, 1 model removed');
    expect(check.summary).toContain('- `c` changed: `revision`');
    expect(check.annotations).toMatchObject([{ line: 4, level: 'warning' }]);
  });

  test('one that cannot be read is a failure with the reason, never an empty one', () => {
    const report = reviewReport([], { catalog: { kind: 'unreadable', reason: 'models.yaml is a symbolic link' } });
    expect(find(checkReports(report), 'models.yaml')).toMatchObject({
      conclusion: 'failure',
      summary: 'models.yaml is a symbolic link',
    });
  });

  test('a removed one is neutral', () => {
    const report = reviewReport([], { catalog: { kind: 'removed' } });
    expect(checkReports(report)).toMatchObject([
      { name: 'models.yaml', conclusion: 'neutral' },
      { name: 'model-images', conclusion: 'success' },
    ]);
  });
});

test('findings of the base are set apart and do not fail', () => {
  const inBase = finding('CVE-2026-9');
  const state = targetState(slim, { scan: scanned([inBase]), gate: passedGate({ fromBase: [inBase] }) });
  const [, check] = checkReports(reviewReport([state]));
  expect(check).toMatchObject({ conclusion: 'success', title: 'Built and scanned: 1 critical (1 fixable)' });
});

test('references can be copied: they are code, without anything invisible in them', () => {
  const [, check] = checkReports(reviewReport([targetState(slim)]));
  expect(check?.summary).toContain(`| Image | \`registry.test/acme/hf-tiny@sha256:${'d'.repeat(64)}\` |`);
});

describe('the buttons of a check', () => {
  const buttons = (...states: Parameters<typeof checkReports>[0]['targets']) =>
    Object.fromEntries(checkReports(reviewReport(states)).map(({ name, actions }) => [name, actions]));
  const waiting = { build: { state: 'awaiting-approval' as const }, scan: null, gate: null };

  test('approve what waits for an approval, there and on the required check', () => {
    expect(buttons(targetState(slim), targetState(fat, waiting))).toEqual({
      'models.yaml': [],
      'tiny · slim': ['rebuild'],
      'tiny · fat': ['approve'],
      scan: [],
      'model-images': ['approve'],
    });
  });

  test('build again what is done, either way, and nothing that is under way or denied', () => {
    const failed = targetState(slim, { build: buildFailed('full'), scan: null, gate: null });
    expect(buttons(failed)).toMatchObject({ 'tiny · slim': ['rebuild'], 'model-images': [] });
    const running = targetState(slim, { build: building, scan: null, gate: null });
    expect(buttons(running)).toMatchObject({ 'tiny · slim': [], 'model-images': [] });
    expect(buttons(denied)).toMatchObject({ 'tiny · fat': [] });
  });
});

test('what awaits an approval is no failure and no success, and names what is asked for', () => {
  const waiting = targetState(fat, { build: { state: 'awaiting-approval' }, scan: null, gate: null });
  const checks = checkReports(reviewReport([targetState(slim), waiting]));
  expect(find(checks, 'tiny · fat')).toMatchObject({ status: 'completed', conclusion: 'action_required' });
  expect(find(checks, 'model-images')).toMatchObject({
    conclusion: 'action_required',
    title: '1 image built, 1 image awaiting approval.',
  });
});
