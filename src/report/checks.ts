import { catalogCheck } from './catalog-check.ts';
import { cell, code, escapeText, prose, textCell } from './markdown.ts';
import { formatBytes, plural } from './numbers.ts';
import { laneTable, progressWords } from './progress.ts';
import { gateSentence, scanCounts } from './scan-words.ts';
import { smokeSentence } from './smoke-words.ts';
import { targetName } from './target-name.ts';
import type { CheckReport, ReviewReport, TargetState } from './types.ts';
import { standing, verdict } from './verdict.ts';

/** The check that branch protection requires; its name never changes. */
export const REQUIRED_CHECK = 'model-images';
export const SCAN_CHECK = 'scan';

type Outcome = Pick<CheckReport, 'status' | 'conclusion' | 'title'>;

/** All check runs of a pull request's head commit, as they should stand now. */
export function checkReports(report: ReviewReport): CheckReport[] {
  const all = report.targets.map(({ target }) => target);
  // What is over a ceiling gets no check a target: there may be hundreds, and none would say anything else.
  const shown = report.failure === null ? report.targets : [];
  const targets = shown
    .filter(({ target }) => target.action !== 'remove')
    .map((state) => targetCheck(state, targetName(state.target, all)));
  const catalog = catalogCheck(report);
  const scan = report.failure === null ? scanCheck(report) : null;
  return [...(catalog === null ? [] : [catalog]), ...targets, ...(scan === null ? [] : [scan]), requiredCheck(report)];
}

function requiredCheck(report: ReviewReport): CheckReport {
  const { concluded, conclusion, line } = verdict(report);
  const lines = report.targets.map((state) => {
    const name = targetName(
      state.target,
      report.targets.map(({ target }) => target),
    );
    return `- **${escapeText(name)}**: ${prose(outcome(state).title)}`;
  });
  return {
    name: REQUIRED_CHECK,
    status: concluded ? 'completed' : 'in_progress',
    conclusion,
    title: line,
    summary: [prose(line), ...(lines.length > 0 ? ['', ...lines] : [])].join('\n'),
    annotations: [],
    actions: report.targets.some((state) => standing(state) === 'awaits-approval') ? ['approve'] : [],
  };
}

function targetCheck(state: TargetState, name: string): CheckReport {
  const { target, build, scan, gate } = state;
  const facts: [string, string][] = [
    ['Model', target.model.id],
    ['Revision', target.revision ?? 'not pinned'],
    ['Licence', target.license.spdx ?? target.license.declared ?? 'none declared'],
    [
      'Base',
      target.base.digest === null
        ? `${target.base.reference} (not resolved)`
        : `${target.base.reference}@${target.base.digest}`,
    ],
    ['Inputs', target.inputs ?? 'not known'],
  ];
  if (target.bytes !== null) facts.push(['Model files', `${target.files.length} (${formatBytes(target.bytes)})`]);
  if (build?.state === 'built') {
    facts.push(
      ['Image', build.image.reference],
      ['Moved', `${formatBytes(build.image.bytes.uploaded)} uploaded, ${formatBytes(build.image.bytes.reused)} reused`],
      ['Took', `${(build.image.durationMs / 1000).toFixed(1)} s`],
    );
  }
  const built = build?.state === 'built';
  const summary = [
    ...target.reasons.map(({ code: reason, message }) => `- ${code(reason)}: ${prose(message)}`),
    ...target.warnings.map((warning) => `- ${prose(warning)}`),
    ...(build?.state === 'failed' ? ['', `**${escapeText(build.code)}**: ${prose(build.message)}`] : []),
    ...(build?.state === 'failed' ? (build.log ?? []).map((line) => `- ${code(line)}`) : []),
    ...(build?.state === 'building' ? ['', ...laneTable(build.progress)] : []),
    ...(built ? build.image.notes.map((note) => `- ${prose(note)}`) : []),
    ...(built && build.smoke !== null ? [`- ${prose(smokeSentence(build.smoke))}`] : []),
    ...(built ? ['', prose(gateSentence(scan, gate))] : []),
    ...(gate?.notes ?? []).map((note) => `- ${prose(note)}`),
    '',
    '| | |',
    '| --- | --- |',
    // As code: what is there to be copied must not hold the invisible characters that keep text harmless.
    ...facts.map(([key, value]) => `| ${key} | ${cell(code(value))} |`),
    ...(gate !== null && !gate.passed ? ['', ...failingTable(gate.failing)] : []),
  ];
  return { name, ...outcome(state), summary: summary.join('\n').trimStart(), annotations: [], actions: buttons(state) };
}

/** A target that is done, either way, can be built again; one that waits can be approved. */
function buttons({ target, build }: TargetState): CheckReport['actions'] {
  if (target.action === 'skip' || target.action === 'remove') return [];
  if (build?.state === 'awaiting-approval') return ['approve'];
  return target.action === 'fail' || build?.state === 'built' || build?.state === 'failed' ? ['rebuild'] : [];
}

/** Target checks conclude on build and gate; a missing scan is told here and judged by `scan` and `model-images`. */
export function outcome({ target, build, scan, gate }: TargetState): Outcome {
  const completed = (conclusion: CheckReport['conclusion'], title: string): Outcome => ({
    status: 'completed',
    conclusion,
    title,
  });
  if (target.action === 'remove') return completed('neutral', 'Removed from the catalog; existing tags stay.');
  if (target.action === 'skip') {
    const denial = target.reasons.find(({ effect }) => effect === 'denies-fat');
    return completed(
      'neutral',
      `fat not permitted: ${denial === undefined ? 'denied by policy' : denialWords(denial.code, denial.message)}`,
    );
  }
  if (target.action === 'fail') {
    const reason = target.reasons.find(({ effect }) => effect === 'fails');
    return completed('failure', reason?.message ?? target.warnings[0] ?? 'Cannot be built.');
  }
  if (build === null) return completed('failure', target.warnings[0] ?? 'The base image is not resolved.');
  switch (build.state) {
    case 'queued':
      return { status: 'queued', conclusion: null, title: 'Waiting to be built' };
    case 'awaiting-runtime': {
      const { runtime, building } = build;
      const title = `Waits for runtime ${runtime}${building ? ', which is being built' : ''}`;
      return { status: 'queued', conclusion: null, title };
    }
    case 'awaiting-approval':
      return completed('action_required', 'Planned only: awaits the approval of this commit');
    case 'building': {
      return { status: 'in_progress', conclusion: null, title: progressWords(build.progress) };
    }
    case 'failed':
      return completed('failure', build.message);
    case 'built':
      if (scan === null) return { status: 'in_progress', conclusion: null, title: 'Built; scanning' };
      if (scan.status === 'not-scanned') return completed('success', 'Built, not scanned');
      if (gate?.passed === false) return completed('failure', gateSentence(scan, gate));
      return completed('success', `Built and scanned: ${scanCounts(scan)}`);
  }
}

function denialWords(reason: string, message: string): string {
  const short: Record<string, string> = {
    gated: 'gated on the Hub',
    'license-missing': 'no licence declared',
    'license-unknown': 'licence not understood',
    'license-not-permissive': 'licence not permissive',
    'too-large': 'too large',
    'unsafe-files': 'flagged by the Hub’s scanners',
    'remote-code': 'runs code of another repository',
  };
  return short[reason] ?? message;
}

function scanCheck({ targets, scanning }: ReviewReport): CheckReport | null {
  const slims = targets.filter(({ target }) => target.variant === 'slim' && target.action === 'build');
  if (slims.length === 0 || slims.some(({ build }) => build?.state === 'awaiting-approval')) return null;
  const all = targets.map(({ target }) => target);
  const lines = slims.map(({ target, build, scan, gate }) => {
    const words = build?.state === 'failed' || build === null ? 'the image was not built' : gateSentence(scan, gate);
    return `- **${escapeText(targetName(target, all))}**: ${prose(words)}`;
  });
  const base = { name: SCAN_CHECK, summary: lines.join('\n'), annotations: [], actions: [] as [] };
  const pending = slims.some(({ build, scan }) => build !== null && build.state !== 'failed' && scan === null);
  if (pending) return { ...base, status: 'in_progress', conclusion: null, title: 'Scanning with Trivy' };
  const missing = slims.flatMap(({ scan }) => (scan?.status === 'not-scanned' ? [scan.reason] : []));
  if (missing.length > 0) {
    const conclusion = scanning === 'required' ? 'failure' : 'neutral';
    return { ...base, status: 'completed', conclusion, title: `Not scanned: ${missing[0]}` };
  }
  const failing = slims.filter(({ gate }) => gate?.passed === false).length;
  if (failing > 0)
    return {
      ...base,
      status: 'completed',
      conclusion: 'failure',
      title: `${plural(failing, 'image')} failed the gate`,
    };
  const scanned = slims.filter(({ scan }) => scan !== null).length;
  if (scanned === 0) return { ...base, status: 'completed', conclusion: 'skipped', title: 'No image was built' };
  return {
    ...base,
    status: 'completed',
    conclusion: 'success',
    title: `${plural(scanned, 'image')} scanned with Trivy`,
  };
}

function failingTable(
  findings: { id: string; severity: string; package: string; installed: string; fixed: string | null }[],
): string[] {
  const rows = findings
    .slice(0, 100)
    .map(
      (finding) =>
        `| ${textCell(finding.id)} | ${finding.severity} | ${textCell(finding.package)} | ${textCell(finding.installed)} | ${textCell(finding.fixed ?? 'none yet')} |`,
    );
  const more = findings.length > 100 ? ['', `… and ${findings.length - 100} more.`] : [];
  return [
    '| Finding | Severity | Package | Installed | Fixed in |',
    '| --- | --- | --- | --- | --- |',
    ...rows,
    ...more,
  ];
}
