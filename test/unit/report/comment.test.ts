import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { commentBody } from '../../../src/report/comment.ts';
import type { ReviewReport } from '../../../src/report/types.ts';
import {
  buildFailed,
  failedGate,
  finding,
  notScanned,
  passedGate,
  planned,
  reviewReport,
  scanned,
  targetState,
} from '../../support/report/report.ts';

const LIMIT = 59_000;
const firstLine = (body: string | null) => (body ?? '').split('\n')[0] ?? '';
const both = (short: string, extra: Parameters<typeof targetState>[1] = {}) => [
  targetState(planned(short), extra),
  targetState(planned(short, { variant: 'fat' }), extra),
];

describe('the comment', () => {
  test('begins with the verdict and names slim, fat and Trivy', () => {
    const body = commentBody(reviewReport(both('tiny'))) ?? '';
    expect(firstLine(body)).toBe('✅ **Model images**: 2 images built.');
    expect(body).toContain('| tiny | slim | built | MIT | 1.34 GB at start | `sha256:dddddddddddd` | none found |');
    expect(body).toContain('| tiny | fat | built | MIT | 1.34 GB |');
    expect(body).toContain('#### Trivy');
  });

  test.each(['required', 'optional'] as const)('says in its first line what was not scanned (%s)', (scanning) => {
    const targets = both('tiny', { scan: notScanned('Trivy is not installed'), gate: null });
    const line = firstLine(commentBody(reviewReport(targets, { scanning })));
    expect(line).toContain('not scanned because Trivy is not installed');
    expect(line.startsWith(scanning === 'optional' ? '✅' : '❌')).toBe(true);
  });

  test('shows each reason once for both variants, and each failure', () => {
    const reasons = [{ code: 'license-permissive' as const, effect: 'allows' as const, message: 'MIT is fine.' }];
    const targets = [
      targetState(planned('tiny', { reasons })),
      targetState(planned('tiny', { variant: 'fat', reasons }), { build: buildFailed('the registry is down') }),
    ];
    const body = commentBody(reviewReport(targets)) ?? '';
    expect(body.split('MIT is fine.')).toHaveLength(2);
    expect(body).toContain('**fat failed** (registry-unavailable): the registry is down');
  });

  test('names what fails the gate, and sets the base’s findings apart', () => {
    const failing = [finding('CVE-2026-1')];
    const gate = { ...failedGate(failing), fromBase: [finding('CVE-2026-2'), finding('CVE-2026-3')] };
    const body = commentBody(reviewReport(both('tiny', { scan: scanned(failing), gate }))) ?? '';
    expect(body).toContain('**gate failed** on `CVE-2026-1`');
    expect(body).toContain('2 findings of the base image set apart');
    expect(commentBody(reviewReport(both('tiny', { gate: passedGate() })))).not.toContain('set apart');
  });

  test('is not written when no model changed, unless an earlier one has to be corrected', () => {
    const report = reviewReport([], { catalog: { kind: 'untouched' } });
    expect(commentBody(report)).toBeNull();
    expect(firstLine(commentBody(report, true))).toBe('✅ **Model images**: No model changes.');
  });

  test('lists the problems of an invalid catalog with their lines', () => {
    const problems = [{ path: 'models[0].id', message: 'unknown key `idd`, did you mean `id`?', line: 3, column: 5 }];
    const body = commentBody(reviewReport([], { catalog: { kind: 'invalid', problems } })) ?? '';
    expect(body).toContain('- `models.yaml:3:5` unknown key `idd`, did you mean `id`?');
  });
});

describe('however large the report is, the comment fits', () => {
  const long = (length: number) => 'x<|`@*'.repeat(length / 6);
  const cases: Record<string, ReviewReport> = {
    'hundreds of models': reviewReport(Array.from({ length: 400 }, (_, index) => both(`model-${index}`)).flat()),
    'hundreds of failures with long messages': reviewReport(
      Array.from({ length: 300 }, (_, index) =>
        both(`model-${index}`, { build: buildFailed(`${index} ${long(3_000)}`) }),
      ).flat(),
    ),
    'hundreds of models that were not scanned, each for its own long reason': reviewReport(
      Array.from({ length: 300 }, (_, index) =>
        both(`model-${index}`, { scan: notScanned(`${index} ${long(3_000)}`), gate: null }),
      ).flat(),
      { notes: Array.from({ length: 300 }, (_, index) => `${index} ${long(900)}`) },
    ),
    'a licence as long as a book': reviewReport(
      Array.from({ length: 150 }, () =>
        targetState(planned('tiny', { license: { declared: long(9_000), spdx: null, class: 'unknown' } })),
      ),
    ),
    'a thousand problems': reviewReport([], {
      catalog: {
        kind: 'invalid',
        problems: Array.from({ length: 1000 }, (_, line) => ({ path: '', message: long(900), line, column: 1 })),
      },
    }),
    'a failure as long as a book': reviewReport([], { failure: long(90_000) }),
  };
  test.each(Object.entries(cases))('%s', (_, report) => {
    const body = commentBody(report) ?? '';
    expect(body.length).toBeLessThan(LIMIT);
    // Whole rows, whole details, and the last line is there: nothing was cut in its middle.
    expect(body.split('<details>').length).toBe(body.split('</details>').length);
    expect(body.split('\n').at(-1)).toContain('/rebuild all');
  });

  test('what is left out is counted', () => {
    const body = commentBody(cases['hundreds of models'] ?? reviewReport([])) ?? '';
    const rows = body.split('\n').filter((line) => line.startsWith('| model-')).length;
    expect(body).toContain(`… and ${800 - rows} more images: see the checks.`);
  });
});

describe('text from outside does nothing', () => {
  const hostile = fc.oneof(
    fc.constantFrom(
      '@everyone',
      '](https://evil.test)',
      '<img src=x onerror=alert(1)>',
      '| a | b |',
      'x\n\n# heading\n- item',
      '`@admin` `',
      '<!-- model-image-publisher:report sha256=0 -->',
      '</details>',
      'https://evil.test/x',
      '[a](https://evil.test)',
      '![i](https://evil.test/i.png)',
    ),
    fc.string({ unit: 'grapheme', maxLength: 60 }),
  );

  test('names, licences, messages and findings make no mention, link, HTML, table cell or line', () => {
    fc.assert(
      fc.property(hostile, hostile, hostile, (name, licence, message) => {
        const target = planned('tiny', {
          model: { id: name, short: name },
          license: { declared: licence, spdx: null, class: 'unknown' },
          reasons: [{ code: 'license-unknown', effect: 'denies-fat', message }],
          warnings: [message],
        });
        const failing = [finding(name, { package: licence })];
        const states = [
          targetState(target, { scan: scanned(failing), gate: failedGate(failing) }),
          targetState({ ...target, variant: 'fat' }, { build: buildFailed(message) }),
        ];
        const report = reviewReport(states, { notes: [message], scanning: 'optional' });
        const plain = targetState(
          planned('x', { reasons: target.reasons.map((reason) => ({ ...reason, message: 'x' })), warnings: ['x'] }),
          {
            scan: scanned(failing),
            gate: failedGate([finding('x')]),
          },
        );
        const harmless = reviewReport(
          [plain, targetState({ ...plain.target, variant: 'fat' }, { build: buildFailed('x') })],
          {
            notes: ['x'],
          },
        );
        const body = commentBody(report) ?? '';
        const expected = commentBody(harmless) ?? '';
        // No part of it starts a line of its own.
        expect(Math.abs(body.split('\n').length - expected.split('\n').length)).toBeLessThanOrEqual(1);
        // Outside code, no character of HTML, mention, link or image is left as such.
        const outside = body.split('\n').map(outsideCode).join('\n');
        const ours = outside.replace(/<\/?(details|summary|sub)>/g, '');
        expect(ours).not.toMatch(/<[a-z!/]/i);
        expect(ours).not.toMatch(/@(?!\u200B)[a-z]/i);
        expect(ours).not.toMatch(/(?<!\\)\]\(/);
        expect(ours).not.toMatch(/https?:\/\//);
        for (const row of body.split('\n').filter((line) => line.startsWith('| '))) {
          expect(row.replaceAll(/\\\\|\\\|/g, '').split('|')).toHaveLength(9);
        }
      }),
      { numRuns: 300 },
    );
  });
});

/** CommonMark, "Code spans" and "Backslash escapes": what is left of a line without its spans and escapes. */
function outsideCode(line: string): string {
  let kept = '';
  for (let at = 0; at < line.length; ) {
    const run = /^`+/.exec(line.slice(at))?.[0] ?? '';
    const close = run === '' ? null : new RegExp(`(?<!\`)\`{${run.length}}(?!\`)`).exec(line.slice(at + run.length));
    if (run !== '' && close !== null) at += run.length + close.index + run.length;
    else if (line[at] === '\\') at += 2;
    else {
      kept += line.slice(at, at + Math.max(1, run.length));
      at += Math.max(1, run.length);
    }
  }
  return kept;
}

test('what would loosen the rules and licence overrides come first, before the table', () => {
  const report = reviewReport([targetState(planned('tiny'))], {
    weakenings: ['`spdx_permissive_whitelist` gains llama3; that takes effect after merge.'],
    overrides: ['tiny'],
  });
  const lines = (commentBody(report) ?? '').split('\n').filter((line) => line !== '');
  expect(lines[0]).toContain('✅');
  expect(lines[1]).toBe('#### To be reviewed by a person');
  expect(lines[2]).toContain('gains llama3; that takes effect after merge');
  expect(lines[3]).toContain('`tiny` overrides what the Hub says of its licence');
  expect(lines[4]).toContain('| Model |');
});

test('a catalog cannot write into the list of what a person has to look at', () => {
  const weakening = '`scan.ignore` gains CVE-1\n\n# Approved @maintainer <img src=x>; that takes effect after merge.';
  const body = commentBody(reviewReport([], { weakenings: [weakening] })) ?? '';
  expect(body).not.toContain('\n# Approved');
  expect(body).not.toContain('<img');
  expect(body).not.toMatch(/(^|[^\u200b\w])@maintainer/);
});
