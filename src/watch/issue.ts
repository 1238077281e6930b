import type { IssueState } from '../github/types.ts';
import { cell, code, escapeText, link, textCell } from '../report/markdown.ts';
import { plural } from '../report/numbers.ts';
import { rank } from '../scan/parse.ts';
import type { Finding } from '../scan/types.ts';
import type { WatchedState } from '../store/watched.ts';

/** Rows of the table, and findings named in one: GitHub takes 65,536 characters in all. */
const MOST_PACKAGES = 60;
const MOST_FINDINGS = 8;

/** Names the issue of a model among ours. */
export const issueMarker = (short: string): string => `rescan-${short}`;

/** The issue about what appeared in a published model: open as long as any of it is left. The same knowledge gives the same text. */
export function rescanIssue(short: string, { images, changed }: WatchedState): IssueState {
  const title = `Vulnerabilities appeared in hf-${short}`;
  const rows = packagesOf(images);
  const told = changed === null ? '' : ` (looked at on ${changed.on}, ${databaseWords(changed.database)})`;
  if (rows.length === 0) {
    const body = `The critical and high findings that this was about are gone from the published images of ${code(`hf-${short}`)}${told}.`;
    return { title, body, open: false };
  }
  const findings = rows.reduce((sum, row) => sum + row.findings.length, 0);
  const shown = rows.slice(0, MOST_PACKAGES);
  const body = [
    `${plural(findings, 'critical or high finding')} appeared in the published images of ${code(`hf-${short}`)} since they were published${told}:`,
    '',
    '| Package | Installed | Upgrade to | Findings | Images |',
    '| --- | --- | --- | --- | --- |',
    ...shown.map(rowOf),
    ...(rows.length > shown.length ? ['', `And ${plural(rows.length - shown.length, 'more package')}.`] : []),
    '',
    'What the catalog ignores is not listed. This issue is brought up to date by every scan, and closed when nothing of it is left. ' +
      'A newer base image is the usual remedy; `scan.ignore` in the catalog sets a finding aside.',
  ];
  return { title, body: body.join('\n'), open: true };
}

interface PackageRow {
  name: string;
  path: string | null;
  installed: string;
  findings: Finding[];
  images: string[];
}

/** The gravest package first. */
function packagesOf(images: WatchedState['images']): PackageRow[] {
  const rows = new Map<string, PackageRow>();
  for (const [image, { open }] of Object.entries(images).sort(([a], [b]) => compare(a, b))) {
    for (const finding of open) {
      const key = JSON.stringify([finding.package, finding.packagePath, finding.installed]);
      const { package: name, packagePath: path, installed } = finding;
      const row = rows.get(key) ?? { name, path, installed, findings: [], images: [] };
      if (!row.images.includes(image)) row.images.push(image);
      if (!row.findings.some(({ id }) => id === finding.id)) row.findings.push(finding);
      rows.set(key, row);
    }
  }
  for (const row of rows.values()) row.findings.sort(byWeight);
  const gravest = ({ findings: [first] }: PackageRow) => (first === undefined ? 0 : rank(first.severity));
  return [...rows.values()].sort(
    (a, b) => gravest(a) - gravest(b) || compare(a.name, b.name) || compare(a.installed, b.installed),
  );
}

function rowOf({ name, path, installed, findings, images }: PackageRow): string {
  const where = path === null ? code(name) : `${code(name)} in ${code(path)}`;
  const named = findings.slice(0, MOST_FINDINGS).map((finding) => {
    const id = finding.url === null ? escapeText(finding.id) : link(finding.id, finding.url);
    return `${id} (${finding.severity})`;
  });
  if (findings.length > MOST_FINDINGS) named.push(`${findings.length - MOST_FINDINGS} more`);
  const fixes = [...new Set(findings.flatMap(({ fixed }) => fixed ?? []))];
  const unfixed = findings.some(({ fixed }) => fixed === null);
  const upgrade = [
    ...fixes.map(escapeText),
    ...(unfixed ? [fixes.length === 0 ? 'no fix yet' : 'no fix yet for all'] : []),
  ];
  return `| ${cell(where)} | ${textCell(installed)} | ${cell(upgrade.join(', '))} | ${cell(named.join(', '))} | ${cell(images.map(code).join(', '))} |`;
}

function databaseWords(date: string | null): string {
  return date === null
    ? 'with a vulnerability database of unknown date'
    : `with the vulnerability database of ${escapeText(date.slice(0, 10))}`;
}

const byWeight = (a: Finding, b: Finding): number => rank(a.severity) - rank(b.severity) || compare(a.id, b.id);

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
