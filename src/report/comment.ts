import { code, escapeText, prose, textCell } from './markdown.ts';
import { formatBytes, plural, shortDigest } from './numbers.ts';
import { scanCounts } from './scan-words.ts';
import { targetName } from './target-name.ts';
import type { ReviewReport, TargetState } from './types.ts';
import { verdict } from './verdict.ts';

/** Rows beyond this would pass GitHub's limit on a comment; the checks hold them all. */
const MAX_ROWS = 100;
const MAX_PROBLEMS = 30;

/**
 * The one comment of a pull request: verdict line first, then a table of models × variants, reasons, Trivy. null when there is
 * nothing worth a comment (no model changed).
 */
export function commentBody(report: ReviewReport): string | null {
  if (report.catalog?.kind === 'untouched') return null;
  const { line, conclusion } = verdict(report);
  const mark =
    conclusion === null ? '⏳' : conclusion === 'success' ? '✅' : conclusion === 'action_required' ? '✋' : '❌';
  const parts = [
    [`${mark} **Model images**: ${prose(line)}`],
    problems(report),
    table(report),
    reasons(report),
    trivy(report),
    report.notes.length > 0 ? ['#### Notes', '', ...report.notes.map((note) => `- ${prose(note)}`)] : [],
    footer(report),
  ];
  return parts
    .filter((part) => part.length > 0)
    .map((part) => part.join('\n'))
    .join('\n\n');
}

function problems({ catalog, catalogPath }: ReviewReport): string[] {
  if (catalog?.kind !== 'invalid') return [];
  const shown = catalog.problems
    .slice(0, MAX_PROBLEMS)
    .map(({ line, column, message }) => `- ${code(`${catalogPath}:${line}:${column}`)} ${prose(message)}`);
  const more = catalog.problems.length - shown.length;
  return more > 0 ? [...shown, `- … and ${more} more`] : shown;
}

function table({ targets }: ReviewReport): string[] {
  if (targets.length === 0) return [];
  const rows = targets
    .slice(0, MAX_ROWS)
    .map(
      (state) =>
        `| ${textCell(state.target.model.short)} | ${variantCell(state, targets)} | ${decision(state)} | ${textCell(state.target.license.spdx ?? state.target.license.declared ?? 'none declared')} | ${size(state)} | ${digest(state)} | ${scanCell(state)} |`,
    );
  const more = targets.length - rows.length;
  return [
    '| Model | Variant | Decision | Licence | Size | Digest | Vulnerabilities |',
    '| --- | --- | --- | --- | --- | --- | --- |',
    ...rows,
    ...(more > 0 ? ['', `… and ${plural(more, 'more image')}: see the checks.`] : []),
  ];
}

function variantCell({ target }: TargetState, all: TargetState[]): string {
  const name = targetName(
    target,
    all.map((state) => state.target),
  );
  return textCell(name.split(' · ').slice(1).join(' · '));
}

function decision({ target, build, gate }: TargetState): string {
  if (target.action === 'remove') return 'removed';
  if (target.action === 'skip') return 'not permitted';
  if (target.action === 'fail') return '**failed**';
  switch (build?.state) {
    case undefined:
      return '**failed**';
    case 'queued':
      return 'waiting';
    case 'awaiting-approval':
      return 'awaits approval';
    case 'building':
      return 'building';
    case 'failed':
      return '**failed**';
    case 'built':
      return gate?.passed === false ? '**gate failed**' : 'built';
  }
}

function size({ target }: TargetState): string {
  if (target.bytes === null) return '–';
  return target.variant === 'fat' ? formatBytes(target.bytes) : `${formatBytes(target.bytes)} at start`;
}

function digest({ build }: TargetState): string {
  return build?.state === 'built' ? code(shortDigest(build.image.digest)) : '–';
}

function scanCell({ build, scan }: TargetState): string {
  return build?.state === 'built' ? textCell(scanCounts(scan)) : '–';
}

/** Every reason once per model and runtime: both variants share them. */
function reasons({ targets }: ReviewReport): string[] {
  const seen = new Set<string>();
  const lines: string[] = [];
  for (const { target, build } of targets) {
    const told = [
      ...target.reasons.map(({ code: reason, message }) => `${code(reason)} ${prose(message)}`),
      ...target.warnings.map(prose),
      ...(build?.state === 'failed'
        ? [`**${target.variant} failed** (${escapeText(build.code)}): ${prose(build.message)}`]
        : []),
    ];
    for (const sentence of told) {
      const line = `- **${escapeText(target.model.short)}**: ${sentence}`;
      if (!seen.has(line)) lines.push(line);
      seen.add(line);
    }
  }
  if (lines.length === 0) return [];
  const shown = lines.slice(0, MAX_ROWS);
  const more = lines.length - shown.length;
  return ['#### Reasons', '', ...shown, ...(more > 0 ? [`- … and ${more} more: see the checks.`] : [])];
}

function trivy({ targets }: ReviewReport): string[] {
  const built = targets.filter(({ target, build }) => target.variant === 'slim' && build?.state === 'built');
  if (built.length === 0) return [];
  const lines = built.map(({ target, scan, gate }) => {
    const name = `**${escapeText(target.model.short)}** (slim, standing for both variants)`;
    if (scan === null) return `- ${name}: scan pending`;
    if (scan.status === 'not-scanned') return `- ${name}: not scanned: ${prose(scan.reason)}`;
    const base =
      gate !== null && gate.fromBase.length > 0
        ? `; ${plural(gate.fromBase.length, 'finding')} of the base image set apart`
        : '';
    const failing =
      gate !== null && !gate.passed
        ? `; **gate failed** on ${gate.failing
            .slice(0, 5)
            .map(({ id }) => code(id))
            .join(', ')}`
        : '';
    const database =
      scan.database.updatedAt === null ? '' : `, database of ${escapeText(scan.database.updatedAt.slice(0, 10))}`;
    return `- ${name}: ${escapeText(scanCounts(scan))}${base}${failing}${database}`;
  });
  return ['#### Trivy', '', ...lines];
}

function footer({ headSha, targets }: ReviewReport): string[] {
  const images = targets.flatMap(({ target, build }) =>
    build?.state === 'built'
      ? [`- ${code(`${target.model.short} ${target.variant}`)}: ${code(build.image.reference)}`]
      : [],
  );
  const pull =
    images.length > 0
      ? ['<details><summary>Image references</summary>', '', ...images.slice(0, MAX_ROWS), '', '</details>', '']
      : [];
  return [
    ...pull,
    `<sub>Commit ${code(headSha.slice(0, 12))}. People with write access may comment ${code('/rebuild <short> [slim|fat]')} or ${code('/rebuild all')}.</sub>`,
  ];
}
