import { z } from 'zod';
import { SEVERITIES, type Severity } from '../catalog/types.ts';
import { PublisherError } from '../errors.ts';
import {
  type Report,
  type ReportedVulnerability,
  reportSchema,
  type TrivyVersion,
  versionSchema,
} from './report-schema.ts';
import type { Finding, ScanSummary } from './types.ts';

const severity = z.enum(SEVERITIES).catch('unknown');

/**
 * The findings of a report, each once, the most severe first.
 * @throws PublisherError `scan-failed` when the text is no whole report of the known format
 */
export function parseReport(text: string): Finding[] {
  const report = parseJson(text, reportSchema, 'report');
  const found = new Map<string, Finding>();
  for (const finding of findingsOf(report)) {
    const key = JSON.stringify([identityOf(finding), finding.installed]);
    const known = found.get(key);
    if (known === undefined || rank(finding.severity) < rank(known.severity)) found.set(key, finding);
  }
  return [...found.values()].sort(
    (a, b) =>
      rank(a.severity) - rank(b.severity) ||
      compare(a.package, b.package) ||
      compare(a.id, b.id) ||
      compare(a.packagePath ?? '', b.packagePath ?? ''),
  );
}

/** @throws PublisherError `scan-failed` */
export function parseVersion(text: string): TrivyVersion {
  return parseJson(text, versionSchema, 'version');
}

/**
 * What makes two findings of different scans the same. Never Trivy's own fingerprint or target, which hold the image's name;
 * nor the installed version: an upgrade that leaves the hole open does not make a new one.
 */
export function identityOf(finding: Pick<Finding, 'id' | 'package' | 'packagePath' | 'class' | 'type'>): string {
  return JSON.stringify([finding.id, finding.package, finding.packagePath, finding.class, finding.type]);
}

export function summarize(findings: readonly Finding[]): ScanSummary {
  const summary: ScanSummary = { critical: 0, high: 0, medium: 0, low: 0, unknown: 0, fixable: 0 };
  for (const finding of findings) {
    summary[finding.severity] += 1;
    if (finding.fixed !== null) summary.fixable += 1;
  }
  return summary;
}

/** 0 is the most severe. */
export const rank = (of: Severity): number => SEVERITIES.indexOf(of);

function findingsOf(report: Report): Finding[] {
  return (report.Results ?? []).flatMap((result) =>
    (result.Vulnerabilities ?? []).map((vulnerability) =>
      toFinding(vulnerability, result.Class ?? 'unknown', result.Type ?? 'unknown'),
    ),
  );
}

function toFinding(vulnerability: ReportedVulnerability, resultClass: string, type: string): Finding {
  return {
    id: vulnerability.VulnerabilityID,
    severity: severity.parse(vulnerability.Severity?.toLowerCase()),
    package: vulnerability.PkgName,
    packagePath: text(vulnerability.PkgPath),
    installed: vulnerability.InstalledVersion ?? '',
    fixed: text(vulnerability.FixedVersion),
    class: resultClass,
    type,
    title: text(vulnerability.Title),
    url: text(vulnerability.PrimaryURL),
  };
}

function parseJson<T>(text: string, schema: z.ZodType<T>, what: string): T {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    const how = text.trim() === '' ? 'it is empty' : `it is not a whole JSON document (${text.length} characters)`;
    throw new PublisherError('scan-failed', `Trivy's ${what} cannot be read: ${how}.`, { cause: error });
  }
  const parsed = schema.safeParse(json);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const where = issue === undefined || issue.path.length === 0 ? '' : ` at ${issue.path.join('.')}`;
  throw new PublisherError(
    'scan-failed',
    `Trivy's ${what} is not in the known format${where}: ${issue?.message ?? 'unknown'}.`,
  );
}

const text = (value: string | null | undefined): string | null =>
  value === undefined || value === null || value === '' ? null : value;

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
