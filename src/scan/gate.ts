import type { ScanIgnore, ScanSettings, Severity } from '../catalog/types.ts';
import { identityOf, rank } from './parse.ts';
import type { Finding, GateResult, ScanResult } from './types.ts';

/**
 * Whether an image may be published as far as its vulnerabilities go. Only findings of a severity in `failOn` count; of
 * these, one without a fix is set aside with `ignoreUnfixed`, one on the ignore list until its last day, and one the bare
 * base has as well with `baseFindings: warn`. Without a scan of the base nothing is set aside for it. Not scanned is not
 * passed: whether the operator lets that through is decided elsewhere.
 *
 * @param base the scan of the bare base image; null when there was none
 * @param today YYYY-MM-DD, in UTC
 */
export function gate(result: ScanResult, base: ScanResult | null, settings: ScanSettings, today: string): GateResult {
  if (result.status === 'not-scanned') {
    return { passed: false, failing: [], fromBase: [], ignored: [], notes: [`Not scanned: ${result.reason}`] };
  }
  const inBase = new Set(base?.status === 'scanned' ? base.findings.map(identityOf) : []);
  const answer: GateResult = { passed: true, failing: [], fromBase: [], ignored: [], notes: [] };
  for (const finding of result.findings) {
    if (!settings.failOn.includes(finding.severity)) continue;
    if ((settings.ignoreUnfixed && finding.fixed === null) || isIgnored(finding, settings.ignore, today)) {
      answer.ignored.push(finding);
    } else if (settings.baseFindings === 'warn' && inBase.has(identityOf(finding))) {
      answer.fromBase.push(finding);
    } else {
      answer.failing.push(finding);
    }
  }
  answer.passed = answer.failing.length === 0;
  answer.notes = [...expiryNotes(result.findings, settings.ignore, today), ...baseNotes(result, base, settings)];
  return answer;
}

/** The findings of that severity and above: what `--fail-on` counts, wherever they come from. */
export function threshold(result: ScanResult, severity: Severity): Finding[] {
  return result.findings.filter((finding) => rank(finding.severity) <= rank(severity));
}

const matches = (finding: Finding, ignore: ScanIgnore): boolean =>
  ignore.id === finding.id && (ignore.package === null || ignore.package === finding.package);

// Dates as YYYY-MM-DD compare like text. The last day still holds.
const isExpired = (ignore: ScanIgnore, today: string): boolean => ignore.until !== null && ignore.until < today;

/** Whether an ignore of the list holds for it on that day (YYYY-MM-DD, UTC). */
export const isIgnored = (finding: Finding, ignores: readonly ScanIgnore[], today: string): boolean =>
  ignores.some((ignore) => matches(finding, ignore) && !isExpired(ignore, today));

function expiryNotes(findings: readonly Finding[], ignores: readonly ScanIgnore[], today: string): string[] {
  return ignores
    .filter((ignore) => isExpired(ignore, today))
    .map((ignore) => {
      const what = ignore.package === null ? ignore.id : `${ignore.id} in ${ignore.package}`;
      return findings.some((finding) => matches(finding, ignore))
        ? `The ignore of ${what} expired on ${ignore.until}: it counts again.`
        : `The ignore of ${what} expired on ${ignore.until} and matches nothing: remove it.`;
    });
}

function baseNotes(
  result: ScanResult & { status: 'scanned' },
  base: ScanResult | null,
  settings: ScanSettings,
): string[] {
  if (settings.baseFindings === 'fail') return [];
  if (base === null) return ['The base image was not scanned: its findings count as new.'];
  if (base.status === 'not-scanned') {
    return [`The base image was not scanned (${base.reason}): its findings count as new.`];
  }
  const same =
    base.database.updatedAt === result.database.updatedAt && base.database.version === result.database.version;
  return same ? [] : ['Base and image were scanned with different databases: some findings may only look new.'];
}
