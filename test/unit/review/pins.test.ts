import { describe, expect, test } from 'vitest';
import { pinsOf } from '../../../src/review/pins.ts';
import { NOTHING_PLANNED } from '../../../src/review/review-job.ts';
import { type ReviewPlan, reviewPlanSchema } from '../../../src/review/types.ts';
import { DIGEST, planned } from '../../support/report/report.ts';
import { validCatalog } from '../catalog/support.ts';

const A = 'a'.repeat(40);
const B = 'b'.repeat(40);
const OTHER = `sha256:${'e'.repeat(64)}` as const;

const head = (...models: string[]) => validCatalog(`models:\n${models.map((line) => `  - ${line}`).join('\n')}\n`);
const plan = (
  revision: string | null,
  written: string | null = null,
  digest: typeof DIGEST | null = DIGEST,
): ReviewPlan => ({
  ...NOTHING_PLANNED,
  catalog: { kind: 'valid', warnings: [] },
  targets: [
    planned('one', { model: { id: 'acme/one', short: 'one' }, revision, base: { reference: 'base:v1', digest } }),
  ],
  revisions: { one: written },
});
const ONE = '{id: acme/one, short: one}';

describe('what a pull request resolved', () => {
  test('holds: revision and base', () => {
    expect(pinsOf([plan(A)], head(ONE), null)).toEqual({
      revisions: { one: A },
      bases: { one: { 'base:v1': DIGEST } },
    });
  });

  test('of the newest plan wins over that of older ones', () => {
    expect(pinsOf([plan(B), plan(A)], head(ONE), null).revisions).toEqual({ one: B });
  });

  test('is not lost by a plan in which Hub or registry did not answer', () => {
    const pins = pinsOf([plan(null, null, null), plan(A)], head(ONE), null);
    expect(pins).toEqual({ revisions: { one: A }, bases: { one: { 'base:v1': DIGEST } } });
  });

  test('is not lost by a broken catalog in between', () => {
    expect(pinsOf([NOTHING_PLANNED, plan(A)], head(ONE), null).revisions).toEqual({ one: A });
  });

  test.each([
    ['another model under the same name', '{id: acme/two, short: one}', null],
    ['another branch', '{id: acme/one, short: one, revision: dev}', 'main'],
    ['a commit', `{id: acme/one, short: one, revision: ${B}}`, null],
    ['no commit any more', ONE, A],
  ])('ends when the entry names %s', (_, entry, written) => {
    expect(pinsOf([plan(A, written)], head(entry), null).revisions).toEqual({});
  });

  test('of a branch that is still the one written holds', () => {
    const entry = '{id: acme/one, short: one, revision: dev}';
    expect(pinsOf([plan(A, 'dev')], head(entry), null).revisions).toEqual({ one: A });
  });

  test('is released by a rebuild of that model, of all, and of no other', () => {
    const rebuild = (shorts: 'all' | string[]) =>
      pinsOf([plan(A)], head(ONE), { shorts, variant: null, experimental: false }).revisions;
    expect(rebuild(['one'])).toEqual({});
    expect(rebuild('all')).toEqual({});
    expect(rebuild(['two'])).toEqual({ one: A });
  });

  test('of another base does not mix', () => {
    expect(pinsOf([plan(A, null, OTHER), plan(A)], head(ONE), null).bases).toEqual({ one: { 'base:v1': OTHER } });
  });
});

test('a plan kept by an earlier version, without the newer fields, is still read', () => {
  const { revisions: _, failure: __, ...old } = NOTHING_PLANNED;
  expect(reviewPlanSchema.parse(old)).toEqual(NOTHING_PLANNED);
});
