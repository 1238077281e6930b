import { readFile } from 'node:fs/promises';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { identityOf, parseReport, parseVersion, summarize } from '../../../src/scan/parse.ts';

const fixture = await readFile(new URL('../../fixtures/trivy/report.json', import.meta.url), 'utf8');
const real = await readFile(new URL('../../fixtures/trivy/real-report.json', import.meta.url), 'utf8');
const report = (results: unknown) => JSON.stringify({ SchemaVersion: 2, Results: results });

describe('a report', () => {
  test('becomes findings, the most severe first', () => {
    expect(parseReport(fixture).map(({ id, severity, package: name }) => `${severity} ${id} ${name}`)).toEqual([
      'critical CVE-2026-2222 zlib1g',
      'high CVE-2026-1111 libssl3',
      'high GHSA-aaaa-bbbb-cccc requests',
      'medium GHSA-aaaa-bbbb-cccc requests',
      'unknown CVE-2026-3333 bash',
    ]);
  });

  test('gives each finding what Trivy knows about it', () => {
    expect(parseReport(fixture)[1]).toEqual({
      id: 'CVE-2026-1111',
      severity: 'high',
      package: 'libssl3',
      packagePath: null,
      installed: '3.0.16-1',
      fixed: '3.0.17-1',
      class: 'os-pkgs',
      type: 'debian',
      title: 'openssl: made up for a test',
      url: 'https://avd.aquasec.com/nvd/cve-2026-1111',
    });
  });

  test('counts a finding listed twice once, at its highest severity', () => {
    const paths = parseReport(fixture)
      .filter(({ id }) => id.startsWith('GHSA'))
      .map(({ packagePath, severity }) => [severity, packagePath]);
    expect(paths).toEqual([
      ['high', 'opt/venv/requests/METADATA'],
      ['medium', 'usr/lib/python3/dist-packages/requests/METADATA'],
    ]);
  });

  test('that Trivy 0.74 really wrote is read', () => {
    expect(parseReport(real).map((finding) => [finding.id, finding.severity, finding.package, finding.fixed])).toEqual([
      ['CVE-2026-1000', 'critical', 'tiny-ssl', '2.0-1'],
      ['CVE-2026-2000', 'high', 'tiny-py', '1.5.0'],
      ['CVE-2026-1001', 'low', 'tiny-ssl', null],
    ]);
  });

  test('is summed up by severity, those with a fix apart', () => {
    expect(summarize(parseReport(fixture))).toEqual({
      critical: 1,
      high: 2,
      medium: 1,
      low: 0,
      unknown: 1,
      fixable: 3,
    });
  });

  test.each([
    ['without results', JSON.stringify({ SchemaVersion: 2 })],
    ['with results that are null', report(null)],
    ['with results that found nothing', report([{}, { Vulnerabilities: null }])],
  ])('%s has no findings', (_, text) => expect(parseReport(text)).toEqual([]));

  test.each([
    ['nothing', '', 'it is empty'],
    ['half a document', fixture.slice(0, 700), 'not a whole JSON document (700 characters)'],
    ['another schema', JSON.stringify({ SchemaVersion: 3 }), 'at SchemaVersion: only schema version 2 is known'],
    [
      'a finding without its id',
      report([{ Vulnerabilities: [{ PkgName: 'x' }] }]),
      'at Results.0.Vulnerabilities.0.VulnerabilityID',
    ],
  ])('that is %s is refused with the reason', (_, text, reason) => {
    expect(() => parseReport(text)).toThrow(
      expect.objectContaining({ code: 'scan-failed', message: expect.stringContaining(reason) }),
    );
  });

  test('cut off anywhere is never taken for a shorter one', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: fixture.trimEnd().length - 1 }), (end) => {
        expect(() => parseReport(fixture.slice(0, end))).toThrow();
      }),
    );
  });
});

test('a finding is the same in another image, and after an upgrade that does not fix it', () => {
  const [finding] = parseReport(
    report([
      {
        Target: 'image one',
        Class: 'os-pkgs',
        Type: 'debian',
        Vulnerabilities: [{ VulnerabilityID: 'C', PkgName: 'p', InstalledVersion: '1', Fingerprint: 'a' }],
      },
    ]),
  );
  const [other] = parseReport(
    report([
      {
        Target: 'image two',
        Class: 'os-pkgs',
        Type: 'debian',
        Vulnerabilities: [{ VulnerabilityID: 'C', PkgName: 'p', InstalledVersion: '2', Fingerprint: 'b' }],
      },
    ]),
  );
  expect(finding && identityOf(finding)).toBe(other && identityOf(other));
});

test('a version names its database when there is one', () => {
  expect(parseVersion('{"Version":"0.74.0"}')).toEqual({ Version: '0.74.0' });
  expect(
    parseVersion(
      '{"Version":"0.74.0","VulnerabilityDB":{"Version":2,"UpdatedAt":"2026-01-01T00:00:00Z","NextUpdate":"x"}}',
    ),
  ).toMatchObject({
    VulnerabilityDB: { Version: 2, UpdatedAt: '2026-01-01T00:00:00Z' },
  });
});
