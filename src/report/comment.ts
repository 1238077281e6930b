import { code, escapeText, prose, textCell } from './markdown.ts';
import { formatBytes, plural, shortDigest } from './numbers.ts';
import { scanCounts } from './scan-words.ts';
import { targetName } from './target-name.ts';
import type { ReviewReport, TargetState } from './types.ts';
import { verdict } from './verdict.ts';

/**
 * Characters each part may have, so that the whole stays under 60,000 without being cut in the middle of something. The checks hold
 * what is left out.
 */
const MOST = {
  verdict: 1_000,
  problems: 20_000,
  table: 18_000,
  reasons: 14_000,
  trivy: 7_000,
  notes: 4_000,
  images: 9_000,
};
/** Characters of one text from outside: a licence name, a message. */
const MOST_OF_ONE = 500;

/**
 * The one comment of a pull request: verdict line first, then a table of models × variants, reasons, Trivy. null when there is
 * nothing worth a comment (no model changed), unless `told`: there is one already, and it must not go on saying what was.
 */
export function commentBody(report: ReviewReport, told = false): string | null {
  if (report.catalog?.kind === 'untouched' && !told) return null;
  const { line, conclusion } = verdict(report);
  const mark =
    conclusion === null ? '⏳' : conclusion === 'success' ? '✅' : conclusion === 'action_required' ? '✋' : '❌';
  const parts = [
    [`${mark} **Model images**: ${prose(shorten(line, MOST.verdict))}`],
    problems(report),
    rules(report),
    table(report),
    reasons(report),
    trivy(report),
    notes(report),
    footer(report),
  ];
  return parts
    .filter((part) => part.length > 0)
    .map((part) => part.join('\n'))
    .join('\n\n');
}

function problems({ catalog, catalogPath }: ReviewReport): string[] {
  if (catalog?.kind !== 'invalid') return [];
  return within(
    catalog.problems.map(
      ({ line, column, message }) => `- ${code(`${catalogPath}:${line}:${column}`)} ${prose(shorten(message))}`,
    ),
    MOST.problems,
    (more) => [`- … and ${more} more: see the check.`],
  );
}

/** What a person has to look at first: rules that would loosen, and licences that rest on somebody's word. */
function rules({ weakenings, overrides }: ReviewReport): string[] {
  const lines = [
    ...weakenings.map((weakening) => `- ${prose(shorten(weakening))}`),
    ...overrides.map(
      (short) =>
        `- ${code(short)} overrides what the Hub says of its licence: its fat image waits for an approval or the merge.`,
    ),
  ];
  return lines.length === 0
    ? []
    : ['#### To be reviewed by a person', '', ...within(lines, MOST.notes, (more) => [`- … and ${more} more`])];
}

function notes(report: ReviewReport): string[] {
  if (report.notes.length === 0) return [];
  const lines = report.notes.map((note) => `- ${prose(shorten(note))}`);
  return ['#### Notes', '', ...within(lines, MOST.notes, (more) => [`- … and ${more} more`])];
}

function table({ targets }: ReviewReport): string[] {
  if (targets.length === 0) return [];
  const rows = targets.map((state) => {
    const { spdx, declared } = state.target.license;
    const cells = [
      textCell(state.target.model.short),
      variantCell(state, targets),
      decision(state),
      textCell(shorten(spdx ?? declared ?? 'none declared', 80)),
      size(state),
      digest(state),
      scanCell(state),
    ];
    return `| ${cells.join(' | ')} |`;
  });
  return [
    '| Model | Variant | Decision | Licence | Size | Digest | Vulnerabilities |',
    '| --- | --- | --- | --- | --- | --- | --- |',
    ...within(rows, MOST.table, (more) => ['', `… and ${plural(more, 'more image')}: see the checks.`]),
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
    case 'awaiting-runtime':
      return `waits for ${textCell(build.runtime)}`;
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
      ...target.reasons.map(({ code: reason, message }) => `${code(reason)} ${prose(shorten(message))}`),
      ...target.warnings.map((warning) => prose(shorten(warning))),
      ...(build?.state === 'failed'
        ? [`**${target.variant} failed** (${escapeText(build.code)}): ${prose(shorten(build.message))}`]
        : []),
    ];
    for (const sentence of told) {
      const line = `- **${escapeText(target.model.short)}**: ${sentence}`;
      if (!seen.has(line)) lines.push(line);
      seen.add(line);
    }
  }
  if (lines.length === 0) return [];
  return ['#### Reasons', '', ...within(lines, MOST.reasons, (more) => [`- … and ${more} more: see the checks.`])];
}

function trivy({ targets }: ReviewReport): string[] {
  const built = targets.filter(({ target, build }) => target.variant === 'slim' && build?.state === 'built');
  if (built.length === 0) return [];
  const lines = built.map(({ target, scan, gate }) => {
    const name = `**${escapeText(target.model.short)}** (slim, standing for both variants)`;
    if (scan === null) return `- ${name}: scan pending`;
    if (scan.status === 'not-scanned') return `- ${name}: not scanned: ${prose(shorten(scan.reason))}`;
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
  return ['#### Trivy', '', ...within(lines, MOST.trivy, (more) => [`- … and ${more} more: see the checks.`])];
}

function footer({ headSha, targets }: ReviewReport): string[] {
  const images = targets.flatMap(({ target, build, previews = [] }) =>
    build?.state === 'built'
      ? [
          `- ${code(`${target.model.short} ${target.variant}`)}: ${code(build.image.reference)}`,
          ...(previews.length > 0 ? [`  - preview: ${previews.map(code).join(', ')}`] : []),
          ...(target.tags.length > 0 ? [`  - Tags after the merge: ${target.tags.map(code).join(', ')}`] : []),
        ]
      : [],
  );
  const pull =
    images.length > 0
      ? [
          '<details><summary>Image references</summary>',
          '',
          ...within(images, MOST.images, (more) => [`- … and ${more} more`]),
          '',
          '</details>',
          '',
        ]
      : [];
  return [
    ...pull,
    `<sub>Commit ${code(headSha.slice(0, 12))}. People with write access may comment ${code('/rebuild <short> [slim|fat] [--experimental]')}, ${code('/rebuild all')} or ${code(`/approve ${headSha}`)}.</sub>`,
  ];
}

/** As many whole lines as `most` characters hold, and how many were left out. */
function within(lines: string[], most: number, more: (left: number) => string[]): string[] {
  let characters = 0;
  const shown = lines.filter((line) => {
    characters += line.length + 1;
    return characters <= most;
  });
  return shown.length === lines.length ? lines : [...shown, ...more(lines.length - shown.length)];
}

function shorten(text: string, most = MOST_OF_ONE): string {
  return text.length <= most ? text : `${text.slice(0, most).toWellFormed()}…`;
}
