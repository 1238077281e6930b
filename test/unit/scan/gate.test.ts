import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { ScanSettings, Severity } from '../../../src/catalog/types.ts';
import { SEVERITIES } from '../../../src/catalog/types.ts';
import { gate, threshold } from '../../../src/scan/gate.ts';
import { summarize } from '../../../src/scan/parse.ts';
import type { Finding, ScanResult } from '../../../src/scan/types.ts';

const finding = (id: string, severity: Severity = 'critical', more: Partial<Finding> = {}): Finding => ({
  ...{
    id,
    severity,
    package: 'p',
    packagePath: null,
    installed: '1',
    fixed: '2',
    class: 'os-pkgs',
    type: 'debian',
    title: null,
    url: null,
  },
  ...more,
});
const scanned = (...findings: Finding[]): ScanResult & { status: 'scanned' } => ({
  ...{ status: 'scanned', reference: 'r', reason: null, summary: summarize(findings), findings },
  database: { version: 2, updatedAt: '2026-11-20T00:00:00Z' },
});
const unscanned: ScanResult = {
  status: 'not-scanned',
  reference: 'r',
  reason: 'Trivy is missing',
  summary: null,
  findings: [],
  database: null,
};
const settings: ScanSettings = { failOn: ['critical'], ignoreUnfixed: true, baseFindings: 'warn', ignore: [] };
const ignore = (until: string | null, name: string | null = null) => ({
  id: 'CVE-1',
  package: name,
  until,
  reason: null,
});
const today = '2026-11-21';
const ids = (findings: Finding[]) => findings.map(({ id }) => id);

describe('the gate', () => {
  test('fails on a new finding of a severity that counts, and only on that', () => {
    const answer = gate(
      scanned(finding('new'), finding('old'), finding('minor', 'high')),
      scanned(finding('old')),
      settings,
      today,
    );
    expect(answer).toMatchObject({ passed: false, notes: [] });
    expect([ids(answer.failing), ids(answer.fromBase), ids(answer.ignored)]).toEqual([['new'], ['old'], []]);
  });

  test('passes when the base has them all', () => {
    expect(gate(scanned(finding('old')), scanned(finding('old')), settings, today)).toMatchObject({ passed: true });
  });

  test('is strict about the base when told to be', () => {
    const answer = gate(scanned(finding('old')), scanned(finding('old')), { ...settings, baseFindings: 'fail' }, today);
    expect([answer.passed, ids(answer.failing), ids(answer.fromBase)]).toEqual([false, ['old'], []]);
  });

  test('sees a base finding in another place or kind of package as new', () => {
    const base = scanned(finding('a', 'critical', { class: 'lang-pkgs', packagePath: 'x' }));
    for (const more of [
      { class: 'lang-pkgs', packagePath: 'y' },
      { class: 'os-pkgs', packagePath: 'x' },
      { class: 'lang-pkgs', packagePath: 'x', type: 'gobinary' },
    ]) {
      expect(gate(scanned(finding('a', 'critical', more)), base, settings, today).passed).toBe(false);
    }
  });

  test('sets aside what has no fix, unless told otherwise', () => {
    const result = scanned(finding('unfixed', 'critical', { fixed: null }));
    expect(gate(result, scanned(), settings, today)).toMatchObject({ passed: true, ignored: [{ id: 'unfixed' }] });
    expect(gate(result, scanned(), { ...settings, ignoreUnfixed: false }, today).passed).toBe(false);
  });

  test('without a scan of the base treats everything as new, and says so', () => {
    expect(gate(scanned(finding('x')), null, settings, today)).toMatchObject({
      passed: false,
      notes: ['The base image was not scanned: its findings count as new.'],
    });
    expect(gate(scanned(), unscanned, settings, today)).toMatchObject({
      passed: true,
      notes: [expect.stringContaining('Trivy is missing')],
    });
  });

  test('says when base and image were looked at with different databases', () => {
    const base = { ...scanned(), database: { version: 2, updatedAt: '2026-01-01T00:00:00Z' } };
    expect(gate(scanned(), base, settings, today).notes).toEqual([expect.stringContaining('different databases')]);
  });

  test('never passes what was not scanned', () => {
    expect(gate(unscanned, null, settings, today)).toEqual({
      passed: false,
      failing: [],
      fromBase: [],
      ignored: [],
      notes: ['Not scanned: Trivy is missing'],
    });
  });
});

describe('an ignore', () => {
  const answer = (entry: ScanSettings['ignore'][number]) =>
    gate(scanned(finding('CVE-1')), scanned(), { ...settings, ignore: [entry] }, today);

  test('holds through its last day, or for ever', () => {
    for (const until of [null, today, '2027-01-01'])
      expect(answer(ignore(until))).toMatchObject({ passed: true, ignored: [{ id: 'CVE-1' }], notes: [] });
  });

  test('that has expired counts again, with its date', () => {
    expect(answer(ignore('2026-11-20'))).toMatchObject({
      passed: false,
      notes: ['The ignore of CVE-1 expired on 2026-11-20: it counts again.'],
    });
  });

  test('may be for one package only', () => {
    expect(answer(ignore(null, 'p')).passed).toBe(true);
    expect(answer(ignore(null, 'q')).passed).toBe(false);
  });

  test('that has expired and matches nothing is to be removed', () => {
    expect(gate(scanned(), scanned(), { ...settings, ignore: [ignore('2026-01-01', 'q')] }, today)).toMatchObject({
      passed: true,
      notes: ['The ignore of CVE-1 in q expired on 2026-01-01 and matches nothing: remove it.'],
    });
  });
});

test('a threshold counts that severity and above, wherever the finding comes from', () => {
  const result = scanned(...SEVERITIES.map((severity) => finding(severity, severity)));
  expect(ids(threshold(result, 'high'))).toEqual(['critical', 'high']);
  expect(ids(threshold(result, 'unknown'))).toEqual([...SEVERITIES]);
  expect(threshold(unscanned, 'unknown')).toEqual([]);
});

test('every finding of a severity that counts ends in exactly one place, and the stricter setting never lets more through', () => {
  const findings = fc.array(
    fc.record({
      id: fc.constantFrom('a', 'b', 'c', 'd'),
      severity: fc.constantFrom(...SEVERITIES),
      fixed: fc.option(fc.constant('2')),
    }),
    { maxLength: 12 },
  );
  const toScan = (list: { id: string; severity: Severity; fixed: string | null }[]) =>
    scanned(...list.map(({ id, severity, fixed }) => finding(id, severity, { fixed })));
  fc.assert(
    fc.property(
      findings,
      findings,
      fc.uniqueArray(fc.constantFrom(...SEVERITIES)),
      fc.boolean(),
      (image, base, failOn, ignoreUnfixed) => {
        const loose = gate(toScan(image), toScan(base), { ...settings, failOn, ignoreUnfixed }, today);
        expect(loose.failing.length + loose.fromBase.length + loose.ignored.length).toBe(
          image.filter(({ severity }) => failOn.includes(severity)).length,
        );
        const strict = gate(
          toScan(image),
          toScan(base),
          { ...settings, failOn, ignoreUnfixed, baseFindings: 'fail' },
          today,
        );
        expect(strict.failing).toEqual(expect.arrayContaining(loose.failing));
        if (strict.passed) expect(loose.passed).toBe(true);
      },
    ),
  );
});
