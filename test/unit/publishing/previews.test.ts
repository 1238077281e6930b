import { describe, expect, test } from 'vitest';
import { previewSteps } from '../../../src/publishing/previews.ts';
import type { TargetState } from '../../../src/report/types.ts';
import { building, built, DIGEST, planned, reviewReport, scanned, targetState } from '../../support/report/report.ts';

const PLACE = 'registry.example/acme/hf-chat';
const at = (variant: 'slim' | 'fat', extra: Partial<TargetState>) =>
  targetState(planned('chat', { variant, repositories: [PLACE] }), { scan: scanned(), ...extra });
const row = (tag: string, digest: typeof DIGEST = DIGEST) => ({ repository: PLACE, tag, digest, repoId: 1, pr: 7 });

describe('previews', () => {
  test('are of what passed, under the number of the pull request and nothing else', () => {
    const report = reviewReport([at('slim', { build: built('chat') }), at('fat', { build: building })]);
    expect(previewSteps(report, 7, [])).toEqual({
      write: [{ repository: PLACE, tag: 'pr-7-slim', digest: DIGEST }],
      remove: [],
    });
  });

  test('stay where they are, also while their image is built again, and go with their target', () => {
    const report = reviewReport([at('slim', { build: built('chat') }), at('fat', { build: building })]);
    const present = [row('pr-7-slim'), row('pr-7-fat'), row('pr-7-old-fat')];
    expect(previewSteps(report, 7, present)).toEqual({ write: [], remove: [row('pr-7-old-fat')] });
  });

  test('move with the digest', () => {
    const report = reviewReport([at('slim', { build: built('chat') })]);
    const steps = previewSteps(report, 7, [row('pr-7-slim', `sha256:${'e'.repeat(64)}`)]);
    expect(steps.write.map(({ digest }) => digest)).toEqual([DIGEST]);
  });

  test('are not of what was not scanned, unless the operator lets it through', () => {
    const unscanned = at('slim', {
      build: built('chat'),
      scan: { status: 'not-scanned', reference: '', reason: 'no Trivy', summary: null, findings: [], database: null },
    });
    expect(previewSteps(reviewReport([unscanned], { scanning: 'required' }), 7, []).write).toEqual([]);
    expect(previewSteps(reviewReport([unscanned], { scanning: 'optional' }), 7, []).write).toHaveLength(1);
  });
});
